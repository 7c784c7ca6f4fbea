// now, addDays, dateDiff, toStartOfInterval, formatDateTime ...: everything is UTC.
#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "granary/query/functions/calendar.h"
#include "granary/query/functions/column_access.h"
#include "granary/query/functions/conversion.h"
#include "granary/query/functions/date_format.h"
#include "granary/query/functions/families.h"
#include "granary/query/functions/numeric_conversion.h"
#include "granary/query/functions/type_rules.h"

namespace granary {
namespace {

// The current time

int64_t NowSeconds(const FunctionContext& context) {
  const Clock& clock = context.clock != nullptr ? *context.clock : SystemClock();
  const auto now = context.now ? *context.now : clock.Now();
  return std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count();
}

FunctionBinder NowBinder() {
  return [](std::span<const FunctionArgument>, const FunctionContext& context) {
    return Function(TypeId::kDateTime, [context](std::span<const ColumnPtr>, size_t rows) {
      return MakeConstant(TypeId::kDateTime, static_cast<uint64_t>(NowSeconds(context)), rows);
    });
  };
}

FunctionBinder TodayBinder(int64_t offset) {
  return [offset](std::span<const FunctionArgument>, const FunctionContext& context) {
    return Function(TypeId::kDate, [=](std::span<const ColumnPtr>, size_t rows) {
      const int64_t day = NowSeconds(context) / kDaySeconds + offset;
      return MakeConstant(TypeId::kDate, static_cast<uint64_t>(day), rows);
    });
  };
}

// Units

enum class DateUnit { kSecond, kMinute, kHour, kDay, kWeek, kMonth, kQuarter, kYear };

struct UnitName {
  const char* name;                             // as in addDays
  const char* lower;                            // as in dateDiff('day', ...)
  std::array<std::string_view, 3> short_names;  // for dateDiff only
  DateUnit unit;
};

constexpr std::array kUnits = {UnitName{"Second", "second", {"ss", "s"}, DateUnit::kSecond},
                               UnitName{"Minute", "minute", {"mi", "n"}, DateUnit::kMinute},
                               UnitName{"Hour", "hour", {"hh", "h"}, DateUnit::kHour},
                               UnitName{"Day", "day", {"dd", "d"}, DateUnit::kDay},
                               UnitName{"Week", "week", {"wk", "ww"}, DateUnit::kWeek},
                               UnitName{"Month", "month", {"mm", "m"}, DateUnit::kMonth},
                               UnitName{"Quarter", "quarter", {"qq", "q"}, DateUnit::kQuarter},
                               UnitName{"Year", "year", {"yyyy", "yy"}, DateUnit::kYear}};

// Seconds of a unit of fixed length; 0 for months, quarters and years.
int64_t UnitSeconds(DateUnit unit) {
  switch (unit) {
    case DateUnit::kSecond:
      return 1;
    case DateUnit::kMinute:
      return 60;
    case DateUnit::kHour:
      return 3600;
    case DateUnit::kDay:
      return kDaySeconds;
    case DateUnit::kWeek:
      return 7 * kDaySeconds;
    default:
      return 0;
  }
}

int64_t UnitMonths(DateUnit unit) {
  return unit == DateUnit::kMonth ? 1 : unit == DateUnit::kQuarter ? 3 : 12;
}

DateUnit ParseUnit(std::string_view function, const FunctionArgument& argument, size_t index,
                   bool takes_short_names = false) {
  std::string text = RequireConstant(function, index, argument)->ValueAt(0).as_string();
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  for (const UnitName& unit : kUnits) {
    const bool is_short =
        takes_short_names && !text.empty() &&
        std::ranges::find(unit.short_names, std::string_view(text)) != unit.short_names.end();
    if (is_short || text == unit.lower || text == std::string(unit.lower) + "s") return unit.unit;
  }
  throw Error(ErrorCode::kBadArguments,
              fmt::format("Function {} does not know the unit '{}': use second, minute, hour, day, "
                          "week, month, quarter or year",
                          function, text));
}

// Seconds since the epoch, moved: by seconds to weeks it wraps around at 64 bits, by months to
// years it stops at the first second.
int64_t ShiftSeconds(int64_t seconds, int64_t count, DateUnit unit) {
  if (const int64_t step = UnitSeconds(unit)) {
    return static_cast<int64_t>(static_cast<uint64_t>(seconds) +
                                static_cast<uint64_t>(count) * static_cast<uint64_t>(step));
  }
  constexpr int64_t kCountMax = 1000000;
  const int64_t months = std::clamp(count, -kCountMax, kCountMax) * UnitMonths(unit);
  const int64_t day = AddMonths(seconds / kDaySeconds, months);
  return day < 0 ? 0 : day * kDaySeconds + seconds % kDaySeconds;
}

// addDays(date, n), subtractMonths(date, n). Seconds, minutes and hours make a DateTime of a Date.
FunctionBinder ShiftBinder(std::string name, DateUnit unit, bool subtracts) {
  return [=](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    RequireDate(name, arguments, 0);
    RequireNumber(name, arguments, 1);
    const bool has_time = arguments[0].type.id() == TypeId::kDateTime ||
                          unit == DateUnit::kSecond || unit == DateUnit::kMinute ||
                          unit == DateUnit::kHour;
    const DataType type = has_time ? TypeId::kDateTime : TypeId::kDate;
    const auto body = [=](std::span<const ColumnPtr> values, size_t rows) {
      const Instants seconds(values[0]);
      const ColumnPtr counts = ConvertFixed(values[1], TypeId::kInt64);
      const NumberView<int64_t> count(*counts);
      const auto shifted = [&](size_t row) {
        const int64_t n = count[row];
        const int64_t steps = subtracts ? static_cast<int64_t>(0 - static_cast<uint64_t>(n)) : n;
        return ShiftSeconds(seconds[row], steps, unit);
      };
      if (has_time) {
        return FillNumbers<uint32_t>(
            type, rows, [&](size_t row) { return static_cast<uint32_t>(shifted(row)); });
      }
      return FillNumbers<uint16_t>(type, rows, [&](size_t row) {
        return static_cast<uint16_t>(shifted(row) / kDaySeconds);  // whole days: also below 0
      });
    };
    return Function(type, body, CanConversionFail(arguments[1].type, TypeId::kInt64));
  };
}

// How many units have begun since a fixed point long ago.
int64_t UnitNumber(int64_t seconds, DateUnit unit) {
  if (unit == DateUnit::kWeek) return StartOfWeek(seconds / kDaySeconds) / 7;
  if (const int64_t step = UnitSeconds(unit)) return seconds / step;
  return MonthNumber(seconds / kDaySeconds) / UnitMonths(unit);
}

Function BindDateDiff(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  RequireString("dateDiff", arguments, 0);
  const DateUnit unit = ParseUnit("dateDiff", arguments[0], 0, true);
  for (size_t i = 1; i < 3; ++i) RequireDate("dateDiff", arguments, i);
  return {TypeId::kInt64, [unit](std::span<const ColumnPtr> values, size_t rows) {
            const Instants a(values[1]), b(values[2]);
            return FillNumbers<int64_t>(TypeId::kInt64, rows, [&](size_t row) {
              return UnitNumber(b[row], unit) - UnitNumber(a[row], unit);
            });
          }};
}

// The start of the interval of `count` units that the time lies in.
int64_t StartOfInterval(int64_t seconds, int64_t count, DateUnit unit) {
  if (unit == DateUnit::kWeek) {
    const int64_t week = StartOfWeek(seconds / kDaySeconds);
    // Weeks are counted from Monday, 1970-01-05, the first in the range of Date.
    const int64_t number = (week - 4) / 7;
    return (number - ((number % count) + count) % count) * 7 * kDaySeconds + 4 * kDaySeconds;
  }
  if (unit == DateUnit::kHour) {
    const int64_t of_day = seconds % kDaySeconds;
    return seconds - of_day % (3600 * count);  // counted from midnight
  }
  if (const int64_t step = UnitSeconds(unit)) return seconds - seconds % (step * count);
  const int64_t months = UnitMonths(unit) * count;
  const int64_t first = 1970 * 12;
  const int64_t month = MonthNumber(seconds / kDaySeconds) - first;
  const int64_t start = month - month % months + first;
  return DaysFromCivil(static_cast<int>(start / 12), static_cast<int>(start % 12) + 1, 1) *
         kDaySeconds;
}

Function StartOfIntervalFunction(int64_t count, DateUnit unit) {
  const bool has_time = UnitSeconds(unit) > 0 && unit != DateUnit::kWeek;
  const DataType type = has_time ? TypeId::kDateTime : TypeId::kDate;
  return {type, [=](std::span<const ColumnPtr> values, size_t rows) {
            const Instants seconds(values[0]);
            const auto start = [&](size_t row) {
              return std::max<int64_t>(StartOfInterval(seconds[row], count, unit), 0);
            };
            if (has_time) {
              return FillNumbers<uint32_t>(
                  type, rows, [&](size_t row) { return static_cast<uint32_t>(start(row)); });
            }
            return FillNumbers<uint16_t>(type, rows, [&](size_t row) {
              return static_cast<uint16_t>(start(row) / kDaySeconds);
            });
          }};
}

// The compiler turns toStartOfInterval(t, INTERVAL 15 MINUTE) into (t, 15, 'minute').
Function BindStartOfInterval(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  constexpr std::string_view kName = "toStartOfInterval";
  RequireDate(kName, arguments, 0);
  RequireInteger(kName, arguments, 1);
  RequireString(kName, arguments, 2);
  const ColumnPtr& constant = RequireConstant(kName, 1, arguments[1]);
  const int64_t count = ReadNumbers<int64_t>(*constant, 1)[0];
  constexpr int64_t kCountMax = 1000000;
  if (count < 1 || count > kCountMax) {
    throw Error(ErrorCode::kBadArguments,
                fmt::format("The interval of function {} must be from 1 to {} units, not {}", kName,
                            kCountMax, count));
  }
  return StartOfIntervalFunction(count, ParseUnit(kName, arguments[2], 2));
}

Function BindDateTrunc(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  RequireString("dateTrunc", arguments, 0);
  RequireDate("dateTrunc", arguments, 1);
  const DateUnit unit = ParseUnit("dateTrunc", arguments[0], 0);
  Function start = StartOfIntervalFunction(1, unit);
  return {start.result_type(), [start](std::span<const ColumnPtr> values, size_t rows) {
            return start.Execute(values.subspan(1), rows);
          }};
}

Function BindMakeDate(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  for (size_t i = 0; i < 3; ++i) RequireInteger("makeDate", arguments, i);
  return {TypeId::kDate, [](std::span<const ColumnPtr> values, size_t rows) {
            const auto years = ReadNumbers<int64_t>(*values[0], rows);
            const auto months = ReadNumbers<int64_t>(*values[1], rows);
            const auto days = ReadNumbers<int64_t>(*values[2], rows);
            return FillNumbers<uint16_t>(TypeId::kDate, rows, [&](size_t row) -> uint16_t {
              const bool is_date = years[row] >= 1970 && years[row] <= 2149 && months[row] >= 1 &&
                                   months[row] <= 12 && days[row] >= 1;
              if (!is_date) return 0;
              const int year = static_cast<int>(years[row]), month = static_cast<int>(months[row]);
              if (days[row] > DaysInMonth(year, month)) return 0;
              const int64_t day = DaysFromCivil(year, month, static_cast<int>(days[row]));
              return day <= std::numeric_limits<uint16_t>::max() ? static_cast<uint16_t>(day) : 0;
            });
          }};
}

Function BindToUnixTimestamp(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  const DataType& type = arguments[0].type;
  if (!type.is_string()) RequireDate("toUnixTimestamp", arguments, 0);
  return {TypeId::kUInt32,
          [](std::span<const ColumnPtr> values, size_t) {
            const ColumnPtr times = CastColumn(values[0], TypeId::kDateTime);
            return Retyped(times->Materialize(), TypeId::kUInt32);
          },
          type.is_string()};
}

Function BindFromUnixTimestamp(std::span<const FunctionArgument> arguments,
                               const FunctionContext&) {
  RequireInteger("fromUnixTimestamp", arguments, 0);
  return {TypeId::kDateTime, [](std::span<const ColumnPtr> values, size_t) {
            return ConvertFixed(values[0], TypeId::kDateTime);
          }};
}

Function BindFormatDateTime(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  RequireDate("formatDateTime", arguments, 0);
  RequireString("formatDateTime", arguments, 1);
  const std::string pattern =
      RequireConstant("formatDateTime", 1, arguments[1])->ValueAt(0).as_string();
  CheckDateFormat(pattern);
  return {TypeId::kString, [pattern](std::span<const ColumnPtr> values, size_t rows) {
            const Instants seconds(values[0]);
            StringBuffer result(rows);
            std::string text;
            for (size_t row = 0; row < rows; ++row) {
              text.clear();
              AppendFormattedDate(pattern, seconds[row], text);
              result.AppendRow(text);
            }
            return result.Finish();
          }};
}

}  // namespace

void RegisterDates(FunctionRegistry& registry) {
  constexpr auto kPlain = FunctionKind::kPlain;
  for (const UnitName& unit : kUnits) {
    const std::string add = std::string("add") + unit.name + "s";
    const std::string subtract = std::string("subtract") + unit.name + "s";
    registry.Add({add, 2, 2, ShiftBinder(add, unit.unit, false)});
    registry.Add({subtract, 2, 2, ShiftBinder(subtract, unit.unit, true)});
  }
  registry.Add({"now", 0, 0, NowBinder(), FunctionKind::kPerStatement, true});
  registry.Add({"today", 0, 0, TodayBinder(0), FunctionKind::kPerStatement});
  registry.AddAlias("current_date", "today", true);
  registry.AddAlias("curdate", "today", true);
  registry.Add({"yesterday", 0, 0, TodayBinder(-1), FunctionKind::kPerStatement});
  registry.Add({"toStartOfInterval", 3, 3, BindStartOfInterval});
  registry.Add({"dateTrunc", 2, 2, BindDateTrunc, kPlain, true});
  registry.AddAlias("date_trunc", "dateTrunc", true);
  registry.Add({"dateDiff", 3, 3, BindDateDiff, kPlain, true});
  registry.AddAlias("date_diff", "dateDiff", true);
  registry.Add({"makeDate", 3, 3, BindMakeDate, kPlain, true});
  registry.Add({"toUnixTimestamp", 1, 1, BindToUnixTimestamp});
  registry.Add({"fromUnixTimestamp", 1, 1, BindFromUnixTimestamp});
  registry.AddAlias("FROM_UNIXTIME", "fromUnixTimestamp", true);
  registry.Add({"formatDateTime", 2, 2, BindFormatDateTime});
  registry.AddAlias("DATE_FORMAT", "formatDateTime", true);
}

}  // namespace granary
