#include "granary/query/formats/date_text.h"

#include <chrono>
#include <limits>

namespace granary {
namespace {

void AppendPadded(unsigned value, int digits, std::string& out) {
  char text[4];
  for (int i = digits - 1; i >= 0; --i, value /= 10) text[i] = static_cast<char>('0' + value % 10);
  out.append(text, static_cast<size_t>(digits));
}

void AppendDays(int64_t days, std::string& out) {
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{days}}};
  AppendPadded(static_cast<unsigned>(static_cast<int>(date.year())), 4, out);
  out += '-';
  AppendPadded(static_cast<unsigned>(date.month()), 2, out);
  out += '-';
  AppendPadded(static_cast<unsigned>(date.day()), 2, out);
}

// Takes a number of `digits_min` to `digits_max` digits off the front of the text.
bool TakeNumber(std::string_view& text, size_t digits_min, size_t digits_max, unsigned& value) {
  size_t count = 0;
  value = 0;
  while (count < digits_max && count < text.size() && text[count] >= '0' && text[count] <= '9') {
    value = value * 10 + static_cast<unsigned>(text[count++] - '0');
  }
  text.remove_prefix(count);
  return count >= digits_min;
}

bool TakeChar(std::string_view& text, char expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(1);
  return true;
}

// Takes a date off the front; false if there is none or it is not in the calendar.
bool TakeDays(std::string_view& text, int64_t& days) {
  unsigned year = 0, month = 0, day = 0;
  if (!TakeNumber(text, 4, 4, year) || !TakeChar(text, '-') || !TakeNumber(text, 1, 2, month) ||
      !TakeChar(text, '-') || !TakeNumber(text, 1, 2, day)) {
    return false;
  }
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)),
                                         std::chrono::month(month), std::chrono::day(day)};
  if (!date.ok()) return false;
  days = std::chrono::sys_days(date).time_since_epoch().count();
  return true;
}

bool TakeSecondsOfDay(std::string_view& text, unsigned& seconds) {
  unsigned hour = 0, minute = 0, second = 0;
  if (!TakeNumber(text, 1, 2, hour) || !TakeChar(text, ':') || !TakeNumber(text, 2, 2, minute) ||
      !TakeChar(text, ':') || !TakeNumber(text, 2, 2, second)) {
    return false;
  }
  seconds = hour * 3600 + minute * 60 + second;
  return hour < 24 && minute < 60 && second < 60;
}

ParseStatus ParseEpochSeconds(std::string_view text, uint32_t& seconds) {
  const NumberEnd result = ParseNumber(text.data(), text.data() + text.size(), seconds);
  return result.end == text.data() + text.size() ? result.status : ParseStatus::kBadText;
}

}  // namespace

void AppendDate(uint16_t days, std::string& out) { AppendDays(days, out); }

void AppendDateTime(uint32_t seconds, std::string& out) {
  constexpr uint32_t kDaySeconds = 86400;
  AppendDays(seconds / kDaySeconds, out);
  const uint32_t rest = seconds % kDaySeconds;
  out += ' ';
  AppendPadded(rest / 3600, 2, out);
  out += ':';
  AppendPadded(rest / 60 % 60, 2, out);
  out += ':';
  AppendPadded(rest % 60, 2, out);
}

ParseStatus ParseDate(std::string_view text, uint16_t& days) {
  int64_t count = 0;
  if (!TakeDays(text, count) || !text.empty()) return ParseStatus::kBadText;
  if (count < 0 || count > std::numeric_limits<uint16_t>::max()) return ParseStatus::kOutOfRange;
  days = static_cast<uint16_t>(count);
  return ParseStatus::kOk;
}

ParseStatus ParseDateTime(std::string_view text, uint32_t& seconds) {
  if (text.size() >= 5 && text.find('-') == text.npos) return ParseEpochSeconds(text, seconds);
  int64_t days = 0;
  unsigned rest = 0;
  if (!TakeDays(text, days)) return ParseStatus::kBadText;
  if (!text.empty()) {
    if (!TakeChar(text, ' ') && !TakeChar(text, 'T')) return ParseStatus::kBadText;
    if (!TakeSecondsOfDay(text, rest)) return ParseStatus::kBadText;
    TakeChar(text, 'Z');
    if (!text.empty()) return ParseStatus::kBadText;
  }
  const int64_t total = days * 86400 + rest;
  if (total < 0 || total > std::numeric_limits<uint32_t>::max()) return ParseStatus::kOutOfRange;
  seconds = static_cast<uint32_t>(total);
  return ParseStatus::kOk;
}

}  // namespace granary
