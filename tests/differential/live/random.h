// Choices of the generator: the same seed makes the same ones on every machine.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace granary::differential {

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  // Below `bound`, which is not 0.
  uint64_t Below(uint64_t bound) { return engine_() % bound; }
  uint64_t Bits() { return engine_(); }
  // True in `percent` of 100 cases.
  bool Chance(uint64_t percent) { return Below(100) < percent; }
  template <class T>
  const T& Of(const std::vector<T>& choices) {
    return choices[Below(choices.size())];
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace granary::differential
