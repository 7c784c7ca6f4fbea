// Which elements substring and arraySlice take: positions count from 1, or backwards from the end
// with -1; position 0 takes nothing; a negative length leaves out that many at the end.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

namespace granary {

struct SliceRange {
  uint64_t begin = 0;  // from 0
  uint64_t end = 0;
};

inline constexpr int64_t kToTheEnd = std::numeric_limits<int64_t>::max();

inline SliceRange TakeSlice(uint64_t size, int64_t position, int64_t length) {
  const int64_t count = static_cast<int64_t>(size);
  if (position == 0 || position > count) return {};
  // Negative if the position lies before the first element.
  const int64_t begin = position > 0 ? position - 1 : std::max(position, -kToTheEnd) + count;
  int64_t end = count;
  if (length < 0) {
    end = std::max(length, -count) + count;
  } else if (length < count - begin) {
    end = begin + length;
  }
  const int64_t first = std::max<int64_t>(begin, 0);
  return {static_cast<uint64_t>(first), static_cast<uint64_t>(std::max(first, end))};
}

}  // namespace granary
