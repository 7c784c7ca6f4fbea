#include "granary/query/functions/date_format.h"

#include <fmt/format.h>

#include "granary/query/functions/calendar.h"
#include "granary/table/error.h"

namespace granary {
namespace {

constexpr std::string_view kLetters = "YymcMbdejHkhIliSspaWDFTRrQVGguwCnt%";

constexpr const char* kMonths[] = {"January",   "February", "March",    "April",
                                   "May",       "June",     "July",     "August",
                                   "September", "October",  "November", "December"};
constexpr const char* kWeekdays[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                     "Friday", "Saturday", "Sunday"};

void AppendTwoDigits(int64_t number, std::string& out) {
  out += static_cast<char>('0' + number / 10 % 10);
  out += static_cast<char>('0' + number % 10);
}

struct BrokenDownTime {
  int64_t days;
  CivilDate date;
  int64_t hour, minute, second;

  explicit BrokenDownTime(int64_t seconds)
      : days(seconds / kDaySeconds),
        date(CivilFromDays(days)),
        hour(seconds / 3600 % 24),
        minute(seconds / 60 % 60),
        second(seconds % 60) {}

  int64_t TwelveHour() const { return (hour + 11) % 12 + 1; }
};

void AppendLetter(char letter, const BrokenDownTime& t, std::string& out);

void AppendLetters(std::string_view pattern, const BrokenDownTime& t, std::string& out) {
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '%' && i + 1 < pattern.size()) {
      AppendLetter(pattern[++i], t, out);
    } else {
      out += pattern[i];
    }
  }
}

// One case per letter.
void AppendLetter(char letter, const BrokenDownTime& t, std::string& out) {
  switch (letter) {
    case 'Y':
      return void(out += std::to_string(t.date.year));
    case 'y':
      return AppendTwoDigits(t.date.year % 100, out);
    case 'C':
      return AppendTwoDigits(t.date.year / 100, out);
    case 'G':
      return void(out += std::to_string(IsoYear(t.days)));
    case 'g':
      return AppendTwoDigits(IsoYear(t.days) % 100, out);
    case 'V':
      return AppendTwoDigits(IsoWeek(t.days), out);
    case 'Q':
      return void(out += std::to_string((t.date.month + 2) / 3));
    case 'm':
    case 'c':
      return AppendTwoDigits(t.date.month, out);
    case 'M':
      return void(out += kMonths[t.date.month - 1]);
    case 'b':
      return void(out.append(kMonths[t.date.month - 1], 3));
    case 'd':
      return AppendTwoDigits(t.date.day, out);
    case 'e':
      return void(out += std::to_string(t.date.day));
    case 'j':
      return void(out += fmt::format("{:03}", t.days - StartOfYear(t.days) + 1));
    case 'u':
      return void(out += std::to_string(DayOfWeek(t.days)));
    case 'w':
      return void(out += std::to_string(DayOfWeek(t.days) % 7));
    case 'W':
      return void(out += kWeekdays[DayOfWeek(t.days) - 1]);
    case 'a':
      return void(out.append(kWeekdays[DayOfWeek(t.days) - 1], 3));
    case 'H':
    case 'k':
      return AppendTwoDigits(t.hour, out);
    case 'h':
    case 'I':
    case 'l':
      return AppendTwoDigits(t.TwelveHour(), out);
    case 'i':
      return AppendTwoDigits(t.minute, out);
    case 'S':
    case 's':
      return AppendTwoDigits(t.second, out);
    case 'p':
      return void(out += t.hour < 12 ? "AM" : "PM");
    case 'D':
      return AppendLetters("%m/%d/%y", t, out);
    case 'F':
      return AppendLetters("%Y-%m-%d", t, out);
    case 'T':
      return AppendLetters("%H:%i:%S", t, out);
    case 'R':
      return AppendLetters("%H:%i", t, out);
    case 'r':
      return AppendLetters("%h:%i %p", t, out);
    case 'n':
      return void(out += '\n');
    case 't':
      return void(out += '\t');
    default:
      out += letter;
  }
}

}  // namespace

void CheckDateFormat(std::string_view pattern) {
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') continue;
    ++i;
    if (i < pattern.size() && kLetters.find(pattern[i]) != kLetters.npos) continue;
    throw Error(ErrorCode::kBadArguments,
                fmt::format("formatDateTime does not know '%{}' in '{}'; the letters are {}",
                            pattern.substr(std::min(i, pattern.size()), 1), pattern, kLetters));
  }
}

void AppendFormattedDate(std::string_view pattern, int64_t seconds, std::string& out) {
  AppendLetters(pattern, BrokenDownTime(seconds), out);
}

}  // namespace granary
