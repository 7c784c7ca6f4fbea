#include "granary/query/engine/statement_context.h"

#include <new>
#include <utility>

#include "granary/query/engine/engine.h"
#include "granary/skipindex/distance/kernels.h"

namespace granary {

StatementContext::StatementContext(Engine* engine, QuerySettings settings, Parameters parameters,
                                   std::string query_id, std::string text,
                                   std::shared_ptr<CancelToken> cancel)
    : engine_(engine),
      settings_(std::move(settings)),
      parameters_(std::move(parameters)),
      query_id_(std::move(query_id)),
      text_(std::move(text)),
      started_(engine->clock().Monotonic()),
      memory_(settings_.max_memory_usage, &engine->memory()),
      plan_charge_(memory_, 0, ""),
      cancel_(cancel ? std::move(cancel)
                     : std::shared_ptr<CancelToken>(std::shared_ptr<void>(), &own_cancel_)) {
  functions_.now = engine->clock().Now();
  functions_.clock = &engine->clock();
  functions_.seed = engine->NextSeed();
  MakeTask();
}

StatementContext::~StatementContext() = default;

void StatementContext::ChangeSettings(const QuerySettings& settings) {
  settings_ = settings;
  memory_.set_limit(settings_.max_memory_usage);
  MakeTask();
}

PartSetPtr StatementContext::Parts(const Table& table) {
  std::lock_guard lock(mutex_);
  for (const auto& [store, parts] : part_sets_) {
    if (store == table.store.get()) return parts;
  }
  return part_sets_.emplace_back(table.store.get(), table.store->parts()).second;
}

ViewPtr StatementContext::View(const Table& view) {
  const PartSetPtr parts = Parts(view);
  std::lock_guard lock(mutex_);
  for (const auto& [store, definition] : views_) {
    if (store == view.store.get()) return definition;
  }
  ViewPtr definition = ParseViewDefinition(parts->schema->definition);
  return views_.emplace_back(view.store.get(), std::move(definition)).second;
}

// The task stays at its place: the scope of a statement that changes its settings refers to it.
void StatementContext::MakeTask() {
  functions_.kernels = &GetDistanceKernels(settings_.distance_kernels);
  executor_.emplace(&engine_->threads(), ThreadPool::Priority::kForeground, settings_.max_threads);
  TaskContext::Parts parts;
  parts.executor = &*executor_;
  parts.memory = &memory_;
  parts.clock = &engine_->clock();
  parts.cancel = cancel_.get();
  parts.progress = &progress_;
  parts.warn = [this](const std::string& message) { Warn(message); };
  parts.seed = functions_.seed;
  if (settings_.max_execution_time > 0) {
    parts.deadline = started_ + std::chrono::duration_cast<std::chrono::nanoseconds>(
                                    std::chrono::duration<double>(settings_.max_execution_time));
  }
  task_.emplace(std::move(parts));
}

void StatementContext::Warn(const std::string& message) {
  try {
    std::lock_guard lock(mutex_);
    warnings_.push_back(message);
  } catch (const std::bad_alloc&) {  // a warning fails no statement
  }
  engine_->Warn(message);
}

std::vector<std::string> StatementContext::warnings() const {
  std::lock_guard lock(mutex_);
  return warnings_;
}

StatementProgress StatementContext::progress() const {
  const int64_t finished_ns = elapsed_ns_.load(std::memory_order_relaxed);
  const std::chrono::nanoseconds elapsed = finished_ns >= 0
                                               ? std::chrono::nanoseconds(finished_ns)
                                               : engine_->clock().Monotonic() - started_;
  return {.query_id = query_id_,
          .rows_done = progress_.rows_done.load(std::memory_order_relaxed),
          .rows_total = progress_.rows_total.load(std::memory_order_relaxed),
          .bytes_done = progress_.bytes_done.load(std::memory_order_relaxed),
          .elapsed_seconds = std::chrono::duration<double>(elapsed).count()};
}

void StatementContext::Finish() {
  const auto elapsed = engine_->clock().Monotonic() - started_;
  elapsed_ns_.store(std::chrono::duration_cast<std::chrono::nanoseconds>(elapsed).count(),
                    std::memory_order_relaxed);
}

}  // namespace granary
