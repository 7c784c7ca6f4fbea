#include "granary/query/statements/insertion.h"

#include <utility>

#include "granary/query/engine/engine.h"

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
      completion_(context->Parts(*table_)->schema, std::move(columns)) {}

void Insertion::Run(const std::function<std::optional<IncomingRows>()>& next) {
  const TaskContext& task = context_->task();
  context_->engine().merges().DelayInsert(*table_->store, task);
  const QuerySettings& settings = context_->settings();
  InsertOptions options;
  options.first_row = 1;  // as the formats count
  options.materialize_indexes = settings.materialize_skip_indexes_on_insert;
  options.exclude_indexes = SplitNames(settings.exclude_materialize_skip_indexes_on_insert);
  table_->store->Insert([&] { return Collect(next); }, options, task);
  context_->AddRowsWritten(rows_);
}

std::optional<Block> Insertion::Collect(const std::function<std::optional<IncomingRows>()>& next) {
  const TaskContext& task = context_->task();
  std::vector<Block> blocks;
  size_t rows = 0;
  while (rows < context_->settings().max_insert_block_size) {
    task.CheckCancelled();
    const std::optional<IncomingRows> incoming = next();
    if (!incoming) break;
    Block complete = completion_.Complete(incoming->rows, incoming->absent, rows_);
    rows += complete.rows();
    rows_ += complete.rows();
    task.progress().rows_done += complete.rows();
    blocks.push_back(std::move(complete));
  }
  if (blocks.empty()) return std::nullopt;
  if (blocks.size() == 1) return std::move(blocks.front());
  return ConcatenateBlocks(blocks);
}

}  // namespace granary
