#include "literals.h"

#include <vector>

namespace granary::differential {
namespace {

std::string RandomInteger(const DataType& type, Random& random) {
  const size_t bits = type.fixed_bytes() * 8;
  const bool is_signed = type.is_signed_integer();
  const uint64_t max = ~uint64_t{0} >> (64 - bits + (is_signed ? 1 : 0));
  static const std::vector<uint64_t> kSmall = {0, 1, 2, 3, 5, 7, 10, 12, 24, 31, 60, 64, 100};
  uint64_t value = 0;
  switch (random.Below(8)) {
    case 0:
      value = max - random.Below(2);
      break;
    case 1:
      value = max / 2 + random.Below(2);
      break;
    case 2:
      value = random.Bits() & max;
      break;
    default:
      value = random.Of(kSmall);
  }
  if (!is_signed || !random.Chance(35)) return std::to_string(value);
  if (random.Chance(15)) return "-" + std::to_string(max + 1);
  return "-" + std::to_string(value);
}

std::string RandomFloat(const DataType& type, Random& random) {
  static const std::vector<std::string> kShort = {"0",    "1",    "-1",  "0.5", "1.5", "2.5",
                                                  "-2.5", "3",    "100", "-7",  "256", "nan",
                                                  "inf",  "-inf", "-0.", "12",  "0.25"};
  static const std::vector<std::string> kLong = {"0.1",
                                                 "0.3333333333333333",
                                                 "3.7",
                                                 "-3.7",
                                                 "100.125",
                                                 "1e9",
                                                 "2147483648.5",
                                                 "9007199254740992",
                                                 "9223372036854775807.",
                                                 "-9223372036854775808.",
                                                 "18446744073709551615.",
                                                 "1e20",
                                                 "-1e20",
                                                 "1e30",
                                                 "0.000001",
                                                 "123456.789",
                                                 "-0.5"};
  static const std::vector<std::string> kDouble = {
      "1e300", "-1e300", "1e-300", "5e-324", "1.7976931348623157e308", "0.1234567890123456"};
  if (type.id() == TypeId::kBFloat16 || random.Chance(50)) return random.Of(kShort);
  return type.id() == TypeId::kFloat64 && random.Chance(20) ? random.Of(kDouble) : random.Of(kLong);
}

std::string RandomString(Random& random) {
  static const std::vector<std::string> kTexts = {
      "''",
      "'a'",
      "'b'",
      "'A'",
      "'ab'",
      "'abc'",
      "'hello world'",
      "'Hello, World!'",
      "'\xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82'",  // Привет
      "'\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E'",              // 日本語
      "'stra\xC3\x9F"
      "e'",
      "'12'",
      "'-5'",
      "'3.14'",
      "'1e5'",
      "'300'",
      "'18446744073709551616'",
      "'2024-02-29'",
      "'2024-02-29 12:34:56'",
      "'a,b,,c'",
      "' x  y '",
      "'\\t'",
      "'\\\\'",
      "'it\\'s'",
      "'a\\0b'",
      "'%'",
      "'a%b_c'",
      "'\\xFF\\xFE'",
      "'true'",
      "'nan'",
      "'aaaa'",
      "'abcabcabc'",
      "'[1,2]'",
      "'0'",
      "'1'",
      "'x\\ny'",
      "'\\xF0\\x9F\\x98\\x80'",
      "'UInt8'"};
  return random.Of(kTexts);
}

std::string RandomDate(Random& random) {
  static const std::vector<std::string> kDates = {
      "1970-01-01", "1970-01-02", "2000-02-29", "2024-02-29", "2024-12-31", "2023-01-01",
      "2149-06-06", "2106-02-07", "2021-01-03", "1999-12-31", "2024-03-31", "2038-01-19"};
  return "'" + random.Of(kDates) + "'";
}

std::string RandomDateTime(Random& random) {
  static const std::vector<std::string> kTimes = {
      "1970-01-01 00:00:00", "1970-01-01 00:00:01", "2024-02-29 23:59:59", "2106-02-07 06:28:15",
      "2000-01-01 12:34:56", "2023-12-31 23:00:00", "2024-03-31 02:30:00", "2001-09-09 01:46:40",
      "2038-01-19 03:14:08", "2024-06-15 10:15:00"};
  return "'" + random.Of(kTimes) + "'";
}

std::string RandomArray(const DataType& type, Random& random) {
  static const std::vector<size_t> kLengths = {0, 0, 1, 1, 2, 3, 3, 5};
  std::string text = "[";
  for (size_t left = random.Of(kLengths); left > 0; --left) {
    text += RandomValue(type.element(), random) + (left > 1 ? "," : "");
  }
  return text + "]";
}

}  // namespace

std::string RandomValue(const DataType& type, Random& random) {
  if (type.is_array()) return RandomArray(type, random);
  if (type.is_string()) return RandomString(random);
  if (type.is_float()) return RandomFloat(type, random);
  if (type.id() == TypeId::kBool) return random.Chance(50) ? "true" : "false";
  if (type.id() == TypeId::kDate) return RandomDate(random);
  if (type.id() == TypeId::kDateTime) return RandomDateTime(random);
  return RandomInteger(type, random);
}

std::string RandomLiteral(const DataType& type, Random& random) {
  const std::string value = RandomValue(type, random);
  if (type.is_string() || type.id() == TypeId::kBool) return value;
  if (type.is_array()) return "CAST(" + value + ", '" + type.name() + "')";
  return "to" + type.name() + "(" + value + ")";
}

}  // namespace granary::differential
