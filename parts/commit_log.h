// A log of records: framed, checksummed, appended and synced. The commit log of each table and the
// catalogue of a database are such logs; what the records say is their business.
//
// A record counts once it is whole. What a crash leaves behind the last whole record is cut off at
// the next open; damage in front of bytes that were known to be durable is reported as such. The
// log is folded by Replace: a new file with one record that says it all takes the old one's name.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "granary/parts/file_system.h"

namespace granary {

// Behind the path of a log that is being made; rubbish once the log is there.
inline constexpr char kFreshLogSuffix[] = ".new";

class CommitLog {
 public:
  // Makes a log with one record, or replaces the one there is, atomically and durably.
  static void Create(FileSystem& files, const std::string& path, std::span<const std::byte> record);

  struct Contents {
    std::vector<std::vector<std::byte>> records;  // at least one
    uint64_t whole_bytes = 0;                     // header and whole records
    uint64_t torn_bytes = 0;                      // behind the last whole record
  };
  // Reads a log. Throws CORRUPTED_DATA, which names file and offset, or UNKNOWN_FORMAT_VERSION.
  static Contents Read(FileSystem& files, const std::string& path);

  // To append to a log that was read. `contents` is what Read returned.
  CommitLog(std::shared_ptr<FileSystem> files, std::string path, const Contents& contents);

  // A change of state, as a record and as the snapshots before and after it.
  struct Change {
    std::vector<std::byte> record;
    std::function<std::vector<std::byte>()> before;
    std::function<std::vector<std::byte>()> after;
    bool sync = true;  // durable on return, together with all before it
  };
  // Adds a record, or folds the log into one if it has so many records or bytes. If this throws,
  // the log says what it said before, unless has_failed(): then it may have either contents, and
  // only opening it again can tell.
  void Commit(const Change& change, size_t fold_at_records, uint64_t fold_at_bytes);
  // Replaces all records by one, durably.
  void Replace(std::span<const std::byte> record);
  // May be called from any thread.
  bool has_failed() const { return has_failed_.load(); }

 private:
  void Append(std::span<const std::byte> record, bool sync);

  const std::shared_ptr<FileSystem> files_;
  const std::string path_;
  std::atomic<bool> has_failed_{false};
  size_t records_ = 0;
  uint64_t bytes_ = 0;
  uint64_t durable_offset_ = 0;
  std::unique_ptr<WritableFile> file_;  // opened by the first Append
};

}  // namespace granary
