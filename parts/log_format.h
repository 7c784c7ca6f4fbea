// The bytes of a log: a header, records, and the durable point that lies beside them. FORMAT.md has
// the layout. Pure functions over memory; commit_log.h has the files.
//
// Header and records are written twice, one copy behind the other, so that no single damaged byte
// loses what a statement was acknowledged for. Their checksums cover whose log it is and where they
// stand: a record of another log, or of another place, is no record.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace granary {

// Whose log it is. A database's number is random, table 0 is its catalogue. Logs of version 1 do
// not say.
struct LogOwner {
  uint64_t database = 0;
  uint64_t table = 0;
  bool operator==(const LogOwner&) const = default;
};

// What is known of the end of a log besides the log itself. A hint: it may be older than the log,
// or missing, but never says more than was true.
struct DurablePoint {
  LogOwner owner;
  uint64_t durable_end = 0;  // records with sequences below this were on stable storage
  uint64_t written_end = 0;  // records with sequences below this were handed to the system
};

std::vector<std::byte> EncodeDurablePoint(const DurablePoint& point);
// Nothing if it is damaged, of another version or unfinished.
std::optional<DurablePoint> DecodeDurablePoint(std::span<const std::byte> bytes);

// Both copies. `first_sequence` is that of the first record in this file.
std::vector<std::byte> EncodeLogHeader(const LogOwner& owner, uint64_t first_sequence);
// Both copies of a record at `offset`, before which `durable_offset` bytes are on stable storage.
std::vector<std::byte> EncodeLogRecord(std::span<const std::byte> payload, const LogOwner& owner,
                                       uint64_t offset, uint64_t sequence, uint64_t durable_offset);

// A log as it was found. Records that cannot be read any more are gaps.
struct ParsedLog {
  struct Record {
    uint64_t sequence = 0;
    std::span<const std::byte> payload;  // into the bytes of the log
  };
  uint16_t version = 0;
  LogOwner owner;
  uint64_t first_sequence = 0;
  std::vector<Record> records;     // from the first on, without a gap
  std::vector<Record> beyond_gap;  // whole ones behind a place that cannot be read
  uint64_t whole_bytes = 0;        // header and `records`
  uint64_t torn_bytes = 0;         // behind them
  std::optional<uint64_t> damage;  // offset of a gap whose bytes were on stable storage once
  std::optional<uint64_t> mended;  // offset of the first copy that was damaged; the other served

  uint64_t next_sequence() const { return first_sequence + records.size(); }
};

// Throws CORRUPTED_DATA with `path` if neither copy of the header is whole, UNKNOWN_FORMAT_VERSION
// if the log is of a newer Granary. Everything else is told by the result.
ParsedLog ParseLog(std::span<const std::byte> log, const std::string& path);

}  // namespace granary
