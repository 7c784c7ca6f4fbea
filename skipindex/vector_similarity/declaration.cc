#include "granary/skipindex/vector_similarity/declaration.h"

#include <algorithm>

#include <fmt/format.h>

namespace granary {
namespace {

constexpr size_t kConnectionsMax = 4096;
constexpr size_t kConstructionWidthMax = 1 << 20;
constexpr size_t kDimensionsMax = 1 << 24;

[[noreturn]] void ThrowQuery(const std::string& problem) {
  throw Error(ErrorCode::kIncorrectQuery, fmt::format("vector_similarity index: {}", problem));
}

[[noreturn]] void ThrowData(const std::string& problem) {
  throw Error(ErrorCode::kIncorrectData, fmt::format("vector_similarity index: {}", problem));
}

const std::string& StringArgument(const IndexArgument& argument, std::string_view what) {
  if (!argument.value.is_string()) ThrowQuery(fmt::format("the {} must be a string", what));
  return argument.value.as_string();
}

size_t UnsignedArgument(const IndexArgument& argument, std::string_view what, size_t max) {
  if (!argument.value.is_uint()) {
    ThrowQuery(fmt::format("the {} must be an unsigned integer", what));
  }
  const uint64_t value = argument.value.as_uint();
  if (value > max) ThrowData(fmt::format("the {} is {}, more than {}", what, value, max));
  return value;
}

bool FlagArgument(const IndexArgument& argument) {
  const uint64_t flag = UnsignedArgument(argument, "value of " + argument.name, 1);
  return flag != 0;
}

Metric ParseMetric(const std::string& name) {
  for (Metric metric : {Metric::kL2, Metric::kCosine, Metric::kDotProduct}) {
    if (name == MetricFunction(metric)) return metric;
  }
  ThrowData(
      fmt::format("distance '{}' is not one of L2Distance, cosineDistance, dotProduct", name));
}

Quantization ParseQuantization(const std::string& name) {
  for (Quantization quantization : kQuantizations) {
    if (name == QuantizationName(quantization)) return quantization;
  }
  ThrowData(fmt::format("quantization '{}' is not one of f64, f32, f16, bf16, i8, b1", name));
}

void CheckBits(const VectorSimilarityDeclaration& declaration) {
  if (declaration.metric != Metric::kCosine) {
    ThrowData("quantization 'b1' can only be used with cosineDistance");
  }
  if (declaration.dimensions && *declaration.dimensions % 8 != 0) {
    ThrowData(fmt::format("quantization 'b1' needs a multiple of 8 dimensions, but there are {}",
                          *declaration.dimensions));
  }
}

// What the presets stand for, all with i8; README.md says what they measure.
struct Preset {
  std::string_view name;
  size_t max_connections;
  size_t construction_width;
};
constexpr Preset kPresets[] = {{"fast", 16, 96}, {"balanced", 32, 128}, {"high_recall", 48, 320}};

// The preset that ends the arguments, if one does: a string right behind distance or dimensions.
const Preset* FindPreset(const std::vector<IndexArgument>& arguments) {
  if (arguments.size() != 3 && arguments.size() != 4) return nullptr;
  const Value& last = arguments.back().value;
  for (const Preset& preset : kPresets) {
    if (last.is_string() && last.as_string() == preset.name) return &preset;
  }
  return nullptr;
}

void CheckExpression(const Expression& expression) {
  if (!expression.type().is_float_array()) {
    throw Error(ErrorCode::kIllegalColumn,
                fmt::format("a vector_similarity index needs a column of type Array(Float32), "
                            "Array(Float64) or Array(BFloat16), but {} has type {}",
                            expression.text(), expression.type().name()));
  }
  const auto& columns = expression.required_columns();
  if (columns.size() != 1 || columns[0] != expression.text()) {
    throw Error(ErrorCode::kNotImplemented,
                fmt::format("a vector_similarity index covers a column, not the expression {}; "
                            "store the value in a column of its own",
                            expression.text()));
  }
}

}  // namespace

VectorSimilarityDeclaration VectorSimilarityDeclaration::Parse(
    const IndexDeclaration& declaration) {
  std::vector<IndexArgument> arguments = declaration.arguments;
  VectorSimilarityDeclaration parsed;
  while (!arguments.empty() && !arguments.back().name.empty()) {
    parsed.allows_empty = FlagArgument(arguments.back());
    arguments.pop_back();
  }
  const Preset* const preset = FindPreset(arguments);
  const size_t count = arguments.size() - (preset != nullptr ? 1 : 0);
  if (count != 2 && count != 3 && count != 5 && count != 6) {
    ThrowQuery(
        fmt::format("{} arguments, expected (method, distance[, dimensions][, quantization, "
                    "M, ef_construction]) or (method, distance[, dimensions], 'fast' | 'balanced' "
                    "| 'high_recall'), and behind these allow_empty = 1 or not",
                    arguments.size()));
  }
  const std::string& method = StringArgument(arguments[0], "method");
  if (method != "hnsw") ThrowData(fmt::format("method '{}' is not known, use 'hnsw'", method));
  parsed.metric = ParseMetric(StringArgument(arguments[1], "distance"));

  auto next = arguments.begin() + 2;
  if (count % 3 == 0) {
    parsed.dimensions = UnsignedArgument(*next++, "number of dimensions", kDimensionsMax);
    if (parsed.dimensions == 0) ThrowData("the number of dimensions must be above 0");
  } else {
    parsed.dimensions = declaration.inferred_dimensions;
  }
  if (preset != nullptr) {
    parsed.max_connections = preset->max_connections;
    parsed.construction_width = preset->construction_width;
  } else if (next != arguments.end()) {
    parsed.quantization_declared = true;
    parsed.quantization = ParseQuantization(StringArgument(*next++, "quantization"));
    const size_t connections = UnsignedArgument(*next++, "M", kConnectionsMax);
    if (connections == 1) ThrowData("M is 1, but a node needs at least 2 links");
    if (connections != 0) parsed.max_connections = connections;
    const size_t width = UnsignedArgument(*next++, "ef_construction", kConstructionWidthMax);
    if (width != 0) parsed.construction_width = width;
  }
  if (parsed.quantization == Quantization::kBit) CheckBits(parsed);
  CheckExpression(*declaration.expression);
  return parsed;
}

std::string VectorSimilarityDeclaration::Description() const {
  return fmt::format("vector_similarity('hnsw', '{}'{}, '{}', {}, {}{})", MetricFunction(metric),
                     dimensions ? fmt::format(", {}", *dimensions) : "",
                     QuantizationName(quantization), max_connections, construction_width,
                     allows_empty ? ", allow_empty = 1" : "");
}

}  // namespace granary
