#include "granary/table/row_bitmap.h"

#include <bit>
#include <cassert>

namespace granary {
namespace {

// Bits [from, to) of a word; to <= 64.
uint64_t Mask(size_t from, size_t to) {
  const uint64_t below_to = to == 64 ? ~uint64_t{0} : (uint64_t{1} << to) - 1;
  return below_to & ~((uint64_t{1} << from) - 1);
}

// Calls visit(word, mask) for every word that [first, first + count) touches.
template <class Visit>
void ForRange(size_t first, size_t count, Visit visit) {
  const size_t end = first + count;
  for (size_t row = first; row < end;) {
    const size_t word = row >> 6;
    const size_t word_end = std::min(end, (word + 1) << 6);
    visit(word, Mask(row & 63, word_end - (word << 6)));
    row = word_end;
  }
}

}  // namespace

RowBitmap::RowBitmap(size_t size, bool value) : size_(size), words_((size + 63) / 64) {
  if (value) SetRange(0, size);
}

void RowBitmap::SetRange(size_t first, size_t count) {
  ForRange(first, count, [&](size_t word, uint64_t mask) { words_[word] |= mask; });
}

void RowBitmap::ResetRange(size_t first, size_t count) {
  ForRange(first, count, [&](size_t word, uint64_t mask) { words_[word] &= ~mask; });
}

size_t RowBitmap::Count() const { return CountRange(0, size_); }

size_t RowBitmap::CountRange(size_t first, size_t count) const {
  size_t rows = 0;
  ForRange(first, count,
           [&](size_t word, uint64_t mask) { rows += std::popcount(words_[word] & mask); });
  return rows;
}

void RowBitmap::And(const RowBitmap& other) {
  assert(size_ == other.size_);
  for (size_t i = 0; i < words_.size(); ++i) words_[i] &= other.words_[i];
}

void RowBitmap::Or(const RowBitmap& other) {
  assert(size_ == other.size_);
  for (size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
}

void RowBitmap::AndNot(const RowBitmap& other) {
  assert(size_ == other.size_);
  for (size_t i = 0; i < words_.size(); ++i) words_[i] &= ~other.words_[i];
}

std::vector<uint32_t> RowBitmap::Rows() const {
  std::vector<uint32_t> rows;
  rows.reserve(Count());
  for (size_t word = 0; word < words_.size(); ++word) {
    for (uint64_t bits = words_[word]; bits != 0; bits &= bits - 1) {
      rows.push_back(static_cast<uint32_t>(word * 64 + std::countr_zero(bits)));
    }
  }
  return rows;
}

}  // namespace granary
