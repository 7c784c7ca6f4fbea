#include "granary/table/row_bitmap.h"

#include <algorithm>
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

// The words that [first, first + count) covers, after `head` rows; its rows go on at `tail`.
struct WholeWords {
  WholeWords(size_t first_row, size_t rows)
      : head(std::min(rows, (64 - first_row % 64) % 64)),
        first((first_row + head) / 64),
        count((rows - head) / 64),
        tail(first_row + head + count * 64) {}

  size_t head;
  size_t first;
  size_t count;
  size_t tail;
};

// Adds up within bytes, then the bytes of up to 31 words at once: compilers make vector code of it,
// and CPUs without an instruction that counts are common enough not to be built for.
uint64_t CountBits(std::span<const uint64_t> words) {
  constexpr size_t kWordsAtOnce = 31;  // of at most 8 in a byte: 248
  uint64_t bits = 0;
  for (size_t done = 0; done < words.size(); done += kWordsAtOnce) {
    uint64_t bytes = 0;
    for (const uint64_t word : words.subspan(done, std::min(kWordsAtOnce, words.size() - done))) {
      uint64_t x = word - (word >> 1 & 0x5555555555555555);
      x = (x & 0x3333333333333333) + (x >> 2 & 0x3333333333333333);
      bytes += (x + (x >> 4)) & 0x0F0F0F0F0F0F0F0F;
    }
    const uint64_t pairs = (bytes & 0x00FF00FF00FF00FF) + (bytes >> 8 & 0x00FF00FF00FF00FF);
    bits += pairs * 0x0001000100010001 >> 48;
  }
  return bits;
}

}  // namespace

RowBitmap::RowBitmap(size_t size, bool value) : size_(size), words_((size + 63) / 64) {
  if (value) SetRange(0, size);
}

void RowBitmap::Grow(size_t size) {
  size_ = size;
  words_.resize((size + 63) / 64);
}

void RowBitmap::SetRange(size_t first, size_t count) {
  const auto set_some = [&](size_t word, uint64_t mask) { words_[word] |= mask; };
  const WholeWords whole(first, count);
  ForRange(first, whole.head, set_some);
  std::fill_n(words_.begin() + static_cast<ptrdiff_t>(whole.first), whole.count, ~uint64_t{0});
  ForRange(whole.tail, first + count - whole.tail, set_some);
}

void RowBitmap::ResetRange(size_t first, size_t count) {
  ForRange(first, count, [&](size_t word, uint64_t mask) { words_[word] &= ~mask; });
}

size_t RowBitmap::Count() const { return CountRange(0, size_); }

size_t RowBitmap::CountRange(size_t first, size_t count) const {
  size_t rows = 0;
  const WholeWords whole(first, count);
  const auto count_some = [&](size_t word, uint64_t mask) {
    rows += static_cast<size_t>(std::popcount(words_[word] & mask));
  };
  ForRange(first, whole.head, count_some);
  rows += CountBits(std::span(words_).subspan(whole.first, whole.count));
  ForRange(whole.tail, first + count - whole.tail, count_some);
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
