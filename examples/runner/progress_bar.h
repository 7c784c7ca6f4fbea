// A line at the bottom of the terminal that says how far the running statement is:
//
//   1.25 million rows, 410.00 MB (310.00 thousand rows/s.) ━━━━━━━━━───────────  45%, 12 s left
//
// Shown on stderr, only if that is a terminal, and only once a statement takes longer than a
// moment.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

#include "granary/query/database.h"

namespace granary::runner {

// Thread-safe.
class ProgressBar {
 public:
  ProgressBar();

  // For the next statement. `input_fraction` says how much of its input has been read, 0 to 1 (0:
  // not known), and is called from the thread that reports progress.
  void Begin(std::function<double()> input_fraction);
  void Update(const StatementProgress& progress);
  // Takes the line off the terminal; the next Update shows it again.
  void Clear();
  // Takes the line off the terminal until Begin.
  void End();

 private:
  void ClearLocked();

  const bool is_terminal_;
  std::mutex mutex_;
  std::function<double()> input_fraction_;
  bool is_active_ = false;
  bool is_shown_ = false;
};

// The line, at most `columns` wide. `fraction` is 0 if it is not known.
std::string ProgressLine(const StatementProgress& progress, double fraction, size_t columns);

// 1250000 as "1.25 million", 999 as "999.00".
std::string ReadableCount(double count);
// 4.1e8 as "410.00 MB".
std::string ReadableBytes(double bytes);

}  // namespace granary::runner
