// The directories of a table and of its parts, as long as anyone uses them: they delete themselves
// when the last user is gone, nothing on disk names them any more, and no reader in another process
// needs them. Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "granary/parts/deferred_removals.h"
#include "granary/parts/file_system.h"
#include "granary/parts/log_format.h"
#include "granary/parts/reader_lease.h"
#include "granary/parts/storage_caches.h"

namespace granary {

// Shared by a TableStore, its parts and its writers.
class TableDirectory {
 public:
  // Without `removals` nothing waits for readers.
  TableDirectory(std::shared_ptr<FileSystem> files, std::string path, const LogOwner& owner,
                 std::shared_ptr<StorageCaches> caches, std::shared_ptr<DeferredRemovals> removals);
  ~TableDirectory();
  TableDirectory(const TableDirectory&) = delete;
  TableDirectory& operator=(const TableDirectory&) = delete;

  FileSystem& files() const { return *files_; }
  const std::string& path() const { return path_; }
  // Which table it is; its parts say so too.
  const LogOwner& owner() const { return owner_; }
  StorageCaches& caches() const { return *caches_; }
  // The table was dropped: nothing needs to survive the last user.
  void RemoveWhenUnused() { remove_when_unused_.store(true); }
  // Deletes a directory that a record named once.
  void Remove(const std::string& path) noexcept;
  // Whether another process reads the database.
  bool HasReaders() const { return removals_ != nullptr && removals_->HasReaders(); }

 private:
  const std::shared_ptr<FileSystem> files_;
  const std::string path_;
  const LogOwner owner_;
  const std::shared_ptr<StorageCaches> caches_;
  const std::shared_ptr<DeferredRemovals> removals_;
  std::atomic<bool> remove_when_unused_{false};
};

// The directory of one part. New ones, once created, are not kept: they vanish unless a commit
// keeps them. What no record ever named, as of a failed statement, vanishes at once.
class PartDirectory {
 public:
  PartDirectory(std::shared_ptr<TableDirectory> table, const std::string& name, bool keep);
  ~PartDirectory();
  PartDirectory(const PartDirectory&) = delete;
  PartDirectory& operator=(const PartDirectory&) = delete;

  FileSystem& files() const { return table_->files(); }
  TableDirectory& table() const { return *table_; }
  const std::shared_ptr<TableDirectory>& share_table() const { return table_; }
  const std::string& path() const { return path_; }
  std::string FilePath(const std::string& name) const { return JoinPath(path_, name); }

  // Whether the files outlive the last user of the part.
  void SetKept(bool kept) { kept_.store(kept); }
  // A record has taken the part away, or may have named it for a while: the files go with the last
  // user, here or in another process.
  void TakeAway();

  // What keeps the files while a read-only database uses the part; replaces an earlier one, which
  // was taken for an earlier snapshot.
  void Hold(std::shared_ptr<const ReaderLease> lease);

 private:
  const std::shared_ptr<TableDirectory> table_;
  const std::string path_;
  std::atomic<bool> kept_;
  std::atomic<bool> was_named_{false};

  std::mutex lease_mutex_;
  std::shared_ptr<const ReaderLease> lease_;  // guarded by lease_mutex_
};

}  // namespace granary
