// Data types: what a value of a column may be. A DataType is a small value, compared by content.
//
// The physical representation of each type is the C++ type that NumberColumn stores (column.h):
// Bool is uint8_t, Date is uint16_t days since 1970-01-01, DateTime is uint32_t seconds since the
// epoch in UTC, BFloat16 is the upper half of an IEEE float. Number 0 ("Nothing") is the element
// type of the empty array literal. It has a single value, of which nothing is known: stored as
// uint8_t, the default value once it is converted to another type. arrayResize([], 3) has three.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "granary/table/error.h"

namespace granary {

enum class TypeId : uint8_t {
  kNothing = 0,
  kInt8 = 1,
  kInt16 = 2,
  kInt32 = 3,
  kInt64 = 4,
  kUInt8 = 5,
  kUInt16 = 6,
  kUInt32 = 7,
  kUInt64 = 8,
  kFloat32 = 9,
  kFloat64 = 10,
  kBFloat16 = 11,
  kBool = 12,
  kString = 13,
  kDate = 14,
  kDateTime = 15,
  kArray = 16,
};

// The upper 16 bits of a float. Conversion from float rounds to nearest, ties to even, and keeps
// NaN a NaN.
struct BFloat16 {
  uint16_t bits = 0;

  BFloat16() = default;
  explicit BFloat16(float value);
  operator float() const { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }
  static BFloat16 FromBits(uint16_t bits) {
    BFloat16 value;
    value.bits = bits;
    return value;
  }
};
static_assert(sizeof(BFloat16) == 2);

class DataType {
 public:
  DataType() = default;
  // Any scalar type; arrays are made by Array().
  DataType(TypeId id) : id_(id) {}  // NOLINT(google-explicit-constructor): a TypeId is a type
  static DataType Array(DataType element);

  // Reads ClickHouse's spelling, for example "Array(Float32)", aliases included (Float, Double,
  // BIGINT, BOOLEAN, TEXT, VARCHAR, ...; case-insensitive where ClickHouse is). Throws
  // UNKNOWN_TYPE for names that are not known and for types that Granary does not have.
  static DataType Parse(std::string_view name);

  TypeId id() const { return id_; }
  // The canonical name, for example "Array(Float32)".
  std::string name() const;
  // The element type of an array. Only for arrays.
  const DataType& element() const { return *element_; }

  bool is_array() const { return id_ == TypeId::kArray; }
  bool is_string() const { return id_ == TypeId::kString; }
  bool is_nothing() const { return id_ == TypeId::kNothing; }
  bool is_integer() const { return id_ >= TypeId::kInt8 && id_ <= TypeId::kUInt64; }
  bool is_signed_integer() const { return id_ >= TypeId::kInt8 && id_ <= TypeId::kInt64; }
  bool is_float() const { return id_ >= TypeId::kFloat32 && id_ <= TypeId::kBFloat16; }
  // Integers and floats; not Bool, Date or DateTime.
  bool is_number() const { return is_integer() || is_float(); }
  bool is_date_or_time() const { return id_ == TypeId::kDate || id_ == TypeId::kDateTime; }
  // Array(Float32 | Float64 | BFloat16): what a vector index can cover.
  bool is_float_array() const { return is_array() && element().is_float(); }
  // Bytes of one value in NumberColumn; 0 for String and Array.
  size_t fixed_bytes() const;

  friend bool operator==(const DataType& a, const DataType& b) {
    return a.id_ == b.id_ && (a.id_ != TypeId::kArray || *a.element_ == *b.element_);
  }

 private:
  TypeId id_ = TypeId::kNothing;
  std::shared_ptr<const DataType> element_;
};

// Calls f.template operator()<T>() with the physical C++ type of a fixed-size type. Throws
// LOGICAL_ERROR for String and Array: the caller has asked before.
template <class F>
decltype(auto) VisitFixedType(TypeId id, F&& f) {
  switch (id) {
    case TypeId::kInt8:
      return f.template operator()<int8_t>();
    case TypeId::kInt16:
      return f.template operator()<int16_t>();
    case TypeId::kInt32:
      return f.template operator()<int32_t>();
    case TypeId::kInt64:
      return f.template operator()<int64_t>();
    case TypeId::kUInt8:
    case TypeId::kBool:
    case TypeId::kNothing:
      return f.template operator()<uint8_t>();
    case TypeId::kUInt16:
    case TypeId::kDate:
      return f.template operator()<uint16_t>();
    case TypeId::kUInt32:
    case TypeId::kDateTime:
      return f.template operator()<uint32_t>();
    case TypeId::kUInt64:
      return f.template operator()<uint64_t>();
    case TypeId::kFloat32:
      return f.template operator()<float>();
    case TypeId::kFloat64:
      return f.template operator()<double>();
    case TypeId::kBFloat16:
      return f.template operator()<BFloat16>();
    case TypeId::kString:
    case TypeId::kArray:
      break;
  }
  throw Error(ErrorCode::kLogicalError, "a type of variable size has no single C++ type");
}

}  // namespace granary
