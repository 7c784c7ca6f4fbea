#include "granary/query/steps/aggregate.h"

#include <memory>
#include <utility>

#include "granary/query/engine/statement_context.h"
#include "granary/query/steps/group_index.h"

namespace granary {
namespace {

Header HeaderOf(const std::vector<Projection>& keys, const std::vector<AggregateCall>& calls) {
  Header header;
  for (const Projection& key : keys) header.push_back({key.name, key.expression->type()});
  for (const AggregateCall& call : calls) {
    header.push_back({call.text, call.function->result_type()});
  }
  return header;
}

std::vector<DataType> KeyTypes(const std::vector<Projection>& keys) {
  std::vector<DataType> types;
  for (const Projection& key : keys) types.push_back(key.expression->type());
  return types;
}

// The groups of one worker.
class PartialGroups {
 public:
  PartialGroups(const std::vector<Projection>& keys, const std::vector<AggregateCall>& calls)
      : keys_(keys), calls_(calls), index_(KeyTypes(keys)) {
    for (const Projection& key : keys) {
      key_values_.push_back(ColumnBuilder::Create(key.expression->type()));
    }
    for (const AggregateCall& call : calls) states_.push_back(call.function->MakeStates());
    if (keys.empty()) ResizeStates(1);
  }

  void Add(const Block& block) {
    ChargedVector<uint32_t> group_of_row;
    if (!keys_.empty()) {
      std::vector<ColumnPtr> key_columns;
      for (const Projection& key : keys_) key_columns.push_back(key.expression->Evaluate(block));
      group_of_row = AssignGroups(key_columns, block.rows());
    }
    for (size_t call = 0; call < calls_.size(); ++call) {
      std::vector<ColumnPtr> arguments;
      for (const auto& argument : calls_[call].arguments) {
        arguments.push_back(argument->Evaluate(block));
      }
      if (keys_.empty()) {
        states_[call]->AddAll(0, block.rows(), arguments);
      } else {
        states_[call]->Add(group_of_row, arguments);
      }
    }
  }

  // `later` holds rows that come after those of this.
  void Merge(PartialGroups& later) {
    ChargedVector<uint32_t> group_map(later.groups());
    if (!keys_.empty()) {
      std::vector<ColumnPtr> key_columns;
      for (auto& values : later.key_values_) key_columns.push_back(values->Finish());
      group_map = AssignGroups(key_columns, later.groups());
    }
    for (size_t call = 0; call < calls_.size(); ++call) {
      CheckTaskCancelled();
      states_[call]->Merge(*later.states_[call], group_map);
    }
  }

  size_t groups() const { return keys_.empty() ? 1 : index_.groups(); }

  Block Finish() {
    Block block(groups());
    for (size_t key = 0; key < keys_.size(); ++key) {
      block.Add(keys_[key].name, key_values_[key]->Finish());
    }
    for (size_t call = 0; call < calls_.size(); ++call) {
      CheckTaskCancelled();
      block.Add(calls_[call].text, states_[call]->Finish());
    }
    return block;
  }

 private:
  ChargedVector<uint32_t> AssignGroups(const std::vector<ColumnPtr>& key_columns, size_t rows) {
    ChargedVector<uint32_t> group_of_row(rows);
    ChargedVector<uint32_t> new_rows;
    index_.Assign(key_columns, group_of_row, new_rows);
    for (size_t key = 0; key < key_columns.size(); ++key) {
      key_values_[key]->AppendGather(*key_columns[key], new_rows);
    }
    ResizeStates(index_.groups());
    return group_of_row;
  }

  void ResizeStates(size_t groups) {
    for (auto& states : states_) states->Resize(groups);
  }

  const std::vector<Projection>& keys_;
  const std::vector<AggregateCall>& calls_;
  GroupIndex index_;
  std::vector<std::unique_ptr<ColumnBuilder>> key_values_;
  std::vector<std::unique_ptr<AggregateStates>> states_;
};

}  // namespace

AggregateStep::AggregateStep(PlanPtr input, std::vector<Projection> keys,
                             std::vector<AggregateCall> calls)
    : PlanStep(HeaderOf(keys, calls), {std::move(input)}),
      keys_(std::move(keys)),
      calls_(std::move(calls)) {}

BlockStreamPtr AggregateStep::Open(StatementContext& context) const {
  const std::shared_ptr<BlockStream> input = inputs()[0]->Open(context);
  return std::make_unique<DeferredStream>(
      [this, input, &context] { return Aggregate(*input, context.task()); },
      context.settings().max_block_size);
}

Block AggregateStep::Aggregate(BlockStream& input, const TaskContext& task) const {
  std::vector<std::unique_ptr<PartialGroups>> workers(WorkersFor(input, task));
  for (auto& worker : workers) worker = std::make_unique<PartialGroups>(keys_, calls_);
  ConsumeAll(input, task, [&](size_t worker, const Block& block) { workers[worker]->Add(block); });
  for (size_t worker = 1; worker < workers.size(); ++worker) {
    task.CheckCancelled();
    workers[0]->Merge(*workers[worker]);
    workers[worker].reset();
  }
  return workers[0]->Finish();
}

StepDescription AggregateStep::Describe(StatementContext&, bool) const {
  std::string keys = "Keys: ";
  for (const Projection& key : keys_) keys += (&key == keys_.data() ? "" : ", ") + key.name;
  std::string calls = "Aggregates: ";
  for (const AggregateCall& call : calls_) {
    calls += (&call == calls_.data() ? "" : ", ") + call.text;
  }
  return {"Aggregating", {keys, calls}, {}};
}

}  // namespace granary
