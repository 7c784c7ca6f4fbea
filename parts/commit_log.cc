#include "granary/parts/commit_log.h"

#include <optional>
#include <utility>

#include <fmt/format.h>

#include "granary/parts/format.h"
#include "granary/parts/frame.h"
#include "granary/table/byte_stream.h"

namespace granary {
namespace {

constexpr size_t kHeaderBytes = 16;
constexpr size_t kRecordHeaderBytes = 32;
constexpr size_t kRecordAlignment = 8;
constexpr size_t kChecksumBytes = sizeof(uint64_t);

std::vector<std::byte> LogHeader() {
  ByteWriter body;
  body.Write<uint32_t>(kLogMagic);
  body.Write<uint16_t>(kLogFormatVersion);
  body.Write<uint16_t>(0);
  ByteWriter header;
  header.Write<uint64_t>(Checksum(body.bytes(), 0));
  header.Append(body.bytes());
  return header.Take();
}

void CheckHeader(std::span<const std::byte> log, const std::string& path) {
  ByteReader in(log, path);
  const auto checksum = in.Read<uint64_t>();
  if (in.Read<uint32_t>() != kLogMagic) in.ThrowCorrupted("not a log of Granary");
  const auto version = in.Read<uint16_t>();
  if (Checksum(log.subspan(kChecksumBytes, kHeaderBytes - kChecksumBytes), 0) != checksum) {
    in.ThrowCorrupted("the checksum of its header does not match");
  }
  if (version != kLogFormatVersion) {
    throw Error(ErrorCode::kUnknownFormatVersion,
                fmt::format("{} has format version {}; this build of Granary reads version {}",
                            path, version, kLogFormatVersion));
  }
}

struct Record {
  uint64_t sequence = 0;
  uint64_t durable_offset = 0;  // everything before it was durable when the record was written
  std::span<const std::byte> payload;
  uint64_t end = 0;
};

// Nothing if there is no whole record at `offset`.
std::optional<Record> RecordAt(std::span<const std::byte> log, uint64_t offset) {
  if (log.size() < kRecordHeaderBytes || offset > log.size() - kRecordHeaderBytes) {
    return std::nullopt;
  }
  ByteReader in(log.subspan(offset), "log record");
  const auto checksum = in.Read<uint64_t>();
  if (in.Read<uint32_t>() != kLogRecordMagic) return std::nullopt;
  const uint64_t payload_bytes = in.Read<uint32_t>();
  Record record;
  record.sequence = in.Read<uint64_t>();
  record.durable_offset = in.Read<uint64_t>();
  const uint64_t padded_bytes = RoundUp(payload_bytes, kRecordAlignment);
  if (padded_bytes > in.remaining()) return std::nullopt;
  const uint64_t covered_bytes = kRecordHeaderBytes - kChecksumBytes + padded_bytes;
  if (Checksum(log.subspan(offset + kChecksumBytes, covered_bytes), offset) != checksum) {
    return std::nullopt;
  }
  record.payload = in.ReadBytes(payload_bytes);
  record.end = offset + kRecordHeaderBytes + padded_bytes;
  return record;
}

// A record behind `offset` that was written when the bytes at `offset` were known to be durable
// means that they were not torn by a crash but damaged later.
void ThrowIfDamagedLater(std::span<const std::byte> log, uint64_t offset, const std::string& path) {
  for (uint64_t later = offset; later < log.size(); later += kRecordAlignment) {
    const std::optional<Record> record = RecordAt(log, later);
    if (!record || record->durable_offset <= offset) continue;
    throw Error(ErrorCode::kCorruptedData,
                fmt::format("{} is damaged at offset {}: the record there does not match its "
                            "checksum, and a later one at offset {} was written after it. Restore "
                            "the file from a backup",
                            path, offset, later));
  }
}

std::vector<std::byte> FrameRecord(std::span<const std::byte> record, uint64_t offset,
                                   uint64_t sequence, uint64_t durable_offset) {
  ByteWriter covered;
  covered.Write<uint32_t>(kLogRecordMagic);
  covered.Write<uint32_t>(static_cast<uint32_t>(record.size()));
  covered.Write<uint64_t>(sequence);
  covered.Write<uint64_t>(durable_offset);
  covered.Append(record);
  covered.AlignTo(kRecordAlignment);
  ByteWriter framed;
  framed.Write<uint64_t>(Checksum(covered.bytes(), offset));
  framed.Append(covered.bytes());
  return framed.Take();
}

}  // namespace

void CommitLog::Create(FileSystem& files, const std::string& path,
                       std::span<const std::byte> record) {
  const std::string fresh = path + kFreshLogSuffix;
  if (files.Exists(fresh)) files.Remove(fresh);
  const auto file = files.Create(fresh);
  file->Append(LogHeader());
  file->Append(FrameRecord(record, kHeaderBytes, 0, 0));
  file->Sync();
  file->Close();
  files.Rename(fresh, path);
  files.SyncDirectory(ParentDirectory(path));
}

CommitLog::Contents CommitLog::Read(FileSystem& files, const std::string& path) {
  const std::vector<std::byte> log = ReadWholeFile(files, path);
  CheckHeader(log, path);
  Contents contents;
  uint64_t offset = kHeaderBytes;
  while (const std::optional<Record> record = RecordAt(log, offset)) {
    if (record->sequence != contents.records.size()) break;
    contents.records.emplace_back(record->payload.begin(), record->payload.end());
    offset = record->end;
  }
  contents.whole_bytes = offset;
  contents.torn_bytes = log.size() - offset;
  if (contents.records.empty()) {
    throw Error(
        ErrorCode::kCorruptedData,
        fmt::format("{} is damaged at offset {}: its first record is not whole. Restore the "
                    "file from a backup",
                    path, offset));
  }
  if (contents.torn_bytes > 0) ThrowIfDamagedLater(log, offset, path);
  return contents;
}

CommitLog::CommitLog(std::shared_ptr<FileSystem> files, std::string path, const Contents& contents)
    : files_(std::move(files)),
      path_(std::move(path)),
      records_(contents.records.size()),
      bytes_(contents.whole_bytes) {}

void CommitLog::Append(std::span<const std::byte> record, bool sync) {
  if (!file_) file_ = files_->OpenForAppend(path_);
  if (sync && durable_offset_ != file_->size()) {
    file_->Sync();
    durable_offset_ = file_->size();
  }
  file_->Append(FrameRecord(record, file_->size(), records_, durable_offset_));
  if (sync) {
    file_->Sync();
    durable_offset_ = file_->size();
  } else {
    file_->Flush();
  }
  ++records_;
  bytes_ = file_->size();
}

void CommitLog::Replace(std::span<const std::byte> record) {
  Create(*files_, path_, record);
  file_.reset();
  records_ = 1;
  bytes_ = kHeaderBytes + RoundUp(kRecordHeaderBytes + record.size(), kRecordAlignment);
  durable_offset_ = 0;
}

void CommitLog::Commit(const Change& change, size_t fold_at_records, uint64_t fold_at_bytes) {
  try {
    if (records_ >= fold_at_records || bytes_ >= fold_at_bytes) {
      Replace(change.after());
    } else {
      Append(change.record, change.sync);
    }
  } catch (const Error&) {
    try {
      Replace(change.before());
    } catch (const Error&) {
      has_failed_.store(true);
    }
    throw;
  }
}

}  // namespace granary
