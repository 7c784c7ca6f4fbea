#include "granary/parts/table_log.h"

#include <algorithm>
#include <bit>
#include <limits>

#include <fmt/format.h>

#include "granary/parts/manifest.h"
#include "granary/table/byte_stream.h"

namespace granary {
namespace {

constexpr uint8_t kHasDefinition = 1;
constexpr uint8_t kHasDimensions = 2;
constexpr uint8_t kHasDeadRows = 4;
constexpr size_t kLeastPartNameBytes = 6;
constexpr size_t kLeastDeadRowsBytes = 5;
constexpr size_t kLeastRunBytes = 2;
// For estimates.
constexpr uint64_t kPartNameBytes = 16;
constexpr uint64_t kBytesPerDeadRow = 3;

void WriteNames(const std::vector<PartName>& names, ByteWriter& out) {
  out.WriteVarint(names.size());
  for (const PartName& name : names) WritePartName(name, out);
}

std::vector<PartName> ReadNames(ByteReader& in) {
  std::vector<PartName> names(in.ReadCount(kLeastPartNameBytes));
  for (PartName& name : names) name = ReadPartName(in);
  return names;
}

// The first row from `row` on whose bit is `value`; the size if there is none.
uint64_t FindRow(const RowBitmap& rows, uint64_t row, bool value) {
  const uint64_t flip = value ? 0 : ~uint64_t{0};
  while (row < rows.size()) {
    const uint64_t bits = (rows.words()[row >> 6] ^ flip) >> (row & 63);
    if (bits != 0) return std::min<uint64_t>(row + std::countr_zero(bits), rows.size());
    row = (row | 63) + 1;
  }
  return rows.size();
}

// As runs of dead rows: how many live rows come before each, and how many dead ones it has.
void WriteDeadRows(const RowBitmap& rows, ByteWriter& out) {
  ByteWriter runs;
  uint64_t count = 0;
  for (uint64_t end = 0; end < rows.size();) {
    const uint64_t begin = FindRow(rows, end, true);
    if (begin == rows.size()) break;
    runs.WriteVarint(begin - end);
    end = FindRow(rows, begin, false);
    runs.WriteVarint(end - begin);
    ++count;
  }
  out.WriteVarint(rows.size());
  out.WriteVarint(count);
  out.Append(runs.bytes());
}

RowBitmap ReadDeadRows(ByteReader& in) {
  const uint64_t size = in.ReadVarint();
  if (size > std::numeric_limits<uint32_t>::max()) in.ThrowCorrupted("a part of too many rows");
  RowBitmap rows(size);
  const size_t runs = in.ReadCount(kLeastRunBytes);
  uint64_t end = 0;
  for (size_t i = 0; i < runs; ++i) {
    const uint64_t before = in.ReadVarint();
    if (before > size - end) in.ThrowCorrupted("dead rows beyond the end of their part");
    const uint64_t begin = end + before;
    const uint64_t count = in.ReadVarint();
    if (count > size - begin) in.ThrowCorrupted("dead rows beyond the end of their part");
    rows.SetRange(begin, count);
    end = begin + count;
  }
  return rows;
}

// What both masks say; `before` may be null.
DeadRowsPtr Union(const DeadRowsPtr& before, const DeadRowsPtr& more, std::string_view what) {
  if (before == nullptr) return more;
  if (before->rows().size() != more->rows().size()) {
    throw Error(ErrorCode::kCorruptedData,
                fmt::format("{} gives a part two numbers of rows", what));
  }
  RowBitmap rows = before->rows();
  rows.Or(more->rows());
  return std::make_shared<DeadRows>(std::move(rows));
}

}  // namespace

void TableState::Apply(const TableChange& change, std::string_view what) {
  for (const PartName& name : change.removed) {
    if (parts.erase(name.text()) == 0) {
      throw Error(ErrorCode::kCorruptedData,
                  fmt::format("{} removes part {}, which does not exist", what, name.text()));
    }
    dead.erase(name.text());
  }
  for (const PartName& name : change.added) {
    if (!parts.emplace(name.text(), name).second) {
      throw Error(ErrorCode::kCorruptedData,
                  fmt::format("{} adds part {} twice", what, name.text()));
    }
  }
  for (const auto& [part, rows] : change.dead) {
    if (!parts.contains(part)) {
      throw Error(ErrorCode::kCorruptedData,
                  fmt::format("{} deletes rows of part {}, which does not exist", what, part));
    }
    DeadRowsPtr& mask = dead[part];
    mask = Union(mask, rows, what);
  }
  if (change.definition) definition = *change.definition;
  if (change.dimensions) dimensions = *change.dimensions;
  next_block = std::max(next_block, change.next_block);
}

TableChange TableState::AsChange() const {
  TableChange change{{}, {}, definition, dimensions, next_block, dead};
  for (const auto& [text, name] : parts) change.added.push_back(name);
  return change;
}

uint64_t TableState::EstimateBytes() const {
  uint64_t bytes = definition.size();
  for (const auto& [text, name] : parts) bytes += text.size() + kPartNameBytes;
  for (const auto& [part, rows] : dead) bytes += part.size() + rows->count() * kBytesPerDeadRow;
  return bytes;
}

std::vector<std::byte> EncodeTableChange(const TableChange& change) {
  ByteWriter out;
  out.Write<uint8_t>((change.definition ? kHasDefinition : 0) |
                     (change.dimensions ? kHasDimensions : 0) |
                     (change.dead.empty() ? 0 : kHasDeadRows));
  out.WriteVarint(change.next_block);
  WriteNames(change.removed, out);
  WriteNames(change.added, out);
  if (change.definition) out.WriteString(*change.definition);
  if (change.dimensions) {
    out.WriteVarint(change.dimensions->size());
    for (const auto& [index, dimensions] : *change.dimensions) {
      out.WriteString(index);
      out.WriteVarint(dimensions);
    }
  }
  if (!change.dead.empty()) {
    out.WriteVarint(change.dead.size());
    for (const auto& [part, dead] : change.dead) {
      out.WriteString(part);
      WriteDeadRows(dead->rows(), out);
    }
  }
  return out.Take();
}

TableChange DecodeTableChange(std::span<const std::byte> record, std::string_view what) {
  ByteReader in(record, what);
  TableChange change;
  const auto flags = in.Read<uint8_t>();
  if ((flags & ~(kHasDefinition | kHasDimensions | kHasDeadRows)) != 0) {
    in.ThrowCorrupted("unknown contents");
  }
  change.next_block = in.ReadVarint();
  change.removed = ReadNames(in);
  change.added = ReadNames(in);
  if ((flags & kHasDefinition) != 0) change.definition = in.ReadString();
  if ((flags & kHasDimensions) != 0) {
    InferredDimensions dimensions;
    const size_t count = in.ReadCount(2);
    for (size_t i = 0; i < count; ++i) {
      const std::string index(in.ReadString());
      dimensions[index] = in.ReadVarint();
    }
    change.dimensions = std::move(dimensions);
  }
  if ((flags & kHasDeadRows) != 0) {
    const size_t masks = in.ReadCount(kLeastDeadRowsBytes);
    for (size_t i = 0; i < masks; ++i) {
      const std::string part(in.ReadString());
      change.dead[part] = std::make_shared<DeadRows>(ReadDeadRows(in));
    }
  }
  in.ExpectEnd();
  return change;
}

}  // namespace granary
