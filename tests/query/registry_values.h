// Values of every type that expressions can have, for tests that call whatever is registered with
// whatever there is: extremes first, and what breaks things.
#pragma once

#include <array>
#include <string>
#include <vector>

namespace granary {

inline constexpr size_t kRegistryRows = 4;

struct RegistryType {
  std::string type;                               // as CREATE TABLE has it; empty: not stored
  std::array<std::string, kRegistryRows> values;  // SQL expressions of constants
};

// As a column of the table `stored`: cast to its type.
inline std::string ConstantOf(const RegistryType& type, size_t row) {
  return type.type.empty() ? type.values[row]
                           : "CAST(" + type.values[row] + " AS " + type.type + ")";
}

inline const std::vector<RegistryType>& RegistryTypes() {
  static const auto* const types = new std::vector<RegistryType>{
      {"Int8", {"-128", "127", "0", "-1"}},
      {"Int16", {"-32768", "32767", "1", "-7"}},
      {"Int32", {"-2147483648", "2147483647", "-1", "3"}},
      {"Int64", {"-9223372036854775808", "9223372036854775807", "0", "-2"}},
      {"UInt8", {"0", "255", "1", "2"}},
      {"UInt16", {"0", "65535", "3", "1970"}},
      {"UInt32", {"0", "4294967295", "1", "12"}},
      {"UInt64", {"0", "18446744073709551615", "9223372036854775808", "5"}},
      {"Float32", {"nan", "-inf", "3.4e38", "0.5"}},
      {"Float64", {"nan", "inf", "-1.7e308", "5e-324"}},
      {"BFloat16", {"nan", "inf", "-0.0", "1.5"}},
      {"Bool", {"true", "false", "true", "false"}},
      {"Date", {"0", "65535", "19782", "59"}},
      {"DateTime", {"0", "4294967295", "1709210096", "86399"}},
      {"String", {"''", "'abc'", "repeat('xy ', 100)", "unhex('ff00e282ac80')"}},
      {"String", {"'1'", "'2024-02-29'", "'[1,2]'", "'-1e400'"}},
      {"String", {"'day'", "'UInt8'", "'sum'", "'%Y-%m'"}},
      {"String", {"'UTC'", "'Array(String)'", "'quantile(0.5)'", "'a%_b\\\\%('"}},
      {"Array(Int64)",
       {"[]", "'[-9223372036854775808,9223372036854775807]'", "[0]", "[3, 1, 2, 1]"}},
      {"Array(UInt8)", {"[1, 0, 2]", "[]", "[255, 255]", "[0, 1, 2, 3]"}},
      {"Array(Float32)", {"[nan, inf, 1]", "[1, 2, 3]", "[]", "[0, 0, 0]"}},
      {"Array(Float64)", {"[1, 2, 3]", "[-inf, nan]", "[1e308, 1e308, -1e308]", "[]"}},
      {"Array(BFloat16)", {"[1, 2, 3]", "[]", "[nan]", "[0.5, -0.5, 0]"}},
      {"Array(Bool)", {"[true]", "[false, true]", "[]", "[true, true]"}},
      {"Array(String)", {"[]", "['', 'abc']", "['b', 'a', 'b']", "[repeat('z', 300)]"}},
      {"Array(DateTime)", {"[0]", "[4294967295, 0]", "[]", "[5, 5]"}},
      {"Array(Array(UInt16))", {"[]", "[[], [1]]", "[[65535, 0], [0]]", "[[]]"}},
      {"", {"[]", "arrayResize([], 3)", "[]", "arrayResize([], 1)"}},
      {"", {"[][1]", "arrayResize([], 2)[1]", "[][1]", "[][-1]"}},
      {"", {"[[]]", "[[], arrayResize([], 2)]", "[]", "arrayResize([[]], 2)"}},
  };
  return *types;
}

}  // namespace granary
