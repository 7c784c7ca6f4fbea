#include "granary/parts/commit_log.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "granary/parts/format.h"

namespace granary {
namespace {

std::vector<std::byte> EncodeLog(const LogOwner& owner, std::span<const std::byte> record,
                                 uint64_t sequence) {
  std::vector<std::byte> log = EncodeLogHeader(owner, sequence);
  const std::vector<std::byte> copies = EncodeLogRecord(record, owner, log.size(), sequence, 0);
  log.insert(log.end(), copies.begin(), copies.end());
  return log;
}

void RemoveQuietly(FileSystem& files, const std::string& path) {
  try {
    if (files.Exists(path)) files.Remove(path);
  } catch (const std::exception&) {  // the next open removes it
  }
}

// The new log under its temporary name, durable but for that name.
void WriteFresh(FileSystem& files, const std::string& fresh, std::span<const std::byte> log) {
  if (files.Exists(fresh)) files.Remove(fresh);
  const auto file = files.Create(fresh);
  try {
    file->Append(log);
    file->Sync();
    file->Close();
  } catch (...) {
    RemoveQuietly(files, fresh);
    throw;
  }
}

// A hint that is missing or damaged says nothing.
std::optional<DurablePoint> ReadDurablePoint(FileSystem& files, const std::string& log) {
  const std::string path = log + kDurablePointSuffix;
  if (!files.Exists(path) || files.IsDirectory(path)) return std::nullopt;
  return DecodeDurablePoint(ReadWholeFile(files, path));
}

void WriteDurablePoint(FileSystem& files, const std::string& log, const DurablePoint& point) {
  try {
    files.Overwrite(log + kDurablePointSuffix, EncodeDurablePoint(point));
  } catch (...) {  // it only says less than it could
  }
}

// A log and what is known of its end.
struct LogFile {
  std::optional<DurablePoint> point;
  std::vector<std::byte> bytes;
  ParsedLog log;  // into bytes

  LogFile(FileSystem& files, const std::string& path)
      // The point first: it never says more than a log that is read later.
      : point(ReadDurablePoint(files, path)),
        bytes(ReadWholeFile(files, path)),
        log(ParseLog(bytes, path)) {
    if (point && point->owner != log.owner) point.reset();
  }
};

// What is wrong with a log, or nothing.
std::string FindDamage(const ParsedLog& log, const std::optional<DurablePoint>& point,
                       const std::string& path) {
  if (log.damage) {
    return fmt::format(
        "{} is damaged at offset {}: neither copy of the record there matches its checksum, and "
        "later ones were written after it",
        path, *log.damage);
  }
  if (point && log.next_sequence() < point->durable_end) {
    return fmt::format(
        "{} is damaged at offset {}: {} of its records that were on stable storage are missing at "
        "its end",
        path, log.whole_bytes, point->durable_end - log.next_sequence());
  }
  if (log.records.empty()) {
    return fmt::format("{} is damaged at offset {}: its first record is not whole", path,
                       log.whole_bytes);
  }
  return "";
}

std::string FindWrongOwner(const ParsedLog& log, const std::optional<LogOwner>& owner,
                           const std::string& path) {
  if (!owner || log.version == 1 || log.owner == *owner) return "";
  return fmt::format(
      "{} belongs elsewhere: it is the log of directory {} of database {:016x}, not of directory "
      "{} of database {:016x}",
      path, log.owner.table, log.owner.database, owner->table, owner->database);
}

std::vector<std::vector<std::byte>> Copies(const std::vector<ParsedLog::Record>& records) {
  std::vector<std::vector<std::byte>> copies;
  for (const ParsedLog::Record& record : records) {
    copies.emplace_back(record.payload.begin(), record.payload.end());
  }
  return copies;
}

std::vector<std::string> DescribeBlemishes(const ParsedLog& log, const std::string& path) {
  std::vector<std::string> warnings;
  if (log.mended) {
    warnings.push_back(
        fmt::format("{}: one of two copies at offset {} is damaged or unfinished; the other one "
                    "was read, nothing is lost",
                    path, *log.mended));
  }
  if (log.torn_bytes > 0) {
    warnings.push_back(fmt::format(
        "{}: {} bytes at offset {}, behind the last whole record, are left out: as far as can be "
        "known the end of a statement that was interrupted and never acknowledged",
        path, log.torn_bytes, log.whole_bytes));
  }
  return warnings;
}

}  // namespace

void CommitLog::Create(FileSystem& files, const std::string& path, const LogOwner& owner,
                       std::span<const std::byte> record, uint64_t sequence) {
  const std::string fresh = path + kFreshLogSuffix;
  WriteFresh(files, fresh, EncodeLog(owner, record, sequence));
  files.Rename(fresh, path);
  files.SyncDirectory(ParentDirectory(path));
  WriteDurablePoint(files, path, {owner, sequence + 1, sequence + 1});
}

CommitLog::Contents CommitLog::Read(FileSystem& files, const std::string& path,
                                    const std::optional<LogOwner>& owner) {
  const LogFile file(files, path);
  const ParsedLog& log = file.log;
  for (const std::string& problem :
       {FindWrongOwner(log, owner, path), FindDamage(log, file.point, path)}) {
    if (!problem.empty()) throw Error(ErrorCode::kCorruptedData, problem);
  }
  Contents contents;
  contents.records = Copies(log.records);
  contents.owner = log.owner;
  contents.version = log.version;
  contents.next_sequence = log.next_sequence();
  contents.whole_bytes = log.whole_bytes;
  contents.torn_bytes = log.torn_bytes;
  contents.is_end_known =
      file.point && log.torn_bytes == 0 && log.next_sequence() >= file.point->written_end;
  contents.warnings = DescribeBlemishes(log, path);
  contents.must_rewrite = log.mended || log.torn_bytes > 0 || log.version != kLogFormatVersion;
  return contents;
}

std::string CommitLog::Fingerprint(FileSystem& files, const std::string& path) {
  std::string fingerprint;
  for (const bool is_point : {true, false}) {
    try {
      if (is_point) {
        const std::vector<std::byte> point = ReadWholeFile(files, path + kDurablePointSuffix);
        fingerprint.assign(reinterpret_cast<const char*>(point.data()), point.size());
      } else {
        fingerprint += fmt::format("{}", files.Size(path));
      }
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kFileDoesntExist) throw;
    }
  }
  return fingerprint;
}

CommitLog::Remains CommitLog::Salvage(FileSystem& files, const std::string& path,
                                      const std::optional<LogOwner>& owner) {
  Remains remains;
  if (const std::optional<DurablePoint> point = ReadDurablePoint(files, path)) {
    remains.next_sequence = std::max(point->durable_end, point->written_end);
  }
  try {
    const LogFile file(files, path);
    remains.problem = FindWrongOwner(file.log, owner, path);
    if (!remains.problem.empty()) return remains;
    remains.problem = FindDamage(file.log, file.point, path);
    remains.owner = file.log.owner;
    remains.records = Copies(file.log.records);
    remains.beyond_gap = Copies(file.log.beyond_gap);
    remains.next_sequence = std::max(remains.next_sequence, file.log.next_sequence());
    for (const ParsedLog::Record& record : file.log.beyond_gap) {
      remains.next_sequence = std::max(remains.next_sequence, record.sequence + 1);
    }
  } catch (const Error& error) {
    const bool is_lost =
        error.code() == ErrorCode::kCorruptedData || error.code() == ErrorCode::kFileDoesntExist;
    if (!is_lost) throw;
    remains.problem = error.message();
  }
  return remains;
}

CommitLog::CommitLog(std::shared_ptr<FileSystem> files, std::string path, const LogOwner& owner,
                     const Contents& contents)
    : files_(std::move(files)),
      path_(std::move(path)),
      owner_(owner),
      records_(contents.records.size()),
      bytes_(contents.whole_bytes),
      next_sequence_(contents.next_sequence) {}

void CommitLog::Append(std::span<const std::byte> record, bool sync) {
  if (!file_) file_ = files_->OpenForAppend(path_);
  // From here on the file may have more bytes than bytes_.
  doubt_ = Doubt::kTail;
  if (sync && durable_offset_ != bytes_) {
    file_->Sync();
    durable_offset_ = bytes_;
  }
  file_->Append(EncodeLogRecord(record, owner_, bytes_, next_sequence_, durable_offset_));
  if (sync) {
    file_->Sync();
    durable_offset_ = file_->size();
    durable_end_ = next_sequence_ + 1;
  } else {
    file_->Flush();
  }
  doubt_ = Doubt::kNone;
  ++records_;
  ++next_sequence_;
  bytes_ = file_->size();
}

void CommitLog::Replace(std::span<const std::byte> record) {
  const std::vector<std::byte> log = EncodeLog(owner_, record, next_sequence_);
  const std::string fresh = path_ + kFreshLogSuffix;
  WriteFresh(*files_, fresh, log);
  files_->Rename(fresh, path_);
  file_.reset();
  doubt_ = Doubt::kFile;
  files_->SyncDirectory(ParentDirectory(path_));
  doubt_ = Doubt::kNone;
  records_ = 1;
  ++next_sequence_;
  bytes_ = durable_offset_ = log.size();
  durable_end_ = next_sequence_;
  NoteDurablePoint();
}

bool CommitLog::TryFold(std::span<const std::byte> record) {
  try {
    Replace(record);
    return true;
  } catch (const std::exception&) {
    if (is_in_doubt()) throw;
    RemoveQuietly(*files_, path_ + kFreshLogSuffix);
    return false;
  }
}

void CommitLog::CutBack() {
  if (!file_) file_ = files_->OpenForAppend(path_);
  file_->CutBack(bytes_);
  file_->Sync();
}

void CommitLog::Restore(const Change& change) {
  if (doubt_ == Doubt::kTail) {
    try {
      CutBack();
      doubt_ = Doubt::kNone;
      return;
    } catch (const std::exception&) {  // perhaps a new file can be written
    }
  }
  Replace(change.before());
}

void CommitLog::NoteDurablePoint() {
  WriteDurablePoint(*files_, path_, {owner_, durable_end_, next_sequence_});
}

void CommitLog::Commit(const Change& change, size_t fold_at_records, uint64_t fold_at_bytes) {
  if (is_in_doubt()) Restore(change);
  const bool must_fold = records_ >= fold_at_records || bytes_ >= fold_at_bytes;
  try {
    if (must_fold && TryFold(change.after())) return;
    Append(change.record, change.sync);
  } catch (...) {
    try {
      if (is_in_doubt()) Restore(change);
    } catch (...) {  // the next Commit tries again
    }
    throw;
  }
  NoteDurablePoint();
}

}  // namespace granary
