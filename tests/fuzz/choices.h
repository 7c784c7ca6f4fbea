// Bytes read as decisions, for targets whose inputs are made by a grammar: the fuzzer changes the
// bytes, each string of which is some input. Once they are used up every choice is the first one,
// so that grammars whose first choices are short come to an end.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "granary/tests/fuzz/fuzz_target.h"

namespace granary::fuzz {

class Choices {
 public:
  explicit Choices(Input bytes) : bytes_(bytes) {}

  bool empty() const { return bytes_.empty(); }
  // In [0, count); count is at least 1.
  size_t Below(size_t count) {
    if (count <= 256) return Byte() % count;
    const size_t high = Byte();
    return (high << 8 | Byte()) % count;
  }
  // One time in `count`; never once the bytes are used up.
  bool OneIn(size_t count) { return Below(count) == count - 1; }
  template <class Range>
  auto& Of(Range& range) {
    return range[Below(std::size(range))];
  }
  uint64_t Number(size_t bytes) {
    uint64_t number = 0;
    for (size_t i = 0; i < bytes; ++i) number |= uint64_t{Byte()} << (8 * i);
    return number;
  }
  // Up to `bytes_max` bytes as they are.
  std::string Text(size_t bytes_max) {
    const size_t wanted = Below(bytes_max + 1);
    const size_t bytes = std::min(wanted, bytes_.size());
    const std::string text(ToText(bytes_.first(bytes)));
    bytes_ = bytes_.subspan(bytes);
    return text;
  }

 private:
  uint8_t Byte() {
    if (bytes_.empty()) return 0;
    const uint8_t byte = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return byte;
  }

  Input bytes_;
};

}  // namespace granary::fuzz
