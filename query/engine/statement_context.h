// What one running statement has: settings, parameters, memory, threads, the means to cancel it,
// and the place where its warnings go. Database makes one for each statement; every thread that
// works on it uses the same one.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/container/small_vector.hpp>

#include "granary/query/engine/tables.h"
#include "granary/query/engine/thread_pool.h"
#include "granary/query/engine/view_definition.h"
#include "granary/query/functions/function.h"
#include "granary/query/options.h"
#include "granary/table/task_context.h"

namespace granary {

class Engine;

class StatementContext {
 public:
  StatementContext(Engine* engine, QuerySettings settings, Parameters parameters,
                   std::string query_id, std::string text, std::shared_ptr<CancelToken> cancel);
  ~StatementContext();
  StatementContext(const StatementContext&) = delete;
  StatementContext& operator=(const StatementContext&) = delete;

  Engine& engine() const { return *engine_; }
  const QuerySettings& settings() const { return settings_; }
  const Parameters& parameters() const { return parameters_; }
  const std::string& query_id() const { return query_id_; }
  const std::string& text() const { return text_; }

  // Applies the SETTINGS clause of the statement: memory, threads and time limits follow.
  void ChangeSettings(const QuerySettings& settings);

  // The part set of a table that this statement sees: that of the first call. Thread-safe.
  PartSetPtr Parts(const Table& table);
  // The definition of a view that this statement sees. Thread-safe.
  ViewPtr View(const Table& view);

  const TaskContext& task() const { return *task_; }
  // now() and the seed of this statement.
  const FunctionContext& functions() const { return functions_; }

  void Cancel() { cancel_->Cancel(); }
  bool cancelled() const { return cancel_->cancelled(); }
  // Charges what a plan holds, until the statement ends.
  void ChargePlan(size_t bytes) { plan_charge_.Grow(bytes, "the plan of the statement"); }
  // Hands that charge over: the plan is kept.
  MemoryCharge TakePlanCharge() {
    return std::exchange(plan_charge_, MemoryCharge(memory_, 0, ""));
  }
  void AddRowsWritten(uint64_t rows) { rows_written_ += rows; }
  uint64_t rows_written() const { return rows_written_; }
  std::vector<std::string> warnings() const;
  StatementProgress progress() const;
  size_t memory_used() const { return memory_.used(); }
  size_t memory_peak() const { return memory_.peak(); }
  // Stops the clock that progress() shows.
  void Finish();

 private:
  void MakeTask();
  void Warn(const std::string& message);

  Engine* engine_;
  QuerySettings settings_;
  const Parameters parameters_;
  const std::string query_id_;
  const std::string text_;
  const std::chrono::steady_clock::time_point started_;
  FunctionContext functions_;
  MemoryTracker memory_;
  MemoryCharge plan_charge_;
  CancelToken own_cancel_;
  const std::shared_ptr<CancelToken> cancel_;  // own_cancel_ unless another one was given
  Progress progress_;
  std::optional<PoolExecutor> executor_;
  std::optional<TaskContext> task_;
  std::atomic<uint64_t> rows_written_{0};
  std::atomic<int64_t> elapsed_ns_{-1};  // once finished

  mutable std::mutex mutex_;
  std::vector<std::string> warnings_;
  boost::container::small_vector<std::pair<const TableStore*, PartSetPtr>, 2> part_sets_;
  std::vector<std::pair<const TableStore*, ViewPtr>> views_;
};

}  // namespace granary
