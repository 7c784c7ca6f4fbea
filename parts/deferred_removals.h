// Deletes what no log names any more: at once, or when no reader in another process needs it any
// more (reader_lease.h). A directory that waits has a file `gone`, so that whoever opens the
// database next knows that it is not missed. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "granary/parts/file_system.h"

namespace granary {

class DeferredRemovals {
 public:
  // Of the database in this directory, which the caller has locked for writing.
  DeferredRemovals(std::shared_ptr<FileSystem> files, std::string database);
  // Sweeps a last time; what is still needed then is left for the next open.
  ~DeferredRemovals();
  DeferredRemovals(const DeferredRemovals&) = delete;
  DeferredRemovals& operator=(const DeferredRemovals&) = delete;

  // Deletes a directory that a log named once, now or when the leases that are alive now have
  // ended. Quiet: what cannot be deleted goes at the next open. Never throws.
  void Remove(const std::string& path) noexcept;
  // Deletes what nobody needs any more; returns how many directories still wait.
  size_t Sweep() noexcept;
  // Whether anyone reads the database beside the writer.
  bool HasReaders() noexcept;

  // Called when something has to wait, on any thread. Set while nothing is removed; may be empty.
  void SetListener(std::function<void()> listener);

 private:
  struct Waiting {
    std::string path;
    std::optional<std::set<std::string>> leases;  // nothing: they could not be listed
  };

  std::optional<std::set<std::string>> LiveLeases();
  // Appends what waits for none of the leases that are alive. Expects mutex_, since before those
  // were listed: what began to wait after that may wait for a lease that the list does not have.
  void TakeUnneeded(const std::set<std::string>& live, std::vector<std::string>& unneeded);

  const std::shared_ptr<FileSystem> files_;
  const std::string database_;
  std::function<void()> listener_;

  std::mutex mutex_;
  std::vector<Waiting> waiting_;  // guarded by mutex_
};

// Deletes a file or a directory; what cannot be deleted is named by nothing and goes at the next
// open.
void RemoveQuietly(FileSystem& files, const std::string& path);

// Whether a record took this directory away, which then waited for readers.
bool IsGone(FileSystem& files, const std::string& directory);

}  // namespace granary
