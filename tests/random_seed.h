// The seed of a random test: one of its own, or GRANARY_SEED to replay a run that failed.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>

namespace granary {

// The environment variable as a number, or `fallback`.
inline uint64_t NumberFromEnvironment(const char* name, uint64_t fallback) {
  const char* text = std::getenv(name);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

inline uint64_t SeedOfThisRun() {
  return NumberFromEnvironment("GRANARY_SEED", std::random_device()());
}

}  // namespace granary
