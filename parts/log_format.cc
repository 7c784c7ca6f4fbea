#include "granary/parts/log_format.h"

#include <algorithm>

#include <fmt/format.h>

#include "granary/parts/format.h"
#include "granary/parts/frame.h"
#include "granary/table/byte_stream.h"

namespace granary {
namespace {

constexpr uint16_t kVersionWithoutOwner = 1;
constexpr size_t kOldHeaderBytes = 16;
constexpr size_t kHeaderBytes = 40;
constexpr size_t kRecordHeaderBytes = 32;
constexpr size_t kRecordAlignment = 8;
constexpr size_t kPointBytes = 48;
constexpr size_t kChecksumBytes = sizeof(uint64_t);
// What is hashed at most, in sizes of the log.
constexpr uint64_t kHashedBytesFactor = 64;

// Mixed into the checksum of every record.
uint64_t SeedOf(const LogOwner& owner) {
  ByteWriter identity;
  identity.Write<uint64_t>(owner.database);
  identity.Write<uint64_t>(owner.table);
  return Checksum(identity.bytes(), 0);
}

std::vector<std::byte> WithChecksum(const ByteWriter& covered, uint64_t seed) {
  ByteWriter out;
  out.Write<uint64_t>(Checksum(covered.bytes(), seed));
  out.Append(covered.bytes());
  return out.Take();
}

bool HasChecksum(std::span<const std::byte> bytes, uint64_t seed) {
  ByteReader in(bytes, "log");
  return in.Read<uint64_t>() == Checksum(bytes.subspan(kChecksumBytes), seed);
}

struct Header {
  uint16_t version = 0;
  LogOwner owner;
  uint64_t first_sequence = 0;
  uint64_t bytes = 0;  // of all copies
  bool is_first_copy = true;
};

// Nothing if there is no whole header at `offset`.
std::optional<Header> HeaderAt(std::span<const std::byte> log, uint64_t offset) {
  if (log.size() < offset + kOldHeaderBytes) return std::nullopt;
  ByteReader in(log.subspan(offset), "log header");
  in.Read<uint64_t>();
  if (in.Read<uint32_t>() != kLogMagic) return std::nullopt;
  Header header;
  header.version = in.Read<uint16_t>();
  in.Read<uint16_t>();
  header.is_first_copy = offset == 0;
  if (header.version == kVersionWithoutOwner) {
    header.bytes = kOldHeaderBytes;
    const bool is_whole = offset == 0 && HasChecksum(log.first(kOldHeaderBytes), 0);
    return is_whole ? std::optional(header) : std::nullopt;
  }
  if (in.remaining() < kHeaderBytes - kOldHeaderBytes) return std::nullopt;
  header.bytes = 2 * kHeaderBytes;
  header.owner.database = in.Read<uint64_t>();
  header.owner.table = in.Read<uint64_t>();
  header.first_sequence = in.Read<uint64_t>();
  if (!HasChecksum(log.subspan(offset, kHeaderBytes), 0)) return std::nullopt;
  return header;
}

struct FoundRecord {
  uint64_t sequence = 0;
  uint64_t durable_offset = 0;
  std::span<const std::byte> payload;
  uint64_t begin = 0;
  uint64_t end = 0;

  uint64_t bytes() const { return end - begin; }
};

class LogParser {
 public:
  LogParser(std::span<const std::byte> log, const Header& header)
      : log_(log),
        seed_(header.version == kVersionWithoutOwner ? 0 : SeedOf(header.owner)),
        is_doubled_(header.version != kVersionWithoutOwner) {
    parsed_.version = header.version;
    parsed_.owner = header.owner;
    parsed_.first_sequence = header.first_sequence;
    if (!header.is_first_copy) parsed_.mended = 0;
    if (is_doubled_ && header.is_first_copy && !HeaderAt(log, kHeaderBytes)) {
      parsed_.mended = kHeaderBytes;
    }
    offset_ = header.bytes;
  }

  ParsedLog Parse() {
    while (TakeRecord()) {
    }
    parsed_.whole_bytes = std::min<uint64_t>(offset_, log_.size());
    parsed_.torn_bytes = log_.size() - parsed_.whole_bytes;
    TakeBeyondGap();
    return std::move(parsed_);
  }

 private:
  // Nothing if there is no whole record at `offset`.
  std::optional<FoundRecord> RecordAt(uint64_t offset) {
    if (log_.size() < kRecordHeaderBytes || offset > log_.size() - kRecordHeaderBytes) {
      return std::nullopt;
    }
    ByteReader in(log_.subspan(offset), "log record");
    const auto checksum = in.Read<uint64_t>();
    if (in.Read<uint32_t>() != kLogRecordMagic) return std::nullopt;
    const uint64_t payload_bytes = in.Read<uint32_t>();
    FoundRecord record;
    record.sequence = in.Read<uint64_t>();
    record.durable_offset = in.Read<uint64_t>();
    const uint64_t padded_bytes = RoundUp(payload_bytes, kRecordAlignment);
    if (padded_bytes > in.remaining()) return std::nullopt;
    const uint64_t covered_bytes = kRecordHeaderBytes - kChecksumBytes + padded_bytes;
    hashed_bytes_ += covered_bytes;
    if (Checksum(log_.subspan(offset + kChecksumBytes, covered_bytes), seed_ + offset) !=
        checksum) {
      return std::nullopt;
    }
    record.payload = in.ReadBytes(payload_bytes);
    record.begin = offset;
    record.end = offset + kRecordHeaderBytes + padded_bytes;
    return record;
  }

  // The first whole record from `offset` on. Bytes that look like the beginning of many long
  // records would take quadratic time: after so much of it the rest is not looked at, and is
  // damage.
  std::optional<FoundRecord> RecordFrom(uint64_t offset) {
    for (; offset < log_.size() && hashed_bytes_ / kHashedBytesFactor <= log_.size();
         offset += kRecordAlignment) {
      if (std::optional<FoundRecord> record = RecordAt(offset)) return record;
    }
    if (offset < log_.size()) parsed_.damage = offset_;
    return std::nullopt;
  }

  bool TakeRecord() {
    std::optional<FoundRecord> record = RecordAt(offset_);
    const bool is_first_copy = record && record->sequence == parsed_.next_sequence();
    if (!is_first_copy) {
      if (!is_doubled_) return false;
      record = RecordFrom(offset_);
      if (!record || record->sequence != parsed_.next_sequence()) return false;
      Mend(offset_);
    }
    parsed_.records.push_back({record->sequence, record->payload});
    offset_ = record->end;
    if (is_doubled_ && is_first_copy) SkipCopy(*record);
    return true;
  }

  void SkipCopy(const FoundRecord& record) {
    const std::optional<FoundRecord> copy = RecordAt(record.end);
    const bool is_whole = copy && copy->sequence == record.sequence;
    if (!is_whole) Mend(record.end);
    // Of a copy that is not whole some bytes may be missing.
    offset_ = record.end + record.bytes();
  }

  void Mend(uint64_t offset) {
    if (!parsed_.mended) parsed_.mended = offset;
  }

  // A record that was written when the bytes at the gap were known to be durable means that they
  // were not torn by a crash but damaged later.
  void TakeBeyondGap() {
    const uint64_t gap = parsed_.whole_bytes;
    for (auto record = RecordFrom(gap); record; record = RecordFrom(record->end)) {
      if (record->durable_offset > gap) parsed_.damage = gap;
      const bool is_copy =
          !parsed_.beyond_gap.empty() && parsed_.beyond_gap.back().sequence == record->sequence;
      const bool is_known = record->sequence < parsed_.next_sequence();
      if (!is_copy && !is_known) {
        parsed_.beyond_gap.push_back({record->sequence, record->payload});
      }
    }
  }

  const std::span<const std::byte> log_;
  const uint64_t seed_;
  const bool is_doubled_;
  uint64_t offset_ = 0;
  uint64_t hashed_bytes_ = 0;
  ParsedLog parsed_;
};

}  // namespace

std::vector<std::byte> EncodeDurablePoint(const DurablePoint& point) {
  ByteWriter body;
  body.Write<uint32_t>(kDurablePointMagic);
  body.Write<uint16_t>(kLogFormatVersion);
  body.Write<uint16_t>(0);
  body.Write<uint64_t>(point.owner.database);
  body.Write<uint64_t>(point.owner.table);
  body.Write<uint64_t>(point.durable_end);
  body.Write<uint64_t>(point.written_end);
  return WithChecksum(body, 0);
}

std::optional<DurablePoint> DecodeDurablePoint(std::span<const std::byte> bytes) {
  if (bytes.size() != kPointBytes || !HasChecksum(bytes, 0)) return std::nullopt;
  ByteReader in(bytes.subspan(kChecksumBytes), "durable point");
  if (in.Read<uint32_t>() != kDurablePointMagic) return std::nullopt;
  if (in.Read<uint16_t>() != kLogFormatVersion) return std::nullopt;
  in.Read<uint16_t>();
  DurablePoint point;
  point.owner.database = in.Read<uint64_t>();
  point.owner.table = in.Read<uint64_t>();
  point.durable_end = in.Read<uint64_t>();
  point.written_end = in.Read<uint64_t>();
  return point;
}

std::vector<std::byte> EncodeLogHeader(const LogOwner& owner, uint64_t first_sequence) {
  ByteWriter body;
  body.Write<uint32_t>(kLogMagic);
  body.Write<uint16_t>(kLogFormatVersion);
  body.Write<uint16_t>(0);
  body.Write<uint64_t>(owner.database);
  body.Write<uint64_t>(owner.table);
  body.Write<uint64_t>(first_sequence);
  const std::vector<std::byte> header = WithChecksum(body, 0);
  ByteWriter copies;
  copies.Append(header);
  copies.Append(header);
  return copies.Take();
}

std::vector<std::byte> EncodeLogRecord(std::span<const std::byte> payload, const LogOwner& owner,
                                       uint64_t offset, uint64_t sequence,
                                       uint64_t durable_offset) {
  ByteWriter covered;
  covered.Write<uint32_t>(kLogRecordMagic);
  covered.Write<uint32_t>(static_cast<uint32_t>(payload.size()));
  covered.Write<uint64_t>(sequence);
  covered.Write<uint64_t>(durable_offset);
  covered.Append(payload);
  covered.AlignTo(kRecordAlignment);
  const uint64_t seed = SeedOf(owner) + offset;
  ByteWriter copies;
  copies.Append(WithChecksum(covered, seed));
  copies.Append(WithChecksum(covered, seed + copies.size()));
  return copies.Take();
}

ParsedLog ParseLog(std::span<const std::byte> log, const std::string& path) {
  std::optional<Header> header = HeaderAt(log, 0);
  if (!header) header = HeaderAt(log, kHeaderBytes);
  if (!header) {
    throw Error(ErrorCode::kCorruptedData,
                fmt::format("{} is damaged at offset 0: it does not begin with the header of a "
                            "log of Granary",
                            path));
  }
  if (header->version > kLogFormatVersion) {
    throw Error(ErrorCode::kUnknownFormatVersion,
                fmt::format("{} has format version {}; this build of Granary reads versions up to "
                            "{}",
                            path, header->version, kLogFormatVersion));
  }
  return LogParser(log, *header).Parse();
}

}  // namespace granary
