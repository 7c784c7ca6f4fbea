#include "granary/query/statements/running_statement.h"

#include <algorithm>
#include <utility>

#include "granary/query/engine/engine.h"
#include "granary/query/formats/output_format.h"
#include "granary/query/formats/registry.h"
#include "granary/query/planning/sources/table_functions.h"

namespace granary {
namespace {

// Whether values of the column may be a constant, its elements included.
bool MayBeConstant(const NamedColumn& named) {
  return named.column->is_constant() || named.column->type().is_array();
}

Block Materialized(Block block) {
  const auto& columns = block.columns();
  if (std::none_of(columns.begin(), columns.end(), MayBeConstant)) return block;
  Block materialized(block.rows());
  for (const NamedColumn& named : columns) {
    materialized.Add(named.name, named.column->Materialize());
  }
  return materialized;
}

}  // namespace

RunningStatement::RunningStatement(std::unique_ptr<StatementContext> context,
                                   std::function<void(const StatementProgress&)> on_progress)
    : context_(std::move(context)) {
  context_->engine().processes().Add(context_.get(), std::move(on_progress));
}

RunningStatement::~RunningStatement() {
  stream_.reset();
  Finish();
}

void RunningStatement::Start(PlanPtr plan, std::string format, const std::string& outfile) {
  if (!format.empty()) format_ = std::move(format);
  plan_ = std::move(plan);
  if (plan_ == nullptr) return Finish();
  returns_rows_ = outfile.empty();
  if (!returns_rows_) WriteOutfile(outfile);
}

const Header& RunningStatement::columns() const {
  static const Header kNone;
  return returns_rows_ ? plan_->header() : kNone;
}

std::optional<Block> RunningStatement::Next() {
  if (is_finished_) return std::nullopt;
  const TaskScope scope(&context_->task());
  try {
    context_->task().CheckCancelled();
    if (stream_ == nullptr) stream_ = plan_->Open(*context_);
    std::optional<Block> block = stream_->Next();
    if (!block) {
      Finish();
      return std::nullopt;
    }
    rows_returned_ += block->rows();
    const uint64_t rows_max = context_->settings().max_result_rows;
    if (rows_max != 0 && rows_returned_ > rows_max) {
      throw Error(ErrorCode::kTooManyRowsOrBytes,
                  "The result has more than " + std::to_string(rows_max) +
                      " rows; add a LIMIT or raise max_result_rows");
    }
    return Materialized(std::move(*block));
  } catch (...) {
    Finish();
    throw;
  }
}

void RunningStatement::WriteOutfile(const std::string& outfile) {
  const std::string path = ResolveUserFile(outfile, *context_);
  std::string format = format_.value_or("");
  if (format.empty()) format = std::string(FormatOfFile(outfile).value_or("TabSeparated"));
  FileSystem& files = context_->engine().user_files();
  const std::unique_ptr<WritableFile> file = files.Create(path);
  try {
    const auto output = OutputFormat::Create(format, plan_->header(), *file, context_->settings());
    while (std::optional<Block> block = Next()) output->WriteBlock(*block);
    output->Finish();
    file->Close();
  } catch (...) {
    files.Remove(path);
    throw;
  }
}

void RunningStatement::Finish() {
  if (is_finished_) return;
  is_finished_ = true;
  stream_.reset();
  context_->Finish();
  context_->engine().processes().Remove(context_.get());
}

}  // namespace granary
