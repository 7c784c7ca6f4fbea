#include "granary/query/engine/process_list.h"

#include <utility>

#include "granary/merge/start_thread.h"

namespace granary {
namespace {

constexpr std::chrono::milliseconds kReportEvery{100};

}  // namespace

ProcessList::~ProcessList() {
  {
    std::lock_guard lock(report_mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  if (reporter_.joinable()) reporter_.join();
}

void ProcessList::Add(StatementContext* statement,
                      std::function<void(const StatementProgress&)> on_progress) {
  if (on_progress) {
    std::lock_guard lock(report_mutex_);
    if (!reporter_.joinable()) reporter_ = StartThread([this] { ReportLoop(); });
  }
  std::lock_guard lock(mutex_);
  const bool added =
      running_.try_emplace(statement->query_id(), Entry{statement, std::move(on_progress)}).second;
  if (added) return;
  throw Error(ErrorCode::kQueryIdAlreadyRunning,
              "A statement with the query id '" + statement->query_id() +
                  "' is running already; choose another id or leave it out");
}

void ProcessList::Remove(StatementContext* statement) {
  std::function<void(const StatementProgress&)> on_progress;
  {
    std::lock_guard lock(mutex_);
    const auto found = running_.find(statement->query_id());
    if (found == running_.end() || found->second.statement != statement) return;
    on_progress = std::move(found->second.on_progress);
    running_.erase(found);
  }
  if (on_progress) std::lock_guard wait_for_calls(report_mutex_);
}

bool ProcessList::Cancel(std::string_view query_id) {
  std::lock_guard lock(mutex_);
  const auto found = running_.find(query_id);
  if (found == running_.end()) return false;
  found->second.statement->Cancel();
  return true;
}

bool ProcessList::IsRunning(std::string_view query_id) const {
  std::lock_guard lock(mutex_);
  return running_.find(query_id) != running_.end();
}

void ProcessList::CancelAll() {
  std::lock_guard lock(mutex_);
  for (auto& [query_id, entry] : running_) entry.statement->Cancel();
}

std::vector<ProcessList::Process> ProcessList::List() const {
  std::lock_guard lock(mutex_);
  std::vector<Process> processes;
  for (const auto& [query_id, entry] : running_) {
    processes.push_back({.progress = entry.statement->progress(),
                         .text = entry.statement->text(),
                         .memory_used = entry.statement->memory_used(),
                         .memory_peak = entry.statement->memory_peak(),
                         .cancelled = entry.statement->cancelled()});
  }
  return processes;
}

void ProcessList::ReportLoop() {
  std::unique_lock report_lock(report_mutex_);
  while (!stop_.wait_for(report_lock, kReportEvery, [this] { return stopping_; })) {
    try {
      Report();
    } catch (...) {  // no memory, or a callback that throws: this report is left out
    }
  }
}

void ProcessList::Report() const {
  std::vector<std::pair<std::function<void(const StatementProgress&)>, StatementProgress>> calls;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [query_id, entry] : running_) {
      if (entry.on_progress) calls.emplace_back(entry.on_progress, entry.statement->progress());
    }
  }
  for (const auto& [on_progress, progress] : calls) on_progress(progress);
}

}  // namespace granary
