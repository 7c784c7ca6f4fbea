#include "granary/query/insertion.h"

#include <utility>

#include "granary/query/engine.h"

namespace granary {
namespace {

std::vector<std::string> SplitNames(const std::string& list) {
  std::vector<std::string> names(1);
  for (const char c : list) {
    if (c == ',') {
      names.emplace_back();
    } else if (c != ' ') {
      names.back() += c;
    }
  }
  std::erase(names, "");
  return names;
}

}  // namespace

Insertion::Insertion(TablePtr table, std::vector<std::string> columns, StatementContext* context)
    : table_(std::move(table)),
      context_(context),
      completion_(context->Parts(*table_)->schema, std::move(columns)),
      charge_(context->task().memory(), 0, "the rows of INSERT") {
  context_->engine().merges().DelayInsert(*table_->store, context_->task());
}

void Insertion::Add(const Block& rows, const std::vector<std::vector<uint8_t>>& absent) {
  Block complete = completion_.Complete(rows, absent, rows_);
  charge_.Grow(complete.byte_size(), "the rows of INSERT");
  rows_ += complete.rows();
  context_->task().progress().rows_done += complete.rows();
  blocks_.push_back(std::move(complete));
}

void Insertion::Finish() {
  if (blocks_.empty()) return;
  const QuerySettings& settings = context_->settings();
  InsertOptions options;
  options.materialize_indexes = settings.materialize_skip_indexes_on_insert;
  options.exclude_indexes = SplitNames(settings.exclude_materialize_skip_indexes_on_insert);
  const MemoryCharge whole(context_->task().memory(), blocks_.size() > 1 ? charge_.bytes() : 0,
                           "the rows of INSERT");
  const Block block = blocks_.size() == 1 ? blocks_.front() : ConcatenateBlocks(blocks_);
  blocks_.clear();
  table_->store->Insert(block, options, context_->task());
  context_->AddRowsWritten(rows_);
}

}  // namespace granary
