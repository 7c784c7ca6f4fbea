#include "granary/query/functions/type_rules.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

namespace granary {
namespace {

// What numbers need of a type that is to hold them all.
struct NumberNeeds {
  size_t signed_bytes = 0;
  size_t unsigned_bytes = 0;
  bool has_float64 = false;
  bool has_float32 = false;
  bool has_bfloat16 = false;

  void Add(const DataType& type) {
    switch (type.id()) {
      case TypeId::kFloat64:
        has_float64 = true;
        break;
      case TypeId::kFloat32:
        has_float32 = true;
        break;
      case TypeId::kBFloat16:
        has_bfloat16 = true;
        break;
      default: {
        size_t& bytes = IsSigned(type) ? signed_bytes : unsigned_bytes;
        bytes = std::max(bytes, type.fixed_bytes());
      }
    }
  }

  std::optional<DataType> Integer() const {
    if (signed_bytes == 0) return IntegerType(false, unsigned_bytes);
    if (unsigned_bytes < signed_bytes) return IntegerType(true, signed_bytes);
    if (unsigned_bytes == 8) return std::nullopt;
    return IntegerType(true, unsigned_bytes * 2);
  }

  std::optional<DataType> Resolve() const {
    if (!has_float64 && !has_float32 && !has_bfloat16) return Integer();
    const size_t integer_bytes = std::max(signed_bytes, unsigned_bytes);
    if (has_float64 || integer_bytes > 2) return TypeId::kFloat64;
    if (has_float32 || integer_bytes > 1) return TypeId::kFloat32;
    return TypeId::kBFloat16;
  }
};

std::optional<DataType> CommonElementType(std::span<const DataType> types) {
  std::vector<DataType> elements;
  for (const DataType& type : types) {
    if (!type.is_array()) return std::nullopt;
    elements.push_back(type.element());
  }
  std::optional<DataType> element = CommonType(elements);
  if (element) return DataType::Array(*element);
  return std::nullopt;
}

}  // namespace

DataType IntegerType(bool is_signed, size_t bytes) {
  const int base = static_cast<int>(is_signed ? TypeId::kInt8 : TypeId::kUInt8);
  const int step = bytes == 1 ? 0 : bytes == 2 ? 1 : bytes == 4 ? 2 : 3;
  return static_cast<TypeId>(base + step);
}

size_t WiderBytes(size_t bytes) { return std::min<size_t>(bytes * 2, 8); }

std::optional<DataType> CommonType(std::span<const DataType> types) {
  std::vector<DataType> known;
  for (const DataType& type : types) {
    if (!type.is_nothing() && std::find(known.begin(), known.end(), type) == known.end()) {
      known.push_back(type);
    }
  }
  if (known.empty()) return DataType();
  if (known.size() == 1) return known[0];
  if (known[0].is_array()) return CommonElementType(known);
  const auto all = [&](auto predicate) {
    return std::all_of(known.begin(), known.end(), predicate);
  };
  if (all([](const DataType& type) { return type.is_date_or_time(); })) return TypeId::kDateTime;
  if (!all(IsNumberOrBool)) return std::nullopt;
  NumberNeeds needs;
  for (const DataType& type : known) needs.Add(type);
  return needs.Resolve();
}

DataType CommonTypeOrThrow(std::span<const DataType> types, std::string_view where) {
  if (std::optional<DataType> type = CommonType(types)) return *type;
  std::string names;
  for (const DataType& type : types) names += (names.empty() ? "" : ", ") + type.name();
  throw Error(ErrorCode::kNoCommonType,
              fmt::format("There is no type that holds {} in {}; convert them, for example with "
                          "CAST",
                          names, where));
}

DataType CommonTypeOrThrow(std::span<const FunctionArgument> arguments, std::string_view where) {
  std::vector<DataType> types, fitting;
  for (const FunctionArgument& argument : arguments) {
    types.push_back(argument.type);
    const bool fits = argument.constant != nullptr && argument.type.id() == TypeId::kUInt64 &&
                      argument.constant->ValueAt(0).as_uint() <=
                          static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    fitting.push_back(fits ? DataType(TypeId::kInt64) : argument.type);
  }
  if (const auto type = CommonType(types)) return *type;
  if (const auto type = CommonType(fitting)) return *type;
  return CommonTypeOrThrow(types, where);
}

void ThrowIllegalType(std::string_view function, size_t index, const DataType& type,
                      std::string_view expected) {
  throw Error(ErrorCode::kIllegalTypeOfArgument,
              fmt::format("Illegal type {} of argument {} of function {}, expected {}", type.name(),
                          index + 1, function, expected));
}

const ColumnPtr& RequireConstant(std::string_view function, size_t index,
                                 const FunctionArgument& argument) {
  if (argument.constant == nullptr) {
    throw Error(ErrorCode::kIllegalColumn,
                fmt::format("Argument {} of function {} must be a constant", index + 1, function));
  }
  return argument.constant;
}

void RequireString(std::string_view function, std::span<const FunctionArgument> arguments,
                   size_t index) {
  if (!arguments[index].type.is_string()) {
    ThrowIllegalType(function, index, arguments[index].type, "String");
  }
}

void RequireInteger(std::string_view function, std::span<const FunctionArgument> arguments,
                    size_t index) {
  const DataType& type = arguments[index].type;
  if (!type.is_integer() && type.id() != TypeId::kBool) {
    ThrowIllegalType(function, index, type, "an integer");
  }
}

void RequireNumber(std::string_view function, std::span<const FunctionArgument> arguments,
                   size_t index) {
  if (!IsNumberOrBool(arguments[index].type)) {
    ThrowIllegalType(function, index, arguments[index].type, "a number");
  }
}

void RequireDate(std::string_view function, std::span<const FunctionArgument> arguments,
                 size_t index) {
  const DataType& type = arguments[index].type;
  if (!type.is_date_or_time()) ThrowIllegalType(function, index, type, "Date or DateTime");
}

const DataType& RequireArray(std::string_view function, std::span<const FunctionArgument> arguments,
                             size_t index) {
  if (!arguments[index].type.is_array()) {
    ThrowIllegalType(function, index, arguments[index].type, "an array");
  }
  return arguments[index].type.element();
}

}  // namespace granary
