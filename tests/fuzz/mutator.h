// Changes inputs at random: bytes flipped, set, dropped, doubled, moved; numbers set to their
// limits; words put in; the middle of another input. The same seed gives the same changes
// everywhere.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "granary/tests/fuzz/fuzz_target.h"

namespace granary::fuzz {

class Mutator {
 public:
  // `words` may be empty.
  Mutator(uint64_t seed, std::vector<std::string> words)
      : random_(seed), words_(std::move(words)) {}

  // One to eight changes of `input`; `other` is another input to take pieces from, or empty.
  Bytes Mutate(Input input, Input other, size_t bytes_max);

  // In [0, end); 0 if end is.
  size_t Below(size_t end) { return end == 0 ? 0 : random_() % end; }

 private:
  void ChangeByte(Bytes& bytes);
  void ChangeNumber(Bytes& bytes);
  void Drop(Bytes& bytes);
  void Insert(Bytes& bytes, size_t at, Input piece);
  void Splice(Bytes& bytes, Input other);
  void Change(Bytes& bytes, Input other);
  // A random piece of up to 64 bytes.
  Input Piece(Input bytes);

  std::mt19937_64 random_;
  std::vector<std::string> words_;
};

}  // namespace granary::fuzz
