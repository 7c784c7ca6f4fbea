// Recall of searches through graphs on real data (examples/data: words and their GloVe vectors),
// against an exact scan that shares no code with the index: plain loops in double precision.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <numeric>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "granary/query/database.h"

namespace granary {
namespace {

constexpr size_t kDimensions = 100;
constexpr size_t kHeldOutEvery = 125;
constexpr size_t kNeighbors = 10;

using Vector = std::vector<float>;

struct Words {
  std::vector<Vector> stored;
  std::vector<Vector> queries;
};

// The first `count` words; every 125th becomes a query instead of a row.
Words ReadWords(size_t count) {
  std::ifstream file(std::string(GRANARY_SOURCE_DIR) + "/examples/data/words.fvecs",
                     std::ios::binary);
  Words words;
  for (size_t word = 0; word < count; ++word) {
    int32_t dimensions = 0;
    Vector vector(kDimensions);
    file.read(reinterpret_cast<char*>(&dimensions), sizeof(dimensions));
    file.read(reinterpret_cast<char*>(vector.data()), kDimensions * sizeof(float));
    if (!file || dimensions != kDimensions) ADD_FAILURE() << "words.fvecs ends early";
    (word % kHeldOutEvery == 0 ? words.queries : words.stored).push_back(std::move(vector));
  }
  return words;
}

// The words in another space with about the same angles: 768 random directions.
Words ProjectedWords(size_t count) {
  constexpr size_t kManyDimensions = 768;
  std::mt19937_64 random(11);
  std::vector<Vector> directions(kManyDimensions, Vector(kDimensions));
  for (Vector& direction : directions) {
    for (float& value : direction) value = static_cast<float>(random() % 2001) - 1000;
  }
  Words words = ReadWords(count);
  for (std::vector<Vector>* vectors : {&words.stored, &words.queries}) {
    for (Vector& vector : *vectors) {
      Vector projected(kManyDimensions);
      for (size_t i = 0; i < kManyDimensions; ++i) {
        projected[i] =
            std::inner_product(vector.begin(), vector.end(), directions[i].begin(), 0.0f);
      }
      vector = std::move(projected);
    }
  }
  return words;
}

// Smaller is nearer for every metric.
double TrueDistance(const std::string& function, const Vector& a, const Vector& b) {
  double dot = 0, aa = 0, bb = 0, difference = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    dot += double{a[i]} * b[i];
    aa += double{a[i]} * a[i];
    bb += double{b[i]} * b[i];
    difference += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
  }
  if (function == "L2Distance") return std::sqrt(difference);
  return function == "dotProduct" ? -dot : 1 - dot / std::sqrt(aa * bb);
}

std::set<uint32_t> TrueNeighbors(const std::string& function, const Words& words,
                                 const Vector& query) {
  std::vector<double> distances;
  for (const Vector& vector : words.stored) {
    distances.push_back(TrueDistance(function, vector, query));
  }
  std::vector<uint32_t> rows(words.stored.size());
  std::iota(rows.begin(), rows.end(), 0);
  std::partial_sort(rows.begin(), rows.begin() + kNeighbors, rows.end(),
                    [&](uint32_t a, uint32_t b) { return distances[a] < distances[b]; });
  return {rows.begin(), rows.begin() + kNeighbors};
}

Block RowsOf(const Words& words, size_t first, size_t count) {
  std::vector<uint32_t> ids(count);
  std::iota(ids.begin(), ids.end(), static_cast<uint32_t>(first));
  std::vector<float> elements;
  for (size_t row = first; row < first + count; ++row) {
    elements.insert(elements.end(), words.stored[row].begin(), words.stored[row].end());
  }
  Block block;
  block.Add("id", std::make_shared<NumberColumn<uint32_t>>(TypeId::kUInt32, std::move(ids)));
  block.Add("v", ArrayColumn::Uniform(
                     std::make_shared<NumberColumn<float>>(TypeId::kFloat32, std::move(elements)),
                     words.stored.front().size(), count));
  return block;
}

std::unique_ptr<Database> Load(const Words& words, const std::string& index, size_t inserts) {
  DatabaseOptions options;
  options.settings.vector_search_method = VectorSearchMethod::kGraph;
  auto database = Database::Open(std::move(options));
  database->Execute("CREATE TABLE words (id UInt32, v Array(Float32), INDEX i v TYPE " + index +
                    ") ENGINE = MergeTree ORDER BY id");
  const size_t rows = words.stored.size();
  for (size_t i = 0; i < inserts; ++i) {
    const size_t first = rows * i / inserts;
    database->Insert("words", RowsOf(words, first, rows * (i + 1) / inserts - first));
  }
  return database;
}

std::string Explain(Database& database, const std::string& select) {
  const Block plan =
      database.Execute("EXPLAIN indexes = 1 WITH (SELECT v FROM words WHERE id = 1) AS q " + select)
          .ReadAll();
  std::string text;
  for (size_t row = 0; row < plan.rows(); ++row) {
    text += plan.column(0)->ValueAt(row).as_string() + "\n";
  }
  return text;
}

double Recall(Database& database, const Words& words, const std::string& function) {
  const std::string order = function == "dotProduct" ? " DESC" : "";
  PreparedStatement search = database.Prepare("SELECT id FROM words ORDER BY " + function +
                                              "(v, {q:Array(Float32)})" + order + " LIMIT 10");
  size_t hits = 0;
  for (const Vector& query : words.queries) {
    const std::set<uint32_t> truth = TrueNeighbors(function, words, query);
    const Block found = search.Bind("q", query).Execute().ReadAll();
    EXPECT_EQ(found.rows(), kNeighbors);
    for (size_t row = 0; row < found.rows(); ++row) {
      hits += truth.contains(AsNumbers<uint32_t>(*found.column(0)).data()[row]);
    }
  }
  return static_cast<double>(hits) / static_cast<double>(words.queries.size() * kNeighbors);
}

void ExpectGraph(Database& database, const std::string& function) {
  const std::string order = function == "dotProduct" ? " DESC" : "";
  const std::string plan = Explain(
      database, "SELECT id FROM words ORDER BY " + function + "(v, q)" + order + " LIMIT 10");
  EXPECT_NE(plan.find("Name: i"), std::string::npos) << plan;
}

TEST(RecallTest, DefaultsAfterTenInsertsAndTheirMerges) {
  const Words words = ReadWords(25000);
  const auto database = Load(words, "vector_similarity('hnsw', 'cosineDistance', 100)", 10);
  database->Execute("SYSTEM WAIT MERGES words");
  database->Execute("OPTIMIZE TABLE words FINAL");
  ExpectGraph(*database, "cosineDistance");
  EXPECT_GE(Recall(*database, words, "cosineDistance"), 0.97);
}

TEST(RecallTest, OneBitPerDimensionInThreeParts) {
  const Words words = ProjectedWords(6000);
  const auto database =
      Load(words, "vector_similarity('hnsw', 'cosineDistance', 768, 'b1', 0, 0)", 3);
  ExpectGraph(*database, "cosineDistance");
  EXPECT_GE(Recall(*database, words, "cosineDistance"), 0.97);
}

struct Declared {
  const char* metric;
  const char* code;
  double recall;
};

class DeclaredRecallTest : public testing::TestWithParam<Declared> {};

TEST_P(DeclaredRecallTest, IsAboveItsFloorInTwoParts) {
  const Declared& declared = GetParam();
  const Words words = ReadWords(8000);
  const std::string index = std::string("vector_similarity('hnsw', '") + declared.metric +
                            "', 100, '" + declared.code + "', 16, 64)";
  const auto database = Load(words, index, 2);
  ExpectGraph(*database, declared.metric);
  EXPECT_GE(Recall(*database, words, declared.metric), declared.recall);
}

INSTANTIATE_TEST_SUITE_P(
    MetricsAndCodes, DeclaredRecallTest,
    testing::Values(Declared{"L2Distance", "f32", 0.97}, Declared{"L2Distance", "bf16", 0.97},
                    Declared{"cosineDistance", "f16", 0.97}, Declared{"cosineDistance", "i8", 0.95},
                    Declared{"dotProduct", "f32", 0.95}, Declared{"L2Distance", "i8", 0.95},
                    Declared{"cosineDistance", "f64", 0.97}),
    [](const auto& info) { return std::string(info.param.metric) + "_" + info.param.code; });

}  // namespace
}  // namespace granary
