#include "granary/table/types.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>

namespace granary {
namespace {

struct TypeName {
  std::string_view name;
  TypeId id;
};

// Canonical names first, in the order of TypeId.
constexpr std::array<TypeName, 15> kScalarNames = {{{"Int8", TypeId::kInt8},
                                                    {"Int16", TypeId::kInt16},
                                                    {"Int32", TypeId::kInt32},
                                                    {"Int64", TypeId::kInt64},
                                                    {"UInt8", TypeId::kUInt8},
                                                    {"UInt16", TypeId::kUInt16},
                                                    {"UInt32", TypeId::kUInt32},
                                                    {"UInt64", TypeId::kUInt64},
                                                    {"Float32", TypeId::kFloat32},
                                                    {"Float64", TypeId::kFloat64},
                                                    {"BFloat16", TypeId::kBFloat16},
                                                    {"Bool", TypeId::kBool},
                                                    {"String", TypeId::kString},
                                                    {"Date", TypeId::kDate},
                                                    {"DateTime", TypeId::kDateTime}}};

// Case-insensitive aliases, in upper case.
constexpr std::array<TypeName, 27> kAliases = {{{"TINYINT", TypeId::kInt8},
                                                {"INT1", TypeId::kInt8},
                                                {"BYTE", TypeId::kInt8},
                                                {"SMALLINT", TypeId::kInt16},
                                                {"INT", TypeId::kInt32},
                                                {"INTEGER", TypeId::kInt32},
                                                {"MEDIUMINT", TypeId::kInt32},
                                                {"BIGINT", TypeId::kInt64},
                                                {"SIGNED", TypeId::kInt64},
                                                {"UNSIGNED", TypeId::kUInt64},
                                                {"FLOAT", TypeId::kFloat32},
                                                {"REAL", TypeId::kFloat32},
                                                {"SINGLE", TypeId::kFloat32},
                                                {"DOUBLE", TypeId::kFloat64},
                                                {"DOUBLE PRECISION", TypeId::kFloat64},
                                                {"BOOL", TypeId::kBool},
                                                {"BOOLEAN", TypeId::kBool},
                                                {"TEXT", TypeId::kString},
                                                {"CHAR", TypeId::kString},
                                                {"VARCHAR", TypeId::kString},
                                                {"TINYTEXT", TypeId::kString},
                                                {"MEDIUMTEXT", TypeId::kString},
                                                {"LONGTEXT", TypeId::kString},
                                                {"BLOB", TypeId::kString},
                                                {"DATE", TypeId::kDate},
                                                {"DATETIME", TypeId::kDateTime},
                                                {"TIMESTAMP", TypeId::kDateTime}}};

constexpr int kMaxArrayDepth = 32;

std::string_view Trim(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) {
    text.remove_prefix(1);
  }
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) {
    text.remove_suffix(1);
  }
  return text;
}

std::string Upper(std::string_view text) {
  std::string upper(text);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return upper;
}

[[noreturn]] void ThrowUnknownType(std::string_view name) {
  throw Error(ErrorCode::kUnknownType,
              "Unknown type " + std::string(name) +
                  "; known are Int8 to Int64, UInt8 to UInt64, Float32, Float64, BFloat16, Bool, "
                  "String, Date, DateTime and Array(T)");
}

DataType ParseType(std::string_view name, int depth) {
  name = Trim(name);
  for (const TypeName& known : kScalarNames) {
    if (known.name == name) return known.id;
  }
  const bool is_array = name.starts_with("Array") && name.ends_with(")");
  if (is_array && depth < kMaxArrayDepth) {
    const std::string_view inner = Trim(name.substr(5));
    if (inner.starts_with("(")) {
      return DataType::Array(ParseType(inner.substr(1, inner.size() - 2), depth + 1));
    }
  }
  if (depth > 0 && name == "Nothing") return TypeId::kNothing;
  const std::string upper = Upper(name);
  for (const TypeName& alias : kAliases) {
    if (alias.name == upper) return alias.id;
  }
  ThrowUnknownType(name);
}

}  // namespace

BFloat16::BFloat16(float value) {
  uint32_t all = std::bit_cast<uint32_t>(value);
  if (std::isnan(value)) {
    bits = static_cast<uint16_t>((all >> 16) | 0x40);
    return;
  }
  all += 0x7FFF + ((all >> 16) & 1);
  bits = static_cast<uint16_t>(all >> 16);
}

DataType DataType::Array(DataType element) {
  DataType type(TypeId::kArray);
  type.element_ = std::make_shared<const DataType>(std::move(element));
  return type;
}

DataType DataType::Parse(std::string_view name) { return ParseType(name, 0); }

std::string DataType::name() const {
  if (is_array()) return "Array(" + element().name() + ")";
  if (is_nothing()) return "Nothing";
  return std::string(kScalarNames[static_cast<size_t>(id_) - 1].name);
}

size_t DataType::fixed_bytes() const {
  if (is_array() || is_string()) return 0;
  return VisitFixedType(id_, []<class T>() { return sizeof(T); });
}

}  // namespace granary
