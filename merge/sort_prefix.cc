#include "granary/merge/sort_prefix.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <type_traits>

namespace granary {
namespace {

constexpr size_t kPrefixBytes = 8;

// The bytes of the prefix that a column takes of the `left` ones: all of its own, or none and no
// further column any.
size_t BytesTaken(const DataType& type, size_t left) {
  if (type.is_string()) return left;
  const size_t bytes = type.fixed_bytes();
  return bytes <= left ? bytes : 0;
}

// Unsigned bits that compare as the floats do: -0 equals 0, NaN is the greatest and equals itself.
template <class Bits, class Float>
uint64_t OrderedFloatBits(Float value, Bits bits) {
  constexpr Bits kSign = Bits{1} << (sizeof(Bits) * 8 - 1);
  if (std::isnan(static_cast<double>(value))) return static_cast<Bits>(~Bits{0});
  if (bits == kSign) bits = 0;
  return static_cast<Bits>(bits & kSign ? ~bits : bits | kSign);
}

template <class T>
uint64_t OrderedBits(T value) {
  if constexpr (std::is_same_v<T, float>) {
    return OrderedFloatBits(value, std::bit_cast<uint32_t>(value));
  } else if constexpr (std::is_same_v<T, double>) {
    return OrderedFloatBits(value, std::bit_cast<uint64_t>(value));
  } else if constexpr (std::is_same_v<T, BFloat16>) {
    return OrderedFloatBits(static_cast<float>(value), value.bits);
  } else {
    using Unsigned = std::make_unsigned_t<T>;
    constexpr Unsigned kFlip =
        std::is_signed_v<T> ? static_cast<Unsigned>(Unsigned{1} << (sizeof(T) * 8 - 1)) : 0;
    return static_cast<Unsigned>(static_cast<Unsigned>(value) ^ kFlip);
  }
}

template <class T>
void AddNumbers(const NumberColumn<T>& column, size_t shift, std::span<uint64_t> prefixes) {
  const T* values = column.data();
  for (size_t row = 0; row < prefixes.size(); ++row) {
    prefixes[row] |= OrderedBits(values[row]) << shift;
  }
}

void AddStrings(const StringColumn& column, size_t left, std::span<uint64_t> prefixes) {
  for (size_t row = 0; row < prefixes.size(); ++row) {
    const std::string_view text = column.At(row);
    const size_t bytes = std::min(left, text.size());
    for (size_t i = 0; i < bytes; ++i) {
      prefixes[row] |= uint64_t{static_cast<uint8_t>(text[i])} << (8 * (left - 1 - i));
    }
  }
}

}  // namespace

bool SortPrefixIsExact(std::span<const ColumnPtr> keys) {
  size_t left = kPrefixBytes;
  for (const ColumnPtr& key : keys) {
    const size_t bytes = BytesTaken(key->type(), left);
    if (key->type().is_string() || bytes == 0) return false;
    left -= bytes;
  }
  return true;
}

void ComputeSortPrefixes(std::span<const ColumnPtr> keys, std::span<uint64_t> prefixes) {
  std::fill(prefixes.begin(), prefixes.end(), 0);
  size_t left = kPrefixBytes;
  for (const ColumnPtr& key : keys) {
    const size_t bytes = BytesTaken(key->type(), left);
    if (bytes == 0) return;
    if (key->type().is_string()) return AddStrings(AsStrings(*key), left, prefixes);
    left -= bytes;
    VisitFixedType(key->type().id(),
                   [&]<class T>() { AddNumbers(AsNumbers<T>(*key), 8 * left, prefixes); });
  }
}

}  // namespace granary
