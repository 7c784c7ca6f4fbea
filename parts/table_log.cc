#include "granary/parts/table_log.h"

#include <algorithm>

#include <fmt/format.h>

#include "granary/parts/manifest.h"
#include "granary/table/byte_stream.h"

namespace granary {
namespace {

constexpr uint8_t kHasDefinition = 1;
constexpr uint8_t kHasDimensions = 2;
constexpr size_t kLeastPartNameBytes = 6;

void WriteNames(const std::vector<PartName>& names, ByteWriter& out) {
  out.WriteVarint(names.size());
  for (const PartName& name : names) WritePartName(name, out);
}

std::vector<PartName> ReadNames(ByteReader& in) {
  std::vector<PartName> names(in.ReadCount(kLeastPartNameBytes));
  for (PartName& name : names) name = ReadPartName(in);
  return names;
}

}  // namespace

void TableState::Apply(const TableChange& change, std::string_view what) {
  for (const PartName& name : change.removed) {
    if (parts.erase(name.text()) == 0) {
      throw Error(ErrorCode::kCorruptedData,
                  fmt::format("{} removes part {}, which does not exist", what, name.text()));
    }
  }
  for (const PartName& name : change.added) {
    if (!parts.emplace(name.text(), name).second) {
      throw Error(ErrorCode::kCorruptedData,
                  fmt::format("{} adds part {} twice", what, name.text()));
    }
  }
  if (change.definition) definition = *change.definition;
  if (change.dimensions) dimensions = *change.dimensions;
  next_block = std::max(next_block, change.next_block);
}

TableChange TableState::AsChange() const {
  TableChange change{{}, {}, definition, dimensions, next_block};
  for (const auto& [text, name] : parts) change.added.push_back(name);
  return change;
}

std::vector<std::byte> EncodeTableChange(const TableChange& change) {
  ByteWriter out;
  out.Write<uint8_t>((change.definition ? kHasDefinition : 0) |
                     (change.dimensions ? kHasDimensions : 0));
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
  return out.Take();
}

TableChange DecodeTableChange(std::span<const std::byte> record, std::string_view what) {
  ByteReader in(record, what);
  TableChange change;
  const auto flags = in.Read<uint8_t>();
  if ((flags & ~(kHasDefinition | kHasDimensions)) != 0) in.ThrowCorrupted("unknown contents");
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
  in.ExpectEnd();
  return change;
}

}  // namespace granary
