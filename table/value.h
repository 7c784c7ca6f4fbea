// One value of any type, for literals, parameters, partition values, minima and maxima: the slow
// path beside columns. A Value carries no DataType; Float32 and BFloat16 are held as double
// (exactly), Bool, Date, DateTime and unsigned integers as uint64_t.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "granary/table/byte_stream.h"
#include "granary/table/types.h"

namespace granary {

struct Value;
using ValueArray = std::vector<Value>;

struct Value : std::variant<uint64_t, int64_t, double, std::string, ValueArray> {
  using variant::variant;

  Value() = default;
  // Not that of the variant: where it throws (no memory for a string), libstdc++ 12 goes on to
  // destroy what has not been made.
  Value(const Value& other) : Value() { variant::operator=(other); }
  Value(Value&&) = default;
  Value& operator=(const Value&) = default;
  Value& operator=(Value&&) = default;

  bool is_uint() const { return index() == 0; }
  bool is_int() const { return index() == 1; }
  bool is_float() const { return index() == 2; }
  bool is_number() const { return index() <= 2; }
  bool is_string() const { return index() == 3; }
  bool is_array() const { return index() == 4; }

  uint64_t as_uint() const { return std::get<0>(*this); }
  int64_t as_int() const { return std::get<1>(*this); }
  const std::string& as_string() const { return std::get<3>(*this); }
  const ValueArray& as_array() const { return std::get<4>(*this); }
  // Any number as a double (integers beyond 2^53 lose precision).
  double as_double() const;

  // By CompareValues.
  friend bool operator==(const Value& a, const Value& b);
};

// -1, 0 or 1. Numbers compare by mathematical value across representations, without loss; NaN
// equals NaN and is greater than every number; strings by bytes; arrays element by element, then
// by length. Values of different kinds compare by kind (number < string < array).
int CompareValues(const Value& a, const Value& b);

// The value as SQL text that reads back as it: 'it\'s', 1.5, [1, 2], '2024-05-01' for a Date.
std::string ValueToSql(const Value& value, const DataType& type);

// A self-describing binary form, and back; reading throws CORRUPTED_DATA.
void WriteValue(const Value& value, ByteWriter& out);
Value ReadValue(ByteReader& in);

}  // namespace granary
