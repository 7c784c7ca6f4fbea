// Values for the placeholders {name:Type} of a statement. A value is given as what it is (a span of
// floats, a number, a string) or as text, which is read by the placeholder's type when the
// statement runs. Not thread-safe; cheap to copy.
#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "granary/table/column.h"

namespace granary {

class Parameters {
 public:
  // A vector; copies it. For a placeholder of any Array of numbers.
  void Set(std::string_view name, std::span<const float> vector);
  void Set(std::string_view name, std::span<const double> vector);
  // Many vectors, of `dimensions` values each; copies them. A search by the parameter is then one
  // for each of them (PreparedStatement::BindMatrix). Throws BAD_ARGUMENTS unless there are
  // dimensions and they divide the number of values.
  void SetMatrix(std::string_view name, std::span<const float> values, size_t dimensions);
  // Numbers, strings, arrays. Converted to the placeholder's type when the statement runs, which
  // throws BAD_QUERY_PARAMETER if the value does not fit.
  void Set(std::string_view name, Value value);
  void Set(std::string_view name, std::string_view text) { Set(name, Value(std::string(text))); }
  void Set(std::string_view name, const char* text) { Set(name, std::string_view(text)); }
  template <std::integral T>
  void Set(std::string_view name, T number) {
    if constexpr (std::is_signed_v<T>) {
      Set(name, Value(static_cast<int64_t>(number)));
    } else {
      Set(name, Value(static_cast<uint64_t>(number)));
    }
  }
  template <std::floating_point T>
  void Set(std::string_view name, T number) {
    Set(name, Value(static_cast<double>(number)));
  }
  // Text in ClickHouse's form for query parameters: [1, 2.5] for an array, abc (without quotes) for
  // a string.
  void SetText(std::string_view name, std::string_view text);

  bool Has(std::string_view name) const { return values_.find(name) != values_.end(); }
  bool empty() const { return values_.empty(); }
  // The value of a placeholder {name:type}, as a column of one row and of that type. Throws
  // UNKNOWN_QUERY_PARAMETER if it was not set, BAD_QUERY_PARAMETER if it does not fit.
  ColumnPtr Get(std::string_view name, const DataType& type) const;
  // The vector of floats that a parameter was given; nothing if it was given another value or none.
  std::optional<std::span<const float>> Floats(std::string_view name) const;
  // The name of the parameter that was given a matrix; nothing if there is none, the first by name
  // if there are several.
  std::optional<std::string> matrix() const;
  // Its vectors: a column of Array(Float32).
  ColumnPtr MatrixRows(std::string_view name) const;
  // Values of `other` win.
  void Merge(const Parameters& other);
  // Whether `name` has the same value in both.
  bool SameValue(const Parameters& other, std::string_view name) const;

 private:
  struct Given {
    std::shared_ptr<const float[]> floats;    // a vector of `length` values, or null
    std::shared_ptr<const double[]> doubles;  // the same of doubles
    size_t length = 0;
    ColumnPtr matrix;            // rows of Array(Float32), or null
    std::optional<Value> value;  // or a value
    std::string text;            // or text
  };
  template <class Make>
  void Give(std::string_view name, Make&& make);

  std::map<std::string, Given, std::less<>> values_;
};

}  // namespace granary
