// -If: only rows for which the last argument is true. -Distinct: each combination of arguments
// once.
#include "granary/query/functions/aggregate_families.h"
#include "granary/query/functions/byte_set.h"
#include "granary/query/functions/grouped_rows.h"
#include "granary/query/functions/row_bytes.h"
#include "granary/query/functions/row_selection.h"

namespace granary {
namespace {

// Rows picked out of arguments, and their groups.
struct PickedRows {
  ChargedVector<uint32_t> groups;
  std::vector<ColumnPtr> arguments;

  PickedRows(std::span<const uint32_t> rows, std::span<const uint32_t> group_of_row,
             std::span<const ColumnPtr> from) {
    for (const uint32_t row : rows) groups.push_back(group_of_row[row]);
    for (const ColumnPtr& argument : from) arguments.push_back(argument->Gather(rows));
  }
};

class ConditionStates final : public AggregateStates {
 public:
  explicit ConditionStates(std::unique_ptr<AggregateStates> inner) : inner_(std::move(inner)) {}

  size_t groups() const override { return inner_->groups(); }
  void Resize(size_t groups) override { inner_->Resize(groups); }

  void Add(std::span<const uint32_t> group_of_row, std::span<const ColumnPtr> arguments) override {
    const ChargedVector<uint32_t> rows = TrueRows(*arguments.back(), group_of_row.size());
    const PickedRows picked(rows, group_of_row, arguments.first(arguments.size() - 1));
    inner_->Add(picked.groups, picked.arguments);
  }

  void AddAll(uint32_t group, size_t rows, std::span<const ColumnPtr> arguments) override {
    const ChargedVector<uint32_t> true_rows = TrueRows(*arguments.back(), rows);
    std::vector<ColumnPtr> picked;
    for (const ColumnPtr& argument : arguments.first(arguments.size() - 1)) {
      picked.push_back(argument->Gather(true_rows));
    }
    inner_->AddAll(group, true_rows.size(), picked);
  }

  void Merge(const AggregateStates& other, std::span<const uint32_t> group_map) override {
    inner_->Merge(*static_cast<const ConditionStates&>(other).inner_, group_map);
  }
  ColumnPtr Finish() const override { return inner_->Finish(); }

 private:
  static ChargedVector<uint32_t> TrueRows(const Column& condition, size_t rows) {
    ChargedVector<uint8_t> mask(rows);
    ChargedVector<uint32_t> true_rows;
    true_rows.reserve(ReadTruth(condition, mask));
    for (uint32_t row = 0; row < rows; ++row) {
      if (mask[row]) true_rows.push_back(row);
    }
    return true_rows;
  }

  std::unique_ptr<AggregateStates> inner_;
};

// Keeps the distinct rows and feeds them to the inner function at the end.
class DistinctStates final : public AggregateStates {
 public:
  DistinctStates(AggregateFunctionPtr inner, std::vector<DataType> types)
      : inner_(std::move(inner)), rows_(std::move(types)) {}

  size_t groups() const override { return rows_.groups(); }
  void Resize(size_t groups) override { rows_.Resize(groups); }

  void Add(std::span<const uint32_t> group_of_row, std::span<const ColumnPtr> arguments) override {
    ChargedVector<uint32_t> fresh, groups;
    std::string key;
    for (uint32_t row = 0; row < group_of_row.size(); ++row) {
      key.assign(reinterpret_cast<const char*>(&group_of_row[row]), sizeof(uint32_t));
      for (const ColumnPtr& argument : arguments) AppendRowBytes(*argument, row, key);
      if (!seen_.Insert(key)) continue;
      fresh.push_back(row);
      groups.push_back(group_of_row[row]);
    }
    rows_.Keep(fresh, groups, arguments);
  }

  void AddAll(uint32_t group, size_t rows, std::span<const ColumnPtr> arguments) override {
    Add(ChargedVector<uint32_t>(rows, group), arguments);
  }

  void Merge(const AggregateStates& other, std::span<const uint32_t> group_map) override {
    static_cast<const DistinctStates&>(other).rows_.ForEachPiece(
        [&](std::span<const uint32_t> group_of_row, std::span<const ColumnPtr> columns) {
          ChargedVector<uint32_t> groups(group_of_row.size());
          for (size_t row = 0; row < groups.size(); ++row) {
            groups[row] = group_map[group_of_row[row]];
          }
          Add(groups, columns);
        });
  }

  ColumnPtr Finish() const override {
    const auto states = inner_->MakeStates();
    states->Resize(rows_.groups());
    rows_.ForEachPiece(
        [&](std::span<const uint32_t> group_of_row, std::span<const ColumnPtr> columns) {
          states->Add(group_of_row, columns);
        });
    return states->Finish();
  }

 private:
  AggregateFunctionPtr inner_;
  GroupedRows rows_;
  ByteSet seen_;
};

}  // namespace

AggregateFunctionPtr WithCondition(AggregateFunctionPtr inner) {
  const DataType type = inner->result_type();
  return MakeAggregate(type, [inner = std::move(inner)] {
    return std::make_unique<ConditionStates>(inner->MakeStates());
  });
}

AggregateFunctionPtr WithDistinct(AggregateFunctionPtr inner, std::vector<DataType> arguments) {
  const DataType type = inner->result_type();
  return MakeAggregate(type, [inner = std::move(inner), arguments = std::move(arguments)] {
    return std::make_unique<DistinctStates>(inner, arguments);
  });
}

}  // namespace granary
