// A second reader of the on-disk format, written from FORMAT.md alone: it includes nothing of the
// library and throws std::runtime_error for whatever the page says a reader must reject.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace independent {

struct IndexBlock {
  uint64_t first_row = 0;
  uint64_t rows = 0;
  std::string payload;
};

struct Part {
  std::string name;
  std::string owner;  // 16 bytes as they stand in the file; empty in version 1
  uint64_t rows = 0;
  std::vector<std::string> columns;                        // "name type"
  std::vector<std::string> values;                         // one text per row
  std::vector<std::string> primary_key;                    // one text per granule, and the last row
  std::map<std::string, std::vector<IndexBlock>> indexes;  // by name
};

struct Table {
  std::string definition;
  std::map<std::string, uint64_t> dimensions;
  std::vector<Part> parts;  // in order of their names
};

// Numbers are shown as decimal (floats with 9 or 17 significant digits), strings in single quotes,
// arrays in brackets; values of a row are separated by one blank.
Table ReadTable(const std::string& directory);

}  // namespace independent
