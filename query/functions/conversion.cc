// CAST(x, 'Type'), toType(x), toTypeOrZero(x), accurateCast, reinterpret.
#include "granary/query/functions/conversion.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "granary/query/functions/column_access.h"
#include "granary/query/functions/families.h"
#include "granary/query/functions/numeric_conversion.h"
#include "granary/query/functions/text_conversion.h"
#include "granary/query/functions/type_rules.h"

namespace granary {
namespace {

constexpr std::array kScalarTypes = {
    TypeId::kInt8,     TypeId::kInt16,  TypeId::kInt32,  TypeId::kInt64,    TypeId::kUInt8,
    TypeId::kUInt16,   TypeId::kUInt32, TypeId::kUInt64, TypeId::kFloat32,  TypeId::kFloat64,
    TypeId::kBFloat16, TypeId::kBool,   TypeId::kDate,   TypeId::kDateTime, TypeId::kString};

[[noreturn]] void ThrowNotCastable(const DataType& from, const DataType& to) {
  throw Error(ErrorCode::kTypeMismatch,
              fmt::format("There is no conversion from {} to {}", from.name(), to.name()));
}

ColumnPtr CastArrays(const ColumnPtr& column, const DataType& to) {
  const ColumnPtr stored = StoredRows(column);
  const ArrayColumn& arrays = AsArrays(*stored);
  auto result =
      std::make_shared<ArrayColumn>(CastColumn(arrays.elements(), to.element()), stored,
                                    arrays.end_offsets(), arrays.size(), arrays.first_offset());
  if (!column->is_constant()) return result;
  return std::make_shared<ConstantColumn>(std::move(result), column->size());
}

Function BindCastTo(std::string_view name, const DataType& from, const DataType& to) {
  if (!IsCastable(from, to)) {
    if (from.is_array() && !to.is_array()) ThrowIllegalType(name, 0, from, "a scalar");
    ThrowNotCastable(from, to);
  }
  return {
      to,
      [to](std::span<const ColumnPtr> arguments, size_t) { return CastColumn(arguments[0], to); },
      CanCastFail(from, to)};
}

DataType TypeArgument(std::string_view name, std::span<const FunctionArgument> arguments) {
  RequireString(name, arguments, 1);
  return DataType::Parse(RequireConstant(name, 1, arguments[1])->ValueAt(0).as_string());
}

Function BindCast(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  return BindCastTo("CAST", arguments[0].type, TypeArgument("CAST", arguments));
}

// toDateTime(x, 'UTC'): the only time zone there is.
void RequireUtc(std::string_view name, std::span<const FunctionArgument> arguments) {
  if (arguments.size() < 2) return;
  RequireString(name, arguments, 1);
  const std::string zone = RequireConstant(name, 1, arguments[1])->ValueAt(0).as_string();
  if (zone != "UTC" && zone != "Etc/UTC") {
    throw Error(ErrorCode::kNotImplemented,
                fmt::format("Time zone '{}' in function {}: only UTC is supported", zone, name));
  }
}

FunctionBinder ConversionBinder(std::string name, DataType to) {
  return [name, to](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    RequireUtc(name, arguments);
    return BindCastTo(name, arguments[0].type, to);
  };
}

FunctionBinder OrZeroBinder(std::string name, DataType to) {
  return [name, to](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    RequireString(name, arguments, 0);
    return Function(to, [to](std::span<const ColumnPtr> values, size_t) {
      return ParseColumn(values[0], to, BadText::kDefault);
    });
  };
}

Function BindAccurateCast(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  const DataType to = TypeArgument("accurateCast", arguments);
  if (!IsCastable(arguments[0].type, to)) ThrowNotCastable(arguments[0].type, to);
  return {to,
          [to](std::span<const ColumnPtr> values, size_t rows) {
            ColumnPtr result = CastColumn(values[0], to);
            const DataType& from = values[0]->type();
            if (from.is_array() || from.is_string() || to.is_string()) return result;
            for (size_t row = 0; row < rows; ++row) {
              if (CompareValues(values[0]->ValueAt(row), result->ValueAt(row)) == 0) continue;
              const ColumnPtr text = ColumnToText(values[0]->Slice(row, 1));
              throw Error(ErrorCode::kCannotConvertType,
                          fmt::format("The value {} is not one of {}", text->ValueAt(0).as_string(),
                                      to.name()));
            }
            return result;
          },
          true};
}

// reinterpret

// The bytes of every row in memory order; trailing zero bytes of numbers are left out.
ColumnPtr BytesOfRows(const Column& column) {
  StringBuffer result(column.size());
  VisitFixedType(column.type().id(), [&]<class T>() {
    for (const T& value : AsNumbers<T>(column).values()) {
      const std::string_view bytes(reinterpret_cast<const char*>(&value), sizeof(T));
      result.AppendRow(bytes.substr(0, bytes.find_last_not_of('\0') + 1));
    }
  });
  return result.Finish();
}

// Missing bytes are zero, those too many are left out.
ColumnPtr FixedFromBytes(const StringColumn& strings, const DataType& to) {
  return VisitFixedType(to.id(), [&]<class T>() {
    return FillNumbers<T>(to, strings.size(), [&](size_t row) {
      const std::string_view bytes = strings.At(row);
      T value{};
      if (!bytes.empty()) std::memcpy(&value, bytes.data(), std::min(sizeof(T), bytes.size()));
      return value;
    });
  });
}

ColumnPtr ArraysFromBytes(const StringColumn& strings, const DataType& to) {
  const size_t width = to.element().fixed_bytes();
  std::vector<uint64_t> end_offsets;
  uint64_t total = 0;
  for (size_t row = 0; row < strings.size(); ++row) {
    const size_t bytes = strings.At(row).size();
    if (bytes % width != 0) {
      throw Error(ErrorCode::kBadArguments,
                  fmt::format("{} bytes cannot be reinterpreted as {}: expected a multiple of {}",
                              bytes, to.name(), width));
    }
    end_offsets.push_back(total += bytes / width);
  }
  ColumnPtr elements = VisitFixedType(to.element().id(), [&]<class T>() {
    NumberBuffer<T> values(total);
    char* out = reinterpret_cast<char*>(values.data());
    for (size_t row = 0; row < strings.size(); ++row) {
      const std::string_view bytes = strings.At(row);
      if (!bytes.empty()) std::memcpy(out, bytes.data(), bytes.size());
      out += bytes.size();
    }
    return values.Finish(to.element());
  });
  return std::make_shared<ArrayColumn>(std::move(elements), std::move(end_offsets));
}

ColumnPtr Reinterpret(const ColumnPtr& column, const DataType& to) {
  const ColumnPtr stored = column->Materialize();
  if (to.is_string()) return BytesOfRows(*stored);
  if (to.is_array()) return ArraysFromBytes(AsStrings(*stored), to);
  if (stored->type().is_string()) return FixedFromBytes(AsStrings(*stored), to);
  return FixedFromBytes(AsStrings(*BytesOfRows(*stored)), to);
}

Function BindReinterpretTo(std::string_view name, const DataType& from, const DataType& to) {
  const bool is_from_scalar = !from.is_array() && !from.is_nothing();
  if (!is_from_scalar) ThrowIllegalType(name, 0, from, "a number, date or String");
  const bool is_to_array = to.is_array() && to.element().fixed_bytes() > 0 && from.is_string();
  const bool is_to_string = to.is_string() && !from.is_string();
  if (to.fixed_bytes() == 0 && !is_to_array && !is_to_string) ThrowNotCastable(from, to);
  return {
      to,
      [to](std::span<const ColumnPtr> arguments, size_t) { return Reinterpret(arguments[0], to); },
      to.is_array()};
}

Function BindReinterpret(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  return BindReinterpretTo("reinterpret", arguments[0].type,
                           TypeArgument("reinterpret", arguments));
}

FunctionBinder ReinterpretBinder(std::string name, DataType to) {
  return [name, to](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    return BindReinterpretTo(name, arguments[0].type, to);
  };
}

// ConvertExactly

ColumnPtr ParseLiteral(const ColumnPtr& text, const DataType& to) {
  try {
    return ParseColumn(text, to, BadText::kThrow);
  } catch (Error& error) {
    if (to.is_date_or_time()) throw;
    if (error.code() == ErrorCode::kArgumentOutOfBound) return nullptr;
    throw Error(ErrorCode::kTypeMismatch, fmt::format("Cannot convert string '{}' to type {}",
                                                      text->ValueAt(0).as_string(), to.name()));
  }
}

ColumnPtr ConvertArrayExactly(const ColumnPtr& value, const DataType& to) {
  const ColumnPtr stored = StoredRows(value);
  const ArrayColumn& array = AsArrays(*stored);
  auto elements = ColumnBuilder::Create(to.element());
  for (uint64_t i = array.Begin(0); i < array.End(0); ++i) {
    const ColumnPtr element = ConvertExactly(array.elements()->Slice(i, 1), to.element());
    if (element == nullptr) return nullptr;
    elements->AppendRange(*element, 0, 1);
  }
  return ArrayColumn::Uniform(elements->Finish(), array.Length(0), 1);
}

}  // namespace

bool IsCastable(const DataType& from, const DataType& to) {
  if (from == to || from.is_nothing()) return true;
  if (to.is_nothing()) return false;
  if (from.is_string()) return to.is_array() ? IsCastable(from, to.element()) : true;
  if (to.is_string()) return true;
  if (from.is_array() && to.is_array()) return IsCastable(from.element(), to.element());
  return from.fixed_bytes() > 0 && to.fixed_bytes() > 0;
}

bool CanCastFail(const DataType& from, const DataType& to) {
  if (from == to || from.is_nothing() || to.is_string()) return false;
  if (from.is_string()) return true;
  if (from.is_array()) return CanCastFail(from.element(), to.element());
  return CanConversionFail(from, to);
}

ColumnPtr CastColumn(const ColumnPtr& column, const DataType& to) {
  const DataType& from = column->type();
  if (from == to) return column;
  if (!IsCastable(from, to)) ThrowNotCastable(from, to);
  if (from.is_nothing()) {
    const ColumnPtr defaults = MakeDefaults(to, column->size());
    return column->is_constant() ? defaults : defaults->Materialize();
  }
  if (from.is_string()) return ParseColumn(column, to, BadText::kThrow);
  if (to.is_string()) return ColumnToText(column);
  return from.is_array() ? CastArrays(column, to) : ConvertFixed(column, to);
}

ColumnPtr ConvertExactly(const ColumnPtr& value, const DataType& to) {
  const DataType& from = value->type();
  if (from == to) return StoredRows(value);
  if (from.is_nothing() || to.is_nothing()) ThrowNotCastable(from, to);
  if (from.is_string()) return ParseLiteral(StoredRows(value), to);
  if (from.is_array() && to.is_array()) return ConvertArrayExactly(value, to);
  const bool both_dates = from.is_date_or_time() && to.is_date_or_time();
  const bool both_numbers = IsNumberOrBool(from) && IsNumberOrBool(to);
  const bool number_as_time = to.id() == TypeId::kDateTime && from.is_number();
  if (!both_dates && !both_numbers && !number_as_time) ThrowNotCastable(from, to);
  const bool is_not_finite =
      from.is_float() && !std::isfinite(value->ValueAt(0).as_double()) && !to.is_float();
  if (is_not_finite) return nullptr;
  ColumnPtr converted = StoredRows(ConvertFixed(value, to));
  const ColumnPtr back = both_dates ? ConvertFixed(converted, from) : converted;
  return CompareValues(back->ValueAt(0), value->ValueAt(0)) == 0 ? converted : nullptr;
}

void RegisterConversions(FunctionRegistry& registry) {
  registry.Add({"CAST", 2, 2, BindCast, FunctionKind::kPlain, true});
  registry.Add({"accurateCast", 2, 2, BindAccurateCast});
  registry.Add({"reinterpret", 2, 2, BindReinterpret});
  for (const TypeId id : kScalarTypes) {
    const DataType type = id;
    const std::string name = "to" + type.name();
    const size_t max_arguments = type.is_date_or_time() || type.is_string() ? 2 : 1;
    registry.Add({name, 1, max_arguments, ConversionBinder(name, type)});
    registry.Add({"reinterpretAs" + type.name(), 1, 1,
                  ReinterpretBinder("reinterpretAs" + type.name(), type)});
    if (type.is_string()) continue;
    registry.Add({name + "OrZero", 1, 1, OrZeroBinder(name + "OrZero", type)});
  }
  registry.AddAlias("date", "toDate", true);
}

}  // namespace granary
