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
    const std::optional<std::set<std::string>> live = LiveLeases();
    if (live && live->empty()) {
      RemoveQuietly(*files_, path);
    } else {
      MarkGone(*files_, path);
      {
        const std::lock_guard lock(mutex_);
        waiting_.push_back({path, live});
      }
      if (live && listener_) listener_();
    }
    SweepWith(live);
  } catch (...) {  // the next open removes it
  }
}

size_t DeferredRemovals::Sweep() noexcept {
  try {
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.empty()) return 0;
    }
    SweepWith(LiveLeases());
  } catch (...) {  // later
  }
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

bool DeferredRemovals::HasReaders() noexcept {
  try {
    const std::optional<std::set<std::string>> live = LiveLeases();
    return !live || !live->empty();
  } catch (...) {
    return true;
  }
}

std::vector<std::string> DeferredRemovals::TakeUnneeded(const std::set<std::string>& live) {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> unneeded;
  std::erase_if(waiting_, [&](Waiting& waiting) {
    if (!waiting.leases) waiting.leases = live;
    std::erase_if(*waiting.leases, [&](const std::string& name) { return !live.contains(name); });
    if (!waiting.leases->empty()) return false;
    unneeded.push_back(waiting.path);
    return true;
  });
  return unneeded;
}

void DeferredRemovals::SweepWith(const std::optional<std::set<std::string>>& live) {
  if (!live) return;
  for (const std::string& path : TakeUnneeded(*live)) RemoveQuietly(*files_, path);
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
