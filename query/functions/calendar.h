// The proleptic Gregorian calendar in UTC, in days and seconds since 1970-01-01.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace granary {

inline constexpr int64_t kDaySeconds = 86400;

struct CivilDate {
  int year;
  int month;  // 1 to 12
  int day;    // 1 to 31
};

inline CivilDate CivilFromDays(int64_t days) {
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{days}}};
  return {static_cast<int>(date.year()), static_cast<int>(static_cast<unsigned>(date.month())),
          static_cast<int>(static_cast<unsigned>(date.day()))};
}

inline int64_t DaysFromCivil(int year, int month, int day) {
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  return std::chrono::sys_days(date).time_since_epoch().count();
}

inline int DaysInMonth(int year, int month) {
  return static_cast<int>(DaysFromCivil(month == 12 ? year + 1 : year, month % 12 + 1, 1) -
                          DaysFromCivil(year, month, 1));
}

// Months since January of year 0.
inline int64_t MonthNumber(int64_t days) {
  const CivilDate date = CivilFromDays(days);
  return int64_t{date.year} * 12 + date.month - 1;
}

// The same day `months` later, or the last of the month if it has no such day.
inline int64_t AddMonths(int64_t days, int64_t months) {
  constexpr int64_t kMonthsMax = 12 * 30000;
  const CivilDate date = CivilFromDays(days);
  const int64_t number = std::clamp<int64_t>(
      int64_t{date.year} * 12 + date.month - 1 + std::clamp(months, -kMonthsMax, kMonthsMax), 0,
      kMonthsMax);
  const int year = static_cast<int>(number / 12), month = static_cast<int>(number % 12) + 1;
  return DaysFromCivil(year, month, std::min(date.day, DaysInMonth(year, month)));
}

// 1 is Monday, 7 is Sunday.
inline int DayOfWeek(int64_t days) { return static_cast<int>(((days + 3) % 7 + 7) % 7) + 1; }
inline int64_t StartOfWeek(int64_t days) { return days - (DayOfWeek(days) - 1); }
inline int64_t StartOfYear(int64_t days) { return DaysFromCivil(CivilFromDays(days).year, 1, 1); }
inline int64_t StartOfMonth(int64_t days) { return days - CivilFromDays(days).day + 1; }
inline int64_t StartOfQuarter(int64_t days) {
  const CivilDate date = CivilFromDays(days);
  return DaysFromCivil(date.year, (date.month - 1) / 3 * 3 + 1, 1);
}

// ISO 8601: the week belongs to the year of its Thursday.
inline int IsoYear(int64_t days) { return CivilFromDays(StartOfWeek(days) + 3).year; }
inline int IsoWeek(int64_t days) {
  const int64_t thursday = StartOfWeek(days) + 3;
  return static_cast<int>((thursday - StartOfYear(thursday)) / 7) + 1;
}

}  // namespace granary
