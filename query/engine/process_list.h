// The statements that run now: what system.processes shows and KILL QUERY cancels. Also tells those
// who want to know how far their statement is. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "granary/query/engine/statement_context.h"

namespace granary {

class ProcessList {
 public:
  struct Process {
    StatementProgress progress;
    std::string text;
    size_t memory_used = 0;
    size_t memory_peak = 0;
    bool cancelled = false;
  };

  ProcessList() = default;
  // Nothing runs any more.
  ~ProcessList();

  // Throws QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING. `on_progress` may be empty; it is called until
  // Remove, which waits for a call that is under way.
  void Add(StatementContext* statement, std::function<void(const StatementProgress&)> on_progress);
  void Remove(StatementContext* statement);

  // False if no statement of this id runs.
  bool Cancel(std::string_view query_id);
  bool IsRunning(std::string_view query_id) const;
  void CancelAll();
  std::vector<Process> List() const;

 private:
  struct Entry {
    StatementContext* statement = nullptr;
    std::function<void(const StatementProgress&)> on_progress;
  };

  void ReportLoop();
  void Report() const;

  mutable std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> running_;

  // The thread that reports; started with the first statement that wants to be told.
  std::mutex report_mutex_;  // held during a round of calls; taken before mutex_
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread reporter_;
};

}  // namespace granary
