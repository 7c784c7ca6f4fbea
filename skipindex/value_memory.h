// The memory of values that an index keeps.
#pragma once

#include <cstddef>
#include <string>

#include "granary/table/value.h"

namespace granary {

// Bytes on the heap, the value itself not included.
inline size_t HeapBytes(const Value& value) {
  static const size_t kInline = std::string().capacity();
  if (value.is_string()) {
    const size_t capacity = value.as_string().capacity();
    return capacity > kInline ? capacity + 1 : 0;
  }
  if (!value.is_array()) return 0;
  size_t bytes = value.as_array().capacity() * sizeof(Value);
  for (const Value& element : value.as_array()) bytes += HeapBytes(element);
  return bytes;
}

}  // namespace granary
