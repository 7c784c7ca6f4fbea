// A set of byte strings, such as rows as bytes (row_bytes.h): an open hash table over bytes that
// lie one behind the other. Charged to the task it is filled for. Not thread-safe.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "granary/table/memory_tracker.h"

namespace granary {

class ByteSet {
 public:
  // Whether the bytes are new.
  bool Insert(std::string_view bytes);
  bool Contains(std::string_view bytes) const;
  size_t size() const { return size_; }

  // f(bytes) for each, in no particular order.
  template <class F>
  void ForEach(F&& f) const {
    for (const Slot& slot : slots_) {
      if (slot.entry != nullptr) f(BytesOf(slot.entry));
    }
  }

 private:
  struct Slot {
    uint64_t hash = 0;
    const char* entry = nullptr;  // the length, then the bytes; null: free
  };

  static std::string_view BytesOf(const char* entry) {
    uint64_t length = 0;
    std::memcpy(&length, entry, sizeof(length));
    return {entry + sizeof(length), static_cast<size_t>(length)};
  }

  // Where the bytes are or would be. There is a free slot.
  size_t Find(std::string_view bytes, uint64_t hash) const;
  void Grow();
  const char* Keep(std::string_view bytes);

  size_t size_ = 0;
  ChargedVector<Slot> slots_;
  ChargedVector<ChargedVector<char>> chunks_;  // never grow beyond their capacity
};

}  // namespace granary
