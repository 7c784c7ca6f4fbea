// The smallest program that uses Granary: open, create, insert, search.
//
//   g++ -std=c++20 embed.cc $(pkg-config --cflags --libs granary) -o embed
#include <cstdio>
#include <random>
#include <span>
#include <vector>

#include "granary/query/database.h"

int main() try {
  constexpr size_t kRows = 1000, kDimensions = 8;
  auto database = granary::Database::Open({});  // {.path = "points"} keeps it in a directory
  database->Execute(
      "CREATE TABLE points (id UInt64, v Array(Float32), INDEX near v TYPE "
      "vector_similarity('hnsw', 'L2Distance', 8)) ENGINE = MergeTree ORDER BY id");

  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform;
  std::vector<uint64_t> ids(kRows);
  std::vector<float> values(kRows * kDimensions);
  for (size_t row = 0; row < kRows; ++row) ids[row] = row;
  for (float& value : values) value = uniform(random);
  const std::vector<float> query(values.begin(), values.begin() + kDimensions);

  using granary::TypeId;
  auto id = std::make_shared<granary::NumberColumn<uint64_t>>(TypeId::kUInt64, std::move(ids));
  auto v = std::make_shared<granary::NumberColumn<float>>(TypeId::kFloat32, std::move(values));
  database->Insert("points", granary::Block({
                                 {"id", id},
                                 {"v", granary::ArrayColumn::Uniform(v, kDimensions, kRows)},
                             }));

  auto search = database->Prepare(
      "SELECT id, L2Distance(v, {q:Array(Float32)}) AS distance FROM points "
      "ORDER BY distance LIMIT 3");
  granary::Result result = search.Bind("q", query).Execute();
  while (auto block = result.Next()) {
    const auto& nearest = granary::AsNumbers<uint64_t>(*block->Get("id"));
    const auto& distance = granary::AsNumbers<float>(*block->Get("distance"));
    for (size_t row = 0; row < block->rows(); ++row) {
      std::printf("%llu %g\n", static_cast<unsigned long long>(nearest.data()[row]),
                  static_cast<double>(distance.data()[row]));
    }
  }

  // Many vectors at once: here those of the first two rows.
  const std::span<const float> queries(v->data(), 2 * kDimensions);
  granary::Result batch = search.BindMatrix("q", queries, kDimensions).Execute();
  while (auto block = batch.Next()) {
    const auto& number = granary::AsNumbers<uint64_t>(*block->Get("query"));
    const auto& nearest = granary::AsNumbers<uint64_t>(*block->Get("id"));
    for (size_t row = 0; row < block->rows(); ++row) {
      std::printf("vector %llu: %llu\n", static_cast<unsigned long long>(number.data()[row]),
                  static_cast<unsigned long long>(nearest.data()[row]));
    }
  }
} catch (const granary::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
