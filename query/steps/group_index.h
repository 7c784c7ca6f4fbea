// Numbers the distinct combinations of some key columns in order of first appearance: the hash
// table under GROUP BY, DISTINCT and LIMIT BY. Keys of together at most 8 bytes of fixed-size types
// are hashed as one integer, all others as bytes. What it holds is charged to the task that it is
// filled for. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "granary/table/column.h"

namespace granary {

class GroupIndex {
 public:
  explicit GroupIndex(std::span<const DataType> key_types);

  // group_of_row[r] = the group of row r. Rows that began a new group are appended to new_rows.
  // Keys have the types given and group_of_row.size() rows each; they may be constant.
  void Assign(std::span<const ColumnPtr> keys, std::span<uint32_t> group_of_row,
              ChargedVector<uint32_t>& new_rows);

  size_t groups() const { return groups_; }

 private:
  struct Slot {
    uint64_t key = 0;    // the packed key, or the hash of the bytes
    uint32_t group = 0;  // plus 1; 0: free
  };

  void AssignPacked(std::span<const ColumnPtr> keys, std::span<uint32_t> group_of_row,
                    ChargedVector<uint32_t>& new_rows);
  void AssignBytes(std::span<const ColumnPtr> keys, std::span<uint32_t> group_of_row,
                   ChargedVector<uint32_t>& new_rows);
  void ReserveSlot();
  std::string_view KeepBytes(std::string_view bytes);

  bool is_packed_ = false;
  size_t groups_ = 0;
  ChargedVector<Slot> slots_;
  // Of keys that are hashed as bytes.
  ChargedVector<std::string_view> group_bytes_;
  std::deque<ChargedString> chunks_;  // hold the bytes; never grow beyond their capacity
};

}  // namespace granary
