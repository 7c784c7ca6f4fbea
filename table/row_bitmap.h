// A set of row numbers in [0, size): delete masks, accept sets, page-verified bits. Plain words,
// because a dense bit test inside a graph walk beats every compressed form.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace granary {

class RowBitmap {
 public:
  RowBitmap() = default;
  explicit RowBitmap(size_t size, bool value = false);

  size_t size() const { return size_; }
  bool Test(size_t row) const { return (words_[row >> 6] >> (row & 63)) & 1; }
  void Set(size_t row) { words_[row >> 6] |= uint64_t{1} << (row & 63); }
  void Reset(size_t row) { words_[row >> 6] &= ~(uint64_t{1} << (row & 63)); }
  // Rows [first, first + count).
  void SetRange(size_t first, size_t count);
  void ResetRange(size_t first, size_t count);
  // Makes it [0, size) for a larger size; rows added are not in the set.
  void Grow(size_t size);
  size_t Count() const;
  size_t CountRange(size_t first, size_t count) const;
  // *this &= other, *this |= other, *this &= ~other; sizes must be equal.
  void And(const RowBitmap& other);
  void Or(const RowBitmap& other);
  void AndNot(const RowBitmap& other);
  // Row numbers in the set, ascending.
  std::vector<uint32_t> Rows() const;

  std::span<const uint64_t> words() const { return words_; }
  std::span<uint64_t> mutable_words() { return words_; }

 private:
  size_t size_ = 0;
  std::vector<uint64_t> words_;  // bits at and beyond size_ are 0
};

}  // namespace granary
