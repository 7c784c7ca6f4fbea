// What keeps the files of a snapshot while another process reads them.
//
// A reader beside a writer takes a lease before it reads the catalogue and the logs: a file of a
// random name in <database>/readers/, locked as long as the reader needs what those logs name. The
// system releases the lock when the process dies, however it does. A writer that wants to delete a
// directory which no log names any more waits for the leases there are at that moment
// (deferred_removals.h): whoever takes one later finds logs that do not name the directory.
//
// What lost: a time of grace would either delete under slow readers or keep everything for hours;
// counting readers in a file would need repair when one dies.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "granary/parts/file_system.h"
#include "granary/table/task_context.h"

namespace granary {

inline constexpr char kReadersDirectory[] = "readers";

class ReaderLease {
 public:
  // Null, with a warning that says what this means, if nothing can be written there; null, without
  // one, if `database` is no directory of a database.
  static std::shared_ptr<const ReaderLease> Take(const std::shared_ptr<FileSystem>& files,
                                                 const std::string& database,
                                                 const TaskContext& context);
  // Removes the file, and the directory if it was the last.
  ~ReaderLease();
  ReaderLease(const ReaderLease&) = delete;
  ReaderLease& operator=(const ReaderLease&) = delete;

 private:
  ReaderLease(std::shared_ptr<FileSystem> files, std::string path, std::unique_ptr<FileLock> lock);
  // Null if someone was faster; then it is to be tried again.
  static std::shared_ptr<const ReaderLease> TryTake(const std::shared_ptr<FileSystem>& files,
                                                    const std::string& directory);

  const std::shared_ptr<FileSystem> files_;
  const std::string path_;
  const std::unique_ptr<FileLock> lock_;
};

// The names of the leases whose holders live; removes the files of the others. For the writer. A
// lease that cannot be looked at counts as alive.
std::set<std::string> FindLiveLeases(FileSystem& files, const std::string& database);

}  // namespace granary
