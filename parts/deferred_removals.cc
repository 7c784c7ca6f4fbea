#include "granary/parts/deferred_removals.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "granary/parts/reader_lease.h"

namespace granary {
namespace {

constexpr char kGoneFile[] = "gone";

void MarkGone(FileSystem& files, const std::string& directory) {
  try {
    files.Overwrite(JoinPath(directory, kGoneFile), {});
  } catch (const std::exception&) {  // a hint
  }
}

}  // namespace

DeferredRemovals::DeferredRemovals(std::shared_ptr<FileSystem> files, std::string database)
    : files_(std::move(files)), database_(std::move(database)) {}

DeferredRemovals::~DeferredRemovals() { Sweep(); }

void DeferredRemovals::SetListener(std::function<void()> listener) {
  listener_ = std::move(listener);
}

std::optional<std::set<std::string>> DeferredRemovals::LiveLeases() {
  try {
    return FindLiveLeases(*files_, database_);
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

void DeferredRemovals::Remove(const std::string& path) noexcept {
  try {
    bool must_wait = false;
    std::vector<std::string> unneeded;
    {
      const std::lock_guard lock(mutex_);
      const std::optional<std::set<std::string>> live = LiveLeases();
      must_wait = !live || !live->empty();
      if (must_wait) {
        MarkGone(*files_, path);
        waiting_.push_back({path, live});
      } else {
        unneeded.push_back(path);
      }
      if (live) TakeUnneeded(*live, unneeded);
      must_wait = must_wait && live;
    }
    if (must_wait && listener_) listener_();
    for (const std::string& directory : unneeded) RemoveQuietly(*files_, directory);
  } catch (...) {  // the next open removes it
  }
}

size_t DeferredRemovals::Sweep() noexcept {
  std::vector<std::string> unneeded;
  size_t waiting = 0;
  try {
    const std::lock_guard lock(mutex_);
    waiting = waiting_.size();
    if (waiting == 0) return 0;
    if (const auto live = LiveLeases()) TakeUnneeded(*live, unneeded);
    waiting = waiting_.size();
  } catch (...) {  // later
  }
  for (const std::string& directory : unneeded) RemoveQuietly(*files_, directory);
  return waiting;
}

bool DeferredRemovals::HasReaders() noexcept {
  try {
    const std::optional<std::set<std::string>> live = LiveLeases();
    return !live || !live->empty();
  } catch (...) {
    return true;
  }
}

void DeferredRemovals::TakeUnneeded(const std::set<std::string>& live,
                                    std::vector<std::string>& unneeded) {
  std::erase_if(waiting_, [&](Waiting& waiting) {
    if (!waiting.leases) waiting.leases = live;
    std::erase_if(*waiting.leases, [&](const std::string& name) { return !live.contains(name); });
    if (!waiting.leases->empty()) return false;
    unneeded.push_back(waiting.path);
    return true;
  });
}

void RemoveQuietly(FileSystem& files, const std::string& path) {
  try {
    RemoveTree(files, path);
  } catch (const std::exception&) {
  }
}

bool IsGone(FileSystem& files, const std::string& directory) {
  return files.Exists(JoinPath(directory, kGoneFile));
}

}  // namespace granary
