#include "granary/query/expressions/parameters.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "granary/query/formats/input_format.h"
#include "granary/table/out_of_memory.h"

namespace granary {
namespace {

template <class T>
std::shared_ptr<const T[]> Copied(std::span<const T> vector) {
  auto copy = std::make_shared_for_overwrite<T[]>(vector.size());
  std::copy(vector.begin(), vector.end(), copy.get());
  return copy;
}

template <class T>
ColumnPtr VectorColumn(const std::shared_ptr<const T[]>& vector, size_t length, TypeId element) {
  auto elements = std::make_shared<NumberColumn<T>>(
      DataType(element), std::shared_ptr<const void>(vector, vector.get()), vector.get(), length);
  return ArrayColumn::Uniform(std::move(elements), length, 1);
}

// A value that is not of the placeholder's type itself, as ClickHouse reads parameters: strings as
// text, everything else as SQL.
ColumnPtr FromText(std::string_view text, const DataType& type) {
  if (type.is_string()) return MakeConstant(type, Value(std::string(text)), 1)->Materialize();
  const std::string row = type.is_array() || type.is_number() || type.id() == TypeId::kBool
                              ? std::string(text)
                              : ValueToSql(Value(std::string(text)), TypeId::kString);
  const std::string tuple = "(" + row + ")";
  auto format = InputFormat::Create("Values", {{"value", type}}, InputBytes(tuple));
  std::optional<Block> block = format->ReadBlock(2);
  if (!block || block->rows() != 1) {
    throw Error(ErrorCode::kBadQueryParameter, "the text does not hold exactly one value");
  }
  return block->column(0)->Materialize();
}

ColumnPtr FromValue(const Value& value, const DataType& type) {
  if (value.is_string() && !type.is_string()) return FromText(value.as_string(), type);
  return MakeConstant(type, value, 1)->Materialize();
}

}  // namespace

template <class Make>
void Parameters::Give(std::string_view name, Make&& make) {
  TranslatingBadAlloc([&] {
    Given given = make();
    values_[std::string(name)] = std::move(given);
  });
}

void Parameters::Set(std::string_view name, std::span<const float> vector) {
  Give(name, [&] { return Given{.floats = Copied(vector), .length = vector.size()}; });
}

void Parameters::Set(std::string_view name, std::span<const double> vector) {
  Give(name, [&] { return Given{.doubles = Copied(vector), .length = vector.size()}; });
}

void Parameters::SetMatrix(std::string_view name, std::span<const float> values,
                           size_t dimensions) {
  Give(name, [&] {
    if (dimensions == 0 || values.size() % dimensions != 0) {
      throw Error(ErrorCode::kBadArguments, std::to_string(values.size()) +
                                                " values are no matrix of vectors of " +
                                                std::to_string(dimensions) + " dimensions");
    }
    auto elements = std::make_shared<NumberColumn<float>>(
        DataType(TypeId::kFloat32), std::vector<float>(values.begin(), values.end()));
    return Given{.matrix = ArrayColumn::Uniform(std::move(elements), dimensions,
                                                values.size() / dimensions)};
  });
}

std::optional<std::span<const float>> Parameters::Floats(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end() || found->second.floats == nullptr) return std::nullopt;
  return std::span(found->second.floats.get(), found->second.length);
}

std::optional<std::string> Parameters::matrix() const {
  for (const auto& [name, given] : values_) {
    if (given.matrix != nullptr) return name;
  }
  return std::nullopt;
}

ColumnPtr Parameters::MatrixRows(std::string_view name) const {
  return values_.find(name)->second.matrix;
}

void Parameters::Set(std::string_view name, Value value) {
  Give(name, [&] { return Given{.value = std::move(value)}; });
}

void Parameters::SetText(std::string_view name, std::string_view text) {
  Give(name, [&] { return Given{.text = std::string(text)}; });
}

void Parameters::Merge(const Parameters& other) {
  TranslatingBadAlloc([&] {
    for (const auto& [name, given] : other.values_) values_.insert_or_assign(name, given);
  });
}

bool Parameters::SameValue(const Parameters& other, std::string_view name) const {
  const auto a = values_.find(name);
  const auto b = other.values_.find(name);
  if (a == values_.end() || b == other.values_.end()) return false;
  return a->second.floats == b->second.floats && a->second.doubles == b->second.doubles &&
         a->second.matrix == b->second.matrix && a->second.value == b->second.value &&
         a->second.text == b->second.text;
}

ColumnPtr Parameters::Get(std::string_view name, const DataType& type) const {
  const auto found = values_.find(name);
  if (found == values_.end()) {
    throw Error(ErrorCode::kUnknownQueryParameter, "The query parameter '" + std::string(name) +
                                                       "' has no value; set it with SET param_" +
                                                       std::string(name) + " = ..., --param_" +
                                                       std::string(name) + "=... or Bind()");
  }
  const Given& given = found->second;
  if (given.matrix != nullptr) {
    throw Error(ErrorCode::kBadQueryParameter,
                "The query parameter '" + std::string(name) +
                    "' has many vectors; they can be searched by ORDER BY their distance of the "
                    "outermost SELECT, and used nowhere else");
  }
  try {
    if (given.floats != nullptr || given.doubles != nullptr) {
      const ColumnPtr vector = given.floats != nullptr
                                   ? VectorColumn(given.floats, given.length, TypeId::kFloat32)
                                   : VectorColumn(given.doubles, given.length, TypeId::kFloat64);
      return vector->type() == type ? vector : FromValue(vector->ValueAt(0), type);
    }
    return given.value ? FromValue(*given.value, type) : FromText(given.text, type);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kMemoryLimitExceeded) throw;
    throw Error(ErrorCode::kBadQueryParameter, "The value of the query parameter '" +
                                                   std::string(name) + "' is no " + type.name() +
                                                   ": " + error.message());
  }
}

}  // namespace granary
