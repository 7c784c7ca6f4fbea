#include "granary/bench/number_table.h"

#include <memory>
#include <random>
#include <utility>
#include <vector>

namespace granary::bench {
namespace {

// A column of make(i) for i < rows.
template <class T, class Make>
ColumnPtr Filled(DataType type, size_t rows, Make make) {
  std::vector<T> values(rows);
  for (size_t i = 0; i < rows; ++i) values[i] = static_cast<T>(make(i));
  return std::make_shared<NumberColumn<T>>(std::move(type), std::move(values));
}

}  // namespace

void CreateNumberTable(Database& database, const std::string& fsync) {
  database.Execute(
      "CREATE TABLE numbers (id UInt64, user UInt32, country UInt16, kind UInt8, delta Int64, "
      "change Int32, price Float64, score Float32, day Date, time DateTime) "
      "ENGINE = MergeTree ORDER BY id SETTINGS fsync = '" +
      fsync + "'");
}

Block NumberBlock(size_t first_id, size_t rows, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(100, 15);
  return Block({
      {"id", Filled<uint64_t>(TypeId::kUInt64, rows, [&](size_t i) { return first_id + i; })},
      {"user", Filled<uint32_t>(TypeId::kUInt32, rows, [&](size_t) { return random(); })},
      {"country", Filled<uint16_t>(TypeId::kUInt16, rows, [&](size_t) { return random() % 200; })},
      {"kind", Filled<uint8_t>(TypeId::kUInt8, rows, [&](size_t) { return random() % 8; })},
      {"delta", Filled<int64_t>(TypeId::kInt64, rows, [&](size_t) { return random(); })},
      {"change", Filled<int32_t>(TypeId::kInt32, rows, [&](size_t) { return random() % 2000; })},
      {"price", Filled<double>(TypeId::kFloat64, rows, [&](size_t) { return normal(random); })},
      {"score", Filled<float>(TypeId::kFloat32, rows, [&](size_t) { return normal(random); })},
      {"day", Filled<uint16_t>(TypeId::kDate, rows, [&](size_t i) { return 19000 + i / 100000; })},
      {"time",
       Filled<uint32_t>(TypeId::kDateTime, rows, [&](size_t i) { return 1700000000 + i / 10; })},
  });
}

}  // namespace granary::bench
