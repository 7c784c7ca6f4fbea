#include "granary/examples/runner/progress_bar.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace granary::runner {
namespace {

constexpr double kShowAfterSeconds = 0.5;
constexpr size_t kBarCellsMax = 40;

std::string Readable(double value, std::span<const std::string_view> units) {
  size_t unit = 0;
  for (; value >= 1000 && unit + 1 < units.size(); ++unit) value /= 1000;
  return fmt::format("{:.2f}{}", value, units[unit]);
}

size_t TerminalColumns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

void WriteToTerminal(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
    if (written < 0) return;
    text.remove_prefix(static_cast<size_t>(written));
  }
}

std::string TimeLeft(double seconds) {
  if (seconds < 60) return fmt::format("{:.0f} s left", seconds);
  if (seconds < 3600) return fmt::format("{:.0f} min left", seconds / 60);
  return fmt::format("{:.1f} h left", seconds / 3600);
}

std::string Bar(double fraction, size_t cells) {
  std::string bar;
  const auto full = static_cast<size_t>(fraction * static_cast<double>(cells));
  for (size_t i = 0; i < cells; ++i) bar += i < full ? "━" : "─";
  return bar;
}

}  // namespace

std::string ReadableCount(double count) {
  static constexpr std::array<std::string_view, 5> kUnits = {"", " thousand", " million",
                                                             " billion", " trillion"};
  return Readable(count, kUnits);
}

std::string ReadableBytes(double bytes) {
  static constexpr std::array<std::string_view, 5> kUnits = {" B", " KB", " MB", " GB", " TB"};
  return Readable(bytes, kUnits);
}

std::string ProgressLine(const StatementProgress& progress, double fraction, size_t columns) {
  const double seconds = std::max(progress.elapsed_seconds, 1e-3);
  const auto rows = static_cast<double>(progress.rows_done);
  std::string line = fmt::format("{} rows, {} ({} rows/s.)", ReadableCount(rows),
                                 ReadableBytes(static_cast<double>(progress.bytes_done)),
                                 ReadableCount(rows / seconds));
  if (fraction > 0) {
    const double shown = std::min(fraction, 1.0);
    const std::string rest =
        fmt::format(" {:3.0f}%, {}", shown * 100, TimeLeft(seconds * (1 - shown) / shown));
    const size_t used = line.size() + rest.size() + 1;
    if (used < columns) line += " " + Bar(shown, std::min(kBarCellsMax, columns - used));
    if (used <= columns) return line + rest;
  }
  line.resize(std::min(line.size(), columns));
  return line;
}

ProgressBar::ProgressBar() : is_terminal_(isatty(STDERR_FILENO) != 0) {}

void ProgressBar::Begin(std::function<double()> input_fraction) {
  const std::lock_guard lock(mutex_);
  input_fraction_ = std::move(input_fraction);
  is_active_ = is_terminal_;
}

void ProgressBar::Update(const StatementProgress& progress) {
  const std::lock_guard lock(mutex_);
  const bool has_begun = progress.rows_done > 0 || progress.bytes_done > 0;
  if (!is_active_ || !has_begun || progress.elapsed_seconds < kShowAfterSeconds) return;
  const double fraction = progress.rows_total > 0 ? static_cast<double>(progress.rows_done) /
                                                        static_cast<double>(progress.rows_total)
                                                  : input_fraction_();
  WriteToTerminal(
      fmt::format("\r{}\x1b[K", ProgressLine(progress, fraction, TerminalColumns() - 1)));
  is_shown_ = true;
}

void ProgressBar::Clear() {
  const std::lock_guard lock(mutex_);
  ClearLocked();
}

void ProgressBar::End() {
  const std::lock_guard lock(mutex_);
  ClearLocked();
  is_active_ = false;
}

void ProgressBar::ClearLocked() {
  if (is_shown_) WriteToTerminal("\r\x1b[K");
  is_shown_ = false;
}

}  // namespace granary::runner
