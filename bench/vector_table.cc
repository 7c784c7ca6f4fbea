#include "granary/bench/vector_table.h"

#include <numeric>

namespace granary::bench {

void CreateVectorTable(Database& database, const VectorSet& set, const std::string& index_type) {
  const std::string index = index_type.empty() ? "" : ", INDEX near v TYPE " + index_type;
  database.Execute("CREATE TABLE vectors (id UInt32, v Array(Float32)" + index +
                   ", CONSTRAINT dimensions CHECK length(v) = " +
                   std::to_string(set.base.dimensions) + ") ENGINE = MergeTree ORDER BY id");
}

std::string DefaultIndex(const VectorSet& set) {
  return "vector_similarity('hnsw', '" + std::string(MetricFunction(set.metric)) + "', " +
         std::to_string(set.base.dimensions) + ")";
}

Block VectorBlock(const VectorSet& set, size_t first_row, size_t rows) {
  std::vector<uint32_t> ids(rows);
  std::iota(ids.begin(), ids.end(), static_cast<uint32_t>(first_row));
  auto elements = std::make_shared<NumberColumn<float>>(
      TypeId::kFloat32, nullptr, set.base.values.data() + first_row * set.base.dimensions,
      rows * set.base.dimensions);
  return Block({{"id", std::make_shared<NumberColumn<uint32_t>>(TypeId::kUInt32, std::move(ids))},
                {"v", ArrayColumn::Uniform(std::move(elements), set.base.dimensions, rows)}});
}

std::string SearchStatement(const VectorSet& set, size_t k) {
  const std::string order = set.metric == Metric::kDotProduct ? " DESC" : "";
  return "SELECT id FROM vectors ORDER BY " + std::string(MetricFunction(set.metric)) +
         "(v, {q:Array(Float32)})" + order + " LIMIT " + std::to_string(k);
}

void TableSearch::Search(std::span<const float> query, std::vector<uint32_t>& rows) {
  statement_.Bind("q", query);
  ReadIds(statement_.Execute(), rows);
}

void ReadIds(Result result, std::vector<uint32_t>& rows) {
  rows.clear();
  while (const auto block = result.Next()) {
    const auto ids = AsNumbers<uint32_t>(*block->column(0)).values();
    rows.insert(rows.end(), ids.begin(), ids.end());
  }
}

void TableSearch::Search(std::span<const float> queries, size_t dimensions,
                         std::vector<std::vector<uint32_t>>& rows) {
  statement_.BindMatrix("q", queries, dimensions);
  Result result = statement_.Execute();
  rows.assign(queries.size() / dimensions, {});
  while (const auto block = result.Next()) {
    const auto numbers = AsNumbers<uint64_t>(*block->column(0)).values();
    const auto ids = AsNumbers<uint32_t>(*block->column(1)).values();
    for (size_t i = 0; i < ids.size(); ++i) rows[numbers[i]].push_back(ids[i]);
  }
}

}  // namespace granary::bench
