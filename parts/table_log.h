// What the records of a table's commit log say.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "granary/parts/dead_rows.h"
#include "granary/parts/part.h"

namespace granary {

// Dimensions of vector indexes declared without, by index name.
using InferredDimensions = std::map<std::string, uint64_t>;

// Delete masks, by part name.
using DeadRowsByPart = std::map<std::string, DeadRowsPtr>;

// One committed statement.
struct TableChange {
  std::vector<PartName> added;
  std::vector<PartName> removed;
  std::optional<std::string> definition;
  std::optional<InferredDimensions> dimensions;  // all of them, replacing those known before
  uint64_t next_block = 0;                       // block numbers below are used up
  DeadRowsByPart dead;                           // rows that die, besides those dead before
};

// What all records together say. A snapshot is the change that makes it from nothing.
struct TableState {
  std::map<std::string, PartName> parts;  // by name
  std::string definition;
  InferredDimensions dimensions;
  uint64_t next_block = 1;
  DeadRowsByPart dead;

  // Throws CORRUPTED_DATA with `what` if the change does not fit.
  void Apply(const TableChange& change, std::string_view what);
  TableChange AsChange() const;
  // About as many bytes as AsChange() takes in a log.
  uint64_t EstimateBytes() const;
};

std::vector<std::byte> EncodeTableChange(const TableChange& change);
// Throws CORRUPTED_DATA with `what`.
TableChange DecodeTableChange(std::span<const std::byte> record, std::string_view what);

}  // namespace granary
