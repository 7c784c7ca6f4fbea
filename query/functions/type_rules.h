// ClickHouse's rules for the types of results.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "granary/query/functions/function.h"

namespace granary {

// The integer type of a width (1, 2, 4 or 8 bytes).
DataType IntegerType(bool is_signed, size_t bytes);
// The next wider width, at most 8.
size_t WiderBytes(size_t bytes);

// Numbers and Bool: what arithmetic takes.
inline bool IsNumberOrBool(const DataType& type) {
  return type.is_number() || type.id() == TypeId::kBool;
}
// Whether values are stored as signed integers.
inline bool IsSigned(const DataType& type) { return type.is_signed_integer(); }

// The smallest type that holds the values of all, as for array(...) and if(...); nothing if there
// is none. Integers of 64 bits and floats meet in Float64.
std::optional<DataType> CommonType(std::span<const DataType> types);
// Throws NO_COMMON_TYPE, which names the types and `where`.
DataType CommonTypeOrThrow(std::span<const DataType> types, std::string_view where);
// As before; but where that is the only way, a constant of UInt64 that fits counts as an Int64:
// [5000000000, -1] is an Array(Int64).
DataType CommonTypeOrThrow(std::span<const FunctionArgument> arguments, std::string_view where);

// ILLEGAL_TYPE_OF_ARGUMENT for argument `index` (from 0) of `function`; `expected` completes
// "expected ...".
[[noreturn]] void ThrowIllegalType(std::string_view function, size_t index, const DataType& type,
                                   std::string_view expected);
// The constant value of an argument; ILLEGAL_COLUMN if it is not constant.
const ColumnPtr& RequireConstant(std::string_view function, size_t index,
                                 const FunctionArgument& argument);

void RequireString(std::string_view function, std::span<const FunctionArgument> arguments,
                   size_t index);
void RequireInteger(std::string_view function, std::span<const FunctionArgument> arguments,
                    size_t index);
void RequireNumber(std::string_view function, std::span<const FunctionArgument> arguments,
                   size_t index);
// Date or DateTime
void RequireDate(std::string_view function, std::span<const FunctionArgument> arguments,
                 size_t index);
// An array; returns the element type.
const DataType& RequireArray(std::string_view function, std::span<const FunctionArgument> arguments,
                             size_t index);

}  // namespace granary
