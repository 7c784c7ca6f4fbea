// toYear, toMonth, toStartOfHour ...: what a Date or DateTime is made of, in UTC.
#include <algorithm>

#include "granary/query/functions/calendar.h"
#include "granary/query/functions/column_access.h"
#include "granary/query/functions/families.h"
#include "granary/query/functions/numeric_conversion.h"
#include "granary/query/functions/type_rules.h"

namespace granary {
namespace {

void RequireDateTime(std::string_view name, std::span<const FunctionArgument> arguments,
                     size_t index) {
  const DataType& type = arguments[index].type;
  if (type.id() != TypeId::kDateTime) ThrowIllegalType(name, index, type, "DateTime");
}

// result = f(days)
template <class T, class F>
FunctionBinder DayBinder(std::string name, DataType type, F f) {
  return [=](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    RequireDate(name, arguments, 0);
    return Function(type, [=](std::span<const ColumnPtr> values, size_t rows) {
      const ColumnPtr dates = ConvertFixed(values[0], TypeId::kDate);
      const NumberView<uint16_t> days(*dates);
      return FillNumbers<T>(type, rows,
                            [&](size_t row) { return static_cast<T>(f(int64_t{days[row]})); });
    });
  };
}

// result = f(seconds) of a DateTime; of a Date only if `takes_dates`.
template <class T, class F>
FunctionBinder SecondBinder(std::string name, DataType type, bool takes_dates, F f) {
  return [=](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    if (takes_dates) {
      RequireDate(name, arguments, 0);
    } else {
      RequireDateTime(name, arguments, 0);
    }
    return Function(type, [=](std::span<const ColumnPtr> values, size_t rows) {
      const Instants seconds(values[0]);
      return FillNumbers<T>(type, rows,
                            [&](size_t row) { return static_cast<T>(f(seconds[row])); });
    });
  };
}

auto FloorTo(int64_t step) {
  return [=](int64_t seconds) { return seconds - seconds % step; };
}

Function BindStartOfWeek(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  RequireDate("toStartOfWeek", arguments, 0);
  int64_t mode = 0;
  if (arguments.size() > 1) {
    RequireInteger("toStartOfWeek", arguments, 1);
    mode = ReadNumbers<int64_t>(*RequireConstant("toStartOfWeek", 1, arguments[1]), 1)[0];
  }
  // Odd modes begin on Monday, even ones on Sunday.
  const int64_t shift = mode % 2 != 0 ? 0 : 1;
  return {TypeId::kDate, [shift](std::span<const ColumnPtr> values, size_t rows) {
            const ColumnPtr dates = ConvertFixed(values[0], TypeId::kDate);
            const NumberView<uint16_t> days(*dates);
            return FillNumbers<uint16_t>(TypeId::kDate, rows, [&](size_t row) {
              const int64_t start = StartOfWeek(days[row] + shift) - shift;
              return static_cast<uint16_t>(std::max<int64_t>(start, 0));
            });
          }};
}

void RegisterDayParts(FunctionRegistry& registry) {
  const auto add_day = [&]<class T>(const char* name, DataType type, T, auto f) {
    registry.Add({name, 1, 1, DayBinder<T>(name, type, f)});
  };
  add_day("toYear", TypeId::kUInt16, uint16_t{}, [](int64_t d) { return CivilFromDays(d).year; });
  add_day("toQuarter", TypeId::kUInt8, uint8_t{},
          [](int64_t d) { return (CivilFromDays(d).month + 2) / 3; });
  add_day("toMonth", TypeId::kUInt8, uint8_t{}, [](int64_t d) { return CivilFromDays(d).month; });
  add_day("toDayOfMonth", TypeId::kUInt8, uint8_t{},
          [](int64_t d) { return CivilFromDays(d).day; });
  add_day("toDayOfWeek", TypeId::kUInt8, uint8_t{}, DayOfWeek);
  add_day("toDayOfYear", TypeId::kUInt16, uint16_t{},
          [](int64_t d) { return d - StartOfYear(d) + 1; });
  add_day("toISOWeek", TypeId::kUInt8, uint8_t{}, IsoWeek);
  add_day("toISOYear", TypeId::kUInt16, uint16_t{}, IsoYear);
  add_day("toYYYYMM", TypeId::kUInt32, uint32_t{}, [](int64_t d) {
    const CivilDate date = CivilFromDays(d);
    return date.year * 100 + date.month;
  });
  add_day("toYYYYMMDD", TypeId::kUInt32, uint32_t{}, [](int64_t d) {
    const CivilDate date = CivilFromDays(d);
    return date.year * 10000 + date.month * 100 + date.day;
  });
  add_day("toMonday", TypeId::kDate, uint16_t{},
          [](int64_t d) { return std::max<int64_t>(StartOfWeek(d), 0); });
  add_day("toStartOfYear", TypeId::kDate, uint16_t{}, StartOfYear);
  add_day("toStartOfQuarter", TypeId::kDate, uint16_t{}, StartOfQuarter);
  add_day("toStartOfMonth", TypeId::kDate, uint16_t{}, StartOfMonth);
  add_day("toLastDayOfMonth", TypeId::kDate, uint16_t{}, [](int64_t d) {
    const CivilDate date = CivilFromDays(d);
    return d - date.day + DaysInMonth(date.year, date.month);
  });
  registry.AddAlias("year", "toYear", true);
  registry.AddAlias("quarter", "toQuarter", true);
  registry.AddAlias("month", "toMonth", true);
  registry.AddAlias("day", "toDayOfMonth", true);
  registry.AddAlias("dayOfMonth", "toDayOfMonth", true);
  registry.AddAlias("dayOfWeek", "toDayOfWeek", true);
  registry.AddAlias("dayOfYear", "toDayOfYear", true);
  registry.AddAlias("last_day", "toLastDayOfMonth", true);
}

void RegisterTimeParts(FunctionRegistry& registry) {
  const auto add_part = [&](const char* name, int64_t step, int64_t limit) {
    registry.Add({name, 1, 1,
                  SecondBinder<uint8_t>(name, TypeId::kUInt8, false,
                                        [=](int64_t seconds) { return seconds / step % limit; })});
  };
  add_part("toHour", 3600, 24);
  add_part("toMinute", 60, 60);
  add_part("toSecond", 1, 60);
  registry.AddAlias("hour", "toHour", true);
  registry.AddAlias("minute", "toMinute", true);
  registry.AddAlias("second", "toSecond", true);
  const auto add_start = [&](const char* name, int64_t step, bool takes_dates) {
    registry.Add(
        {name, 1, 1, SecondBinder<uint32_t>(name, TypeId::kDateTime, takes_dates, FloorTo(step))});
  };
  add_start("toStartOfDay", kDaySeconds, true);
  add_start("toStartOfHour", 3600, false);
  add_start("toStartOfMinute", 60, false);
  add_start("toStartOfFiveMinutes", 300, false);
  add_start("toStartOfTenMinutes", 600, false);
  add_start("toStartOfFifteenMinutes", 900, false);
  registry.Add({"toYYYYMMDDhhmmss", 1, 1,
                SecondBinder<uint64_t>("toYYYYMMDDhhmmss", TypeId::kUInt64, true, [](int64_t s) {
                  const CivilDate date = CivilFromDays(s / kDaySeconds);
                  const int64_t day = (int64_t{date.year} * 100 + date.month) * 100 + date.day;
                  return ((day * 100 + s / 3600 % 24) * 100 + s / 60 % 60) * 100 + s % 60;
                })});
}

}  // namespace

void RegisterDateParts(FunctionRegistry& registry) {
  RegisterDayParts(registry);
  RegisterTimeParts(registry);
  registry.Add({"toStartOfWeek", 1, 2, BindStartOfWeek});
}

}  // namespace granary
