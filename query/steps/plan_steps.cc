#include "granary/query/steps/plan_steps.h"

#include <algorithm>
#include <utility>

#include "granary/query/engine/statement_context.h"
#include "granary/query/steps/group_index.h"

namespace granary {
namespace {

Header HeaderOf(const std::vector<Projection>& columns) {
  Header header;
  for (const Projection& column : columns) {
    header.push_back({column.name, column.expression->type()});
  }
  return header;
}

std::vector<CompiledExpressionPtr> ExpressionsOf(const std::vector<Projection>& columns) {
  std::vector<CompiledExpressionPtr> expressions;
  for (const Projection& column : columns) expressions.push_back(column.expression);
  return expressions;
}

Header Renamed(const PlanStep& input, const std::vector<RenameStep::Column>& columns) {
  Header header;
  for (const RenameStep::Column& column : columns) {
    const auto found = std::find_if(input.header().begin(), input.header().end(),
                                    [&](const HeaderColumn& c) { return c.name == column.from; });
    header.push_back({column.to, found->type});
  }
  return header;
}

std::vector<DataType> TypesOf(const Header& header, const std::vector<std::string>& columns) {
  std::vector<DataType> types;
  for (const std::string& name : columns) {
    for (const HeaderColumn& column : header) {
      if (column.name == name) {
        types.push_back(column.type);
        break;
      }
    }
  }
  return types;
}

std::vector<ColumnPtr> ColumnsOf(const Block& block, const std::vector<std::string>& names) {
  std::vector<ColumnPtr> columns;
  for (const std::string& name : names) columns.push_back(block.Get(name));
  return columns;
}

std::string Joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string Text(const RowLimit& limit) {
  std::string text = limit.limit ? "Limit " + std::to_string(*limit.limit) : "No limit";
  if (limit.offset > 0) text += ", offset " + std::to_string(limit.offset);
  return text;
}

class LimitedStream final : public BlockStream {
 public:
  LimitedStream(BlockStreamPtr input, const RowLimit& limit, const std::vector<SortKey>* tie_keys)
      : input_(std::move(input)),
        skip_(limit.offset),
        left_(limit.limit.value_or(UINT64_MAX)),
        tie_keys_(tie_keys) {}

  std::optional<Block> Next() override {
    while (left_ > 0) {
      std::optional<Block> block = input_->Next();
      if (!block) return std::nullopt;
      const size_t skipped = std::min<uint64_t>(skip_, block->rows());
      skip_ -= skipped;
      if (skipped == block->rows()) continue;
      const size_t taken = std::min<uint64_t>(left_, block->rows() - skipped);
      left_ -= taken;
      if (left_ > 0 || tie_keys_->empty()) {
        if (taken == block->rows()) return block;
        return block->Slice(skipped, taken);
      }
      last_row_ = block->Slice(skipped + taken - 1, 1);
      return block->Slice(skipped, taken + TiesFrom(*block, skipped + taken));
    }
    if (ties_ended_ || !last_row_) return std::nullopt;
    std::optional<Block> block = input_->Next();
    const size_t ties = block ? TiesFrom(*block, 0) : 0;
    if (ties == 0) return std::nullopt;
    return block->Slice(0, ties);
  }

 private:
  // How many rows from `first` on tie with the last row.
  size_t TiesFrom(const Block& block, size_t first) {
    size_t row = first;
    while (row < block.rows() && TiesWithLast(block, row)) ++row;
    ties_ended_ = row < block.rows();
    return row - first;
  }

  bool TiesWithLast(const Block& block, size_t row) const {
    return std::all_of(tie_keys_->begin(), tie_keys_->end(), [&](const SortKey& key) {
      const ColumnPtr last = last_row_->Get(key.column)->Materialize();
      return block.Get(key.column)->Slice(row, 1)->Materialize()->Compare(0, *last, 0) == 0;
    });
  }

  BlockStreamPtr input_;
  uint64_t skip_;
  uint64_t left_;
  const std::vector<SortKey>* tie_keys_;
  std::optional<Block> last_row_;
  bool ties_ended_ = false;
};

// Keeps rows by the number that rows of the same group had before them.
class GroupLimitStream final : public BlockStream {
 public:
  GroupLimitStream(BlockStreamPtr input, const RowLimit& limit, std::vector<std::string> columns,
                   std::vector<DataType> types)
      : input_(std::move(input)), limit_(limit), columns_(std::move(columns)), index_(types) {}

  std::optional<Block> Next() override {
    while (std::optional<Block> block = input_->Next()) {
      Block kept = Keep(*block);
      if (kept.rows() > 0) return kept;
    }
    return std::nullopt;
  }

 private:
  Block Keep(const Block& block) {
    ChargedVector<uint32_t> groups(block.rows());
    ChargedVector<uint32_t> new_rows;
    index_.Assign(ColumnsOf(block, columns_), groups, new_rows);
    seen_.resize(index_.groups());
    ChargedVector<uint32_t> kept;
    for (size_t row = 0; row < groups.size(); ++row) {
      const uint64_t before = seen_[groups[row]]++;
      if (before >= limit_.offset && before - limit_.offset < limit_.limit.value_or(UINT64_MAX)) {
        kept.push_back(static_cast<uint32_t>(row));
      }
    }
    return kept.size() == block.rows() ? block : block.Gather(kept);
  }

  BlockStreamPtr input_;
  RowLimit limit_;
  std::vector<std::string> columns_;
  GroupIndex index_;
  ChargedVector<uint64_t> seen_;  // rows by group
};

class ConcatenatedStream final : public BlockStream {
 public:
  explicit ConcatenatedStream(std::vector<BlockStreamPtr> inputs) : inputs_(std::move(inputs)) {}

  std::optional<Block> Next() override {
    for (; current_ < inputs_.size(); inputs_[current_++].reset()) {
      if (std::optional<Block> block = inputs_[current_]->Next()) return block;
    }
    return std::nullopt;
  }

 private:
  std::vector<BlockStreamPtr> inputs_;
  size_t current_ = 0;
};

}  // namespace

Block FilterBlock(const Block& block, const Expression& condition) {
  const ColumnPtr result = condition.Evaluate(block);
  if (result->is_constant()) {
    uint8_t pass = 0;
    ConditionMask(*result->Slice(0, 1), {&pass, 1});
    return pass != 0 ? block : block.Slice(0, 0);
  }
  std::vector<uint8_t> mask(block.rows());
  const size_t kept = ConditionMask(*result, mask);
  return kept == block.rows() ? block : block.Filter(mask, kept);
}

BlockStep::BlockStep(Header header, Block block, std::string title)
    : PlanStep(std::move(header)), block_(std::move(block)), title_(std::move(title)) {}

BlockStreamPtr BlockStep::Open(StatementContext&) const {
  std::vector<Block> blocks;
  if (block_.rows() > 0) blocks.push_back(block_);
  return std::make_unique<StoredStream>(std::move(blocks));
}

StepDescription BlockStep::Describe(StatementContext&, bool) const { return {title_, {}, {}}; }

FilterStep::FilterStep(PlanPtr input, CompiledExpressionPtr condition, std::string what)
    : PlanStep(input->header(), {input}),
      condition_(std::move(condition)),
      what_(std::move(what)) {}

BlockStreamPtr FilterStep::Open(StatementContext& context) const {
  return MapStream(
      inputs()[0]->Open(context),
      [this](const Block& block) { return FilterBlock(block, *condition_); }, &context.task());
}

StepDescription FilterStep::Describe(StatementContext&, bool) const {
  return {"Filter (" + what_ + ")", {"Filter column: " + condition_->text()}, {}};
}

ProjectStep::ProjectStep(PlanPtr input, std::vector<Projection> columns, std::string what)
    : PlanStep(HeaderOf(columns), {input}),
      columns_(ExpressionsOf(columns)),
      what_(std::move(what)) {}

BlockStreamPtr ProjectStep::Open(StatementContext& context) const {
  return MapStream(
      inputs()[0]->Open(context),
      [this](const Block& block) {
        Block projected(block.rows());
        std::vector<ColumnPtr> columns = columns_.Evaluate(block);
        for (size_t i = 0; i < columns.size(); ++i) {
          projected.Add(header()[i].name, std::move(columns[i]));
        }
        return projected;
      },
      &context.task());
}

StepDescription ProjectStep::Describe(StatementContext&, bool) const {
  std::vector<std::string> texts;
  for (const auto& expression : columns_.expressions()) texts.push_back(expression->text());
  return {"Expression (" + what_ + ")", {"Actions: " + Joined(texts)}, {}};
}

RenameStep::RenameStep(PlanPtr input, std::vector<Column> columns)
    : PlanStep(Renamed(*input, columns), {input}), columns_(std::move(columns)) {}

BlockStreamPtr RenameStep::Open(StatementContext& context) const {
  return MapStream(
      inputs()[0]->Open(context),
      [this](const Block& block) {
        Block renamed(block.rows());
        for (const Column& column : columns_) renamed.Add(column.to, block.Get(column.from));
        return renamed;
      },
      &context.task());
}

StepDescription RenameStep::Describe(StatementContext&, bool) const {
  return {"Expression (Projection)", {}, {}};
}

DistinctStep::DistinctStep(PlanPtr input, std::vector<std::string> columns)
    : PlanStep(input->header(), {input}), columns_(std::move(columns)) {}

BlockStreamPtr DistinctStep::Open(StatementContext& context) const {
  return std::make_unique<GroupLimitStream>(inputs()[0]->Open(context),
                                            RowLimit{.offset = 0, .limit = 1}, columns_,
                                            TypesOf(header(), columns_));
}

StepDescription DistinctStep::Describe(StatementContext&, bool) const {
  return {"Distinct", {"Columns: " + Joined(columns_)}, {}};
}

SortStep::SortStep(PlanPtr input, std::vector<SortKey> keys, std::optional<uint64_t> limit)
    : PlanStep(input->header(), {input}), keys_(std::move(keys)), limit_(limit) {}

BlockStreamPtr SortStep::Open(StatementContext& context) const {
  const std::shared_ptr<BlockStream> input = inputs()[0]->Open(context);
  return std::make_unique<DeferredStream>(
      [this, input, &context] { return SortAll(*input, keys_, limit_, context.task()); },
      context.settings().max_block_size);
}

StepDescription SortStep::Describe(StatementContext&, bool) const {
  std::vector<std::string> keys;
  for (const SortKey& key : keys_) keys.push_back(key.column + (key.descending ? " DESC" : " ASC"));
  StepDescription description{
      "Sorting (Sorting for ORDER BY)", {"Sort description: " + Joined(keys)}, {}};
  if (limit_) description.details.push_back("Limit " + std::to_string(*limit_));
  return description;
}

LimitStep::LimitStep(PlanPtr input, RowLimit limit, std::vector<SortKey> tie_keys)
    : PlanStep(input->header(), {input}), limit_(limit), tie_keys_(std::move(tie_keys)) {}

BlockStreamPtr LimitStep::Open(StatementContext& context) const {
  return std::make_unique<LimitedStream>(inputs()[0]->Open(context), limit_, &tie_keys_);
}

StepDescription LimitStep::Describe(StatementContext&, bool) const {
  StepDescription description{limit_.limit ? "Limit" : "Offset", {Text(limit_)}, {}};
  if (!tie_keys_.empty()) description.details.push_back("With ties");
  return description;
}

LimitByStep::LimitByStep(PlanPtr input, RowLimit limit, std::vector<std::string> columns)
    : PlanStep(input->header(), {input}), limit_(limit), columns_(std::move(columns)) {}

BlockStreamPtr LimitByStep::Open(StatementContext& context) const {
  return std::make_unique<GroupLimitStream>(inputs()[0]->Open(context), limit_, columns_,
                                            TypesOf(header(), columns_));
}

StepDescription LimitByStep::Describe(StatementContext&, bool) const {
  return {"LimitBy", {Text(limit_), "Columns: " + Joined(columns_)}, {}};
}

UnionStep::UnionStep(Header header, std::vector<PlanPtr> inputs)
    : PlanStep(std::move(header), std::move(inputs)) {}

BlockStreamPtr UnionStep::Open(StatementContext& context) const {
  std::vector<BlockStreamPtr> streams;
  for (const PlanPtr& input : inputs()) streams.push_back(input->Open(context));
  return std::make_unique<ConcatenatedStream>(std::move(streams));
}

StepDescription UnionStep::Describe(StatementContext&, bool) const { return {"Union", {}, {}}; }

}  // namespace granary
