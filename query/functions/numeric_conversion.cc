#include "granary/query/functions/numeric_conversion.h"

#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "granary/query/functions/column_access.h"

namespace granary {
namespace {

constexpr uint32_t kDaySeconds = 86400;

// 64 bits that wrap to every narrower integer; NaN and infinities have been refused.
template <class To>
To IntegerFromDouble(double value) {
  if constexpr (std::is_same_v<To, uint64_t>) {
    if (value >= 0x1p64) return std::numeric_limits<uint64_t>::max();
    if (value >= 0x1p63) return static_cast<uint64_t>(value);
  }
  if (value >= 0x1p63) return static_cast<To>(std::numeric_limits<int64_t>::max());
  if (value < -0x1p63) return static_cast<To>(std::numeric_limits<int64_t>::min());
  return static_cast<To>(static_cast<int64_t>(value));
}

template <class From>
constexpr bool kIsFloat = std::is_floating_point_v<From> || std::is_same_v<From, BFloat16>;

template <class To, class From>
To ConvertNumber(From value) {
  if constexpr (std::is_same_v<To, BFloat16>) {
    return BFloat16(static_cast<float>(value));
  } else if constexpr (kIsFloat<From> && !kIsFloat<To>) {
    return IntegerFromDouble<To>(static_cast<double>(value));
  } else {
    return static_cast<To>(value);
  }
}

template <class From>
void RefuseNonFinite(const From* values, size_t count, const DataType& to) {
  bool all_finite = true;
  for (size_t i = 0; i < count; ++i) all_finite &= std::isfinite(static_cast<float>(values[i]));
  if constexpr (std::is_same_v<From, double>) {
    // Beyond the range of float, but finite.
    if (!all_finite) {
      all_finite = true;
      for (size_t i = 0; i < count; ++i) all_finite &= std::isfinite(values[i]);
    }
  }
  if (!all_finite) {
    throw Error(ErrorCode::kCannotConvertType,
                fmt::format("NaN and infinity cannot be converted to {}", to.name()));
  }
}

template <class To, class From>
ColumnPtr ConvertRows(const Column& column, const DataType& to) {
  const From* values = AsNumbers<From>(column).data();
  if constexpr (kIsFloat<From> && !kIsFloat<To>) RefuseNonFinite(values, column.size(), to);
  return FillNumbers<To>(to, column.size(),
                         [=](size_t row) { return ConvertNumber<To>(values[row]); });
}

template <class From>
ColumnPtr ConvertToBool(const Column& column) {
  const From* values = AsNumbers<From>(column).data();
  return FillNumbers<uint8_t>(TypeId::kBool, column.size(), [=](size_t row) {
    return static_cast<uint8_t>(static_cast<double>(values[row]) != 0);
  });
}

// Negative numbers are the first second, those beyond the range the last.
template <class From>
uint32_t ClampedSeconds(From value) {
  constexpr uint32_t kMax = std::numeric_limits<uint32_t>::max();
  if (value < From{}) return 0;
  if (static_cast<double>(value) >= static_cast<double>(kMax)) return kMax;
  return ConvertNumber<uint32_t>(value);
}

// Numbers that are too large for days are seconds.
template <class From>
ColumnPtr ConvertToDate(const Column& column) {
  const From* values = AsNumbers<From>(column).data();
  if constexpr (kIsFloat<From>) RefuseNonFinite(values, column.size(), TypeId::kDate);
  return FillNumbers<uint16_t>(TypeId::kDate, column.size(), [=](size_t row) {
    const uint32_t number = ClampedSeconds(values[row]);
    return static_cast<uint16_t>(
        number > std::numeric_limits<uint16_t>::max() ? number / kDaySeconds : number);
  });
}

template <class From>
ColumnPtr ConvertToDateTime(const Column& column) {
  const From* values = AsNumbers<From>(column).data();
  if constexpr (kIsFloat<From>) RefuseNonFinite(values, column.size(), TypeId::kDateTime);
  return FillNumbers<uint32_t>(TypeId::kDateTime, column.size(),
                               [=](size_t row) { return ClampedSeconds(values[row]); });
}

ColumnPtr ConvertDays(const Column& column, const DataType& to) {
  if (to.id() == TypeId::kDateTime) {
    const uint16_t* days = AsNumbers<uint16_t>(column).data();
    return FillNumbers<uint32_t>(to, column.size(),
                                 [=](size_t row) { return days[row] * kDaySeconds; });
  }
  const uint32_t* seconds = AsNumbers<uint32_t>(column).data();
  return FillNumbers<uint16_t>(to, column.size(), [=](size_t row) {
    return static_cast<uint16_t>(seconds[row] / kDaySeconds);
  });
}

ColumnPtr ConvertStored(const ColumnPtr& column, const DataType& to) {
  const DataType& from = column->type();
  if (from.is_date_or_time() && to.is_date_or_time()) return ConvertDays(*column, to);
  return VisitFixedType(from.id(), [&]<class From>() -> ColumnPtr {
    if (to.id() == TypeId::kBool) return ConvertToBool<From>(*column);
    if (to.id() == TypeId::kDate) return ConvertToDate<From>(*column);
    if (to.id() == TypeId::kDateTime) return ConvertToDateTime<From>(*column);
    return VisitFixedType(to.id(), [&]<class To>() -> ColumnPtr {
      if constexpr (std::is_same_v<From, To>) return Retyped(column, to);
      return ConvertRows<To, From>(*column, to);
    });
  });
}

}  // namespace

ColumnPtr ConvertFixed(const ColumnPtr& column, const DataType& to) {
  if (column->type() == to) return column;
  if (!column->is_constant()) return ConvertStored(column, to);
  return std::make_shared<ConstantColumn>(ConvertStored(StoredRows(column), to), column->size());
}

bool CanConversionFail(const DataType& from, const DataType& to) {
  return from.is_float() && !to.is_float() && to.id() != TypeId::kBool;
}

}  // namespace granary
