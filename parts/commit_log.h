// A log of records: framed, checksummed, appended and synced. The commit log of each table and the
// catalogue of a database are such logs; what the records say is their business.
//
// A record counts once one of its two copies is whole (log_format.h). What a crash leaves behind
// the last whole record is cut off at the next open, but only if it can be the torn end of a write:
// what was on stable storage once and cannot be read any more is damage, and reported as such.
// Whether it was is known from later records and from the durable point, a small file beside the
// log
// (`<log>.durable`) that is written after each record. The log is folded by Replace: a new file
// with one record that says it all takes the old one's name.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "granary/parts/file_system.h"
#include "granary/parts/log_format.h"

namespace granary {

// Behind the path of a log that is being made; rubbish once the log is there.
inline constexpr char kFreshLogSuffix[] = ".new";
// Behind the path of a log: its durable point.
inline constexpr char kDurablePointSuffix[] = ".durable";

class CommitLog {
 public:
  // Makes a log with one record, or replaces the one there is, atomically and durably.
  static void Create(FileSystem& files, const std::string& path, const LogOwner& owner,
                     std::span<const std::byte> record, uint64_t sequence = 0);

  struct Contents {
    std::vector<std::vector<std::byte>> records;  // at least one
    LogOwner owner;
    uint16_t version = 0;        // of the format
    uint64_t next_sequence = 0;  // of the record that would come next
    uint64_t whole_bytes = 0;    // header and whole records
    uint64_t torn_bytes = 0;     // behind the last whole record
    // Nothing can be missing at the end: the durable point says so.
    bool is_end_known = false;
    std::vector<std::string> warnings;  // sentences that name the file
    bool must_rewrite = false;          // torn, a copy was damaged, or an old format
  };
  // Reads a log. `owner` says whose it has to be, if that is known. Throws CORRUPTED_DATA, which
  // names file and offset, or UNKNOWN_FORMAT_VERSION. May be read while another process appends.
  static Contents Read(FileSystem& files, const std::string& path,
                       const std::optional<LogOwner>& owner);

  // Another text once a record has been added to a log, or the log has been replaced; without
  // reading it. Empty if there is no log.
  static std::string Fingerprint(FileSystem& files, const std::string& path);

  // Of a log that Read refuses: all that can be read, also if that is nothing. Throws only what
  // has nothing to do with damage: failing reads, newer formats.
  struct Remains {
    std::optional<LogOwner> owner;                   // nothing: it cannot be read
    std::vector<std::vector<std::byte>> records;     // from the first on
    std::vector<std::vector<std::byte>> beyond_gap;  // behind something that is lost
    uint64_t next_sequence = 0;                      // above that of any record there ever was
    std::string problem;                             // empty: Read does not refuse it
  };
  static Remains Salvage(FileSystem& files, const std::string& path,
                         const std::optional<LogOwner>& owner);

  // To append to a log that was read. `contents` is what Read returned.
  CommitLog(std::shared_ptr<FileSystem> files, std::string path, const LogOwner& owner,
            const Contents& contents);

  // A change of state, as a record and as the snapshots before and after it.
  struct Change {
    std::vector<std::byte> record;
    std::function<std::vector<std::byte>()> before;
    std::function<std::vector<std::byte>()> after;
    bool sync = true;  // durable on return, together with all before it
  };
  // Adds a record, or folds the log into one if it has so many records or bytes. If this throws,
  // the log says what it said before, unless is_in_doubt(): then it could not be cut back either
  // and may have either contents. The next Commit cuts it back first.
  void Commit(const Change& change, size_t fold_at_records, uint64_t fold_at_bytes);
  // Replaces all records by one, durably.
  void Replace(std::span<const std::byte> record);
  // Writes the durable point, for a log whose end was not known.
  void NoteDurablePoint();
  bool is_in_doubt() const { return doubt_ != Doubt::kNone; }

 private:
  // What a failed Commit could not undo.
  enum class Doubt { kNone, kTail, kFile };

  void Append(std::span<const std::byte> record, bool sync);
  // False if there was no room for a new file; then nothing has happened.
  bool TryFold(std::span<const std::byte> record);
  void CutBack();
  void Restore(const Change& change);

  const std::shared_ptr<FileSystem> files_;
  const std::string path_;
  const LogOwner owner_;
  Doubt doubt_ = Doubt::kNone;
  size_t records_ = 0;
  uint64_t bytes_ = 0;
  uint64_t next_sequence_ = 0;
  uint64_t durable_end_ = 0;            // records with sequences below are on stable storage
  uint64_t durable_offset_ = 0;         // bytes that are
  std::unique_ptr<WritableFile> file_;  // opened by the first Append
};

}  // namespace granary
