#include "granary/tests/fuzz/mutator.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace granary::fuzz {

void Mutator::ChangeByte(Bytes& bytes) {
  if (bytes.empty()) return;
  uint8_t& byte = bytes[Below(bytes.size())];
  switch (Below(3)) {
    case 0:
      byte ^= static_cast<uint8_t>(1u << Below(8));
      break;
    case 1:
      byte = static_cast<uint8_t>(random_());
      break;
    default:
      byte = static_cast<uint8_t>(byte + (Below(2) == 0 ? 1 : -1));
  }
}

// Lengths, offsets and counts are such numbers.
void Mutator::ChangeNumber(Bytes& bytes) {
  static constexpr std::array<uint64_t, 12> kLimits = {0,
                                                       1,
                                                       0x7f,
                                                       0x80,
                                                       0xff,
                                                       0x7fff,
                                                       0xffff,
                                                       0x10000,
                                                       0x7fffffff,
                                                       0xffffffff,
                                                       0x7fffffffffffffff,
                                                       0xffffffffffffffff};
  const size_t width = size_t{1} << Below(4);
  if (bytes.size() < width) return;
  const uint64_t number =
      Below(4) == 0 ? bytes.size() - Below(9) : kLimits[Below(kLimits.size())] + Below(3) - 1;
  std::memcpy(bytes.data() + Below(bytes.size() - width + 1), &number, width);
}

void Mutator::Drop(Bytes& bytes) {
  const size_t at = Below(bytes.size());
  const size_t count = std::min(1 + Below(Below(8) == 0 ? bytes.size() : 16), bytes.size() - at);
  bytes.erase(bytes.begin() + static_cast<ptrdiff_t>(at),
              bytes.begin() + static_cast<ptrdiff_t>(at + count));
}

void Mutator::Insert(Bytes& bytes, size_t at, Input piece) {
  bytes.insert(bytes.begin() + static_cast<ptrdiff_t>(at), piece.begin(), piece.end());
}

Input Mutator::Piece(Input bytes) {
  const size_t at = Below(bytes.size());
  return bytes.subspan(at, std::min(1 + Below(64), bytes.size() - at));
}

// Some of this, then some of the other.
void Mutator::Splice(Bytes& bytes, Input other) {
  if (other.empty()) return;
  bytes.resize(Below(bytes.size() + 1));
  const Input tail = other.subspan(Below(other.size()));
  Insert(bytes, bytes.size(), tail);
}

void Mutator::Change(Bytes& bytes, Input other) {
  const size_t kinds = words_.empty() ? 8 : 10;
  switch (Below(kinds)) {
    case 0:
    case 1:
      return ChangeByte(bytes);
    case 2:
      return ChangeNumber(bytes);
    case 3:
      return Drop(bytes);
    case 4: {
      const Input piece = Piece(bytes);
      const Bytes copy(piece.begin(), piece.end());
      return Insert(bytes, Below(bytes.size() + 1), copy);
    }
    case 5:
      return Insert(bytes, Below(bytes.size() + 1), Piece(other));
    case 6:
      return Splice(bytes, other);
    case 7:
      return bytes.resize(Below(bytes.size() + 1));
    default:
      return Insert(bytes, Below(bytes.size() + 1), ToBytes(words_[Below(words_.size())]));
  }
}

Bytes Mutator::Mutate(Input input, Input other, size_t bytes_max) {
  Bytes bytes(input.begin(), input.end());
  for (size_t changes = 1 + Below(8); changes > 0; --changes) Change(bytes, other);
  if (bytes.size() > bytes_max) bytes.resize(bytes_max);
  return bytes;
}

}  // namespace granary::fuzz
