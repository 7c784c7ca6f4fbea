// Whether a damaged database behaves: it answers right; or says, in an error or a warning, what is
// damaged, and only that is missing. Wrong rows, or fewer in silence, never.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include "granary/tests/damage/damage.h"
#include "granary/tests/damage/store.h"

namespace granary::testing {

enum class Outcome {
  kRight,     // as if nothing had happened
  kWarned,    // all rows, and a warning: an index, or what a crash might have left
  kError,     // a statement failed and named the file
  kDetached,  // a part is missing and lies in detached/
  kHeld,      // a table cannot be used until it is restored
  kRefused,   // the database was not opened
};
inline constexpr size_t kOutcomes = 6;

struct Verdict {
  Outcome outcome = Outcome::kRight;
  std::optional<std::string> fault;  // what is wrong with Granary
};

// How a case is tried: for reading, or for writing with a statement that rewrites everything, an
// INSERT and another opening afterwards.
struct Trial {
  bool read_only = false;
  bool rewrite = false;
};

Verdict Judge(const Store& store, const Damage& damage, const Trial& trial);

// How often each outcome was seen.
class Tally {
 public:
  // Adds a test failure, with all that is needed to replay it, if there is a fault. Gives up after
  // ten.
  void Try(const Store& store, const Damage& damage, const Trial& trial);
  // For reading and for writing.
  void TryBoth(const Store& store, const Damage& damage);
  bool has_enough() const { return faults_ >= 10; }
  size_t count(Outcome outcome) const { return counts_[static_cast<size_t>(outcome)]; }
  size_t cases() const;
  std::string text() const;

 private:
  std::array<size_t, kOutcomes> counts_{};
  size_t faults_ = 0;
};

}  // namespace granary::testing
