#include <charconv>
#include <chrono>
#include <cmath>
#include <random>

#include <fmt/format.h>

#include "granary/bench/compare/figures.h"
#include "granary/query/sql/parser.h"

namespace granary::bench {
namespace {

constexpr size_t kNumbers = 1536;
constexpr size_t kRepetitions = 200;

std::string VectorLiteral() {
  std::mt19937 random(1);
  std::uniform_real_distribution<double> value(-1, 1);
  std::string text = "[";
  for (size_t i = 0; i < kNumbers; ++i) text += fmt::format("{:.8f},", value(random));
  text.back() = ']';
  return text;
}

// The sum of the numbers, so that no work can be left out.
double SumByFromChars(const std::string& text) {
  double sum = 0;
  const char* const end = text.data() + text.size();
  for (const char* in = text.data() + 1; in < end;) {
    double value = 0;
    in = std::from_chars(in, end, value).ptr + 1;
    sum += value;
  }
  return sum;
}

double SumByParser(const std::string& text) {
  const sql::ExprPtr literal = sql::ParseExpression(text);
  double sum = 0;
  for (const Value& value : sql::As<sql::Literal>(*literal)->value.as_array()) {
    sum += value.as_double();
  }
  return sum;
}

template <class Parse>
double SecondsOf(const std::string& text, double expected, Parse parse) {
  const auto begin = std::chrono::steady_clock::now();
  for (size_t i = 0; i < kRepetitions; ++i) {
    if (parse(text) != expected) throw std::logic_error("the parsers read different numbers");
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

void MeasureLiteral(size_t rounds, Report& report) {
  const std::string text = VectorLiteral();
  const double sum = SumByFromChars(text);
  std::vector<double> parser, bare;
  for (size_t round = 0; round < rounds; ++round) {
    parser.push_back(SecondsOf(text, sum, SumByParser));
    bare.push_back(SecondsOf(text, sum, SumByFromChars));
  }
  report.Note(Format("vector literal of %zu numbers: parsed in %.1f us, from_chars alone %.1f us",
                     kNumbers, 1e6 * Median(parser) / kRepetitions,
                     1e6 * Median(bare) / kRepetitions));
  report.Add({.name = "vector literal parsed / std::from_chars alone",
              .measured = Median(parser) / Median(bare),
              .bound = Bound::kAtMost,
              .limit = 1.5});
}

}  // namespace granary::bench
