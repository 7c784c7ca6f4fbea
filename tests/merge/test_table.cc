#include "granary/tests/merge/test_table.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "granary/parts/part_reader.h"
#include "granary/tests/merge/column_expression.h"

namespace granary::testing {
namespace {

const DataType& VectorType() {
  static const DataType type = DataType::Array(TypeId::kFloat32);
  return type;
}

// One for all tables, as in a Database; making it costs more than making a tiny table.
const std::shared_ptr<StorageCaches>& SharedCaches() {
  static const auto caches = std::make_shared<StorageCaches>(
      StorageCaches::Limits{.frame_bytes = 1 << 20, .sub_index_bytes = 1 << 20});
  return caches;
}

IndexDeclaration MinmaxIndex() {
  IndexDeclaration index;
  index.name = "key_range";
  index.expression = ColumnRef("key", TypeId::kUInt64);
  index.kind = "minmax";
  index.text = "key TYPE minmax GRANULARITY 1";
  return index;
}

IndexDeclaration VectorIndex(size_t dimensions) {
  IndexDeclaration index;
  index.name = "near";
  index.expression = ColumnRef("vector", VectorType());
  index.kind = "vector_similarity";
  index.arguments = {{Value(std::string("hnsw"))},
                     {Value(std::string("L2Distance"))},
                     {Value(uint64_t{dimensions})}};
  index.granularity = 100000000;
  index.text = "vector TYPE vector_similarity('hnsw', 'L2Distance', " + std::to_string(dimensions) +
               ") GRANULARITY 100000000";
  return index;
}

SchemaPtr MakeSchema(const TestTableOptions& options, const std::string& definition) {
  auto schema = std::make_shared<Schema>();
  schema->table_name = "t";
  schema->columns = {{"key", TypeId::kUInt64, nullptr},
                     {"text", TypeId::kString, nullptr},
                     {"bucket", TypeId::kUInt8, nullptr},
                     {"vector", VectorType(), nullptr}};
  if (options.sorted) schema->sorting_key = {ColumnRef("key", TypeId::kUInt64)};
  schema->primary_key = schema->sorting_key;
  if (options.partitioned) schema->partition_key = {ColumnRef("bucket", TypeId::kUInt8)};
  if (options.minmax_index) schema->indexes.push_back(MinmaxIndex());
  if (options.vector_index) schema->indexes.push_back(VectorIndex(options.dimensions));
  schema->settings = options.settings;
  schema->definition = definition;
  return schema;
}

void AppendRows(const Part& part, const Block& block, size_t dimensions,
                std::vector<TestRow>& rows) {
  const auto& keys = AsNumbers<uint64_t>(*block.Get("key"));
  const auto& texts = AsStrings(*block.Get("text"));
  const auto& buckets = AsNumbers<uint8_t>(*block.Get("bucket"));
  const VectorRows vectors = AsArrays(*block.Get("vector")).Vectors(dimensions);
  for (size_t row = 0; row < block.rows(); ++row) {
    rows.push_back({keys.data()[row], std::string(texts.At(row)), buckets.data()[row]});
    const std::vector<float> expected = VectorOf(rows.back().key, dimensions);
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), vectors.FloatRow(row)))
        << "vector of key " << rows.back().key << " in " << part.name_text();
  }
}

}  // namespace

TableSettings TinySettings() {
  TableSettings settings;
  settings.index_granularity = 3;
  settings.min_bytes_for_wide_part = 600;
  settings.vector_index_min_rows_for_graph = 0;
  settings.merge_max_block_size = 4;
  return settings;
}

std::vector<float> VectorOf(uint64_t key, size_t dimensions) {
  std::mt19937 random(static_cast<uint32_t>(key * 2654435761u + 1));
  std::vector<float> vector(dimensions);
  for (float& value : vector) value = static_cast<float>(random() % 2001) / 1000.0f - 1.0f;
  return vector;
}

TestTable::TestTable(std::shared_ptr<FileSystem> files, TestTableOptions options)
    : options_(std::move(options)), registry_(SkipIndexRegistry::WithBuiltins()) {
  TableStoreOptions store;
  store.files = std::move(files);
  store.directory = "table";
  store.caches = SharedCaches();
  store.registry = &registry_;
  store.compile_schema = [options = options_](const std::string& definition) {
    return MakeSchema(options, definition);
  };
  if (!store.files->Exists(store.directory)) TableStore::Create(store, "first");
  store_ = TableStore::Open(store, context_.context);
}

void TestTable::Insert(const std::vector<TestRow>& rows) {
  store_->Insert(MakeBlock(rows), {}, context_.context);
}

void TestTable::InsertKeys(uint64_t first_key, uint64_t step, size_t rows, const std::string& tag) {
  std::vector<TestRow> inserted;
  for (size_t i = 0; i < rows; ++i) {
    const uint64_t key = first_key + i * step;
    inserted.push_back(
        {key, "row " + std::to_string(key) + " " + tag, static_cast<uint8_t>(key % 2)});
  }
  Insert(inserted);
}

void TestTable::DeleteKeys(const std::set<uint64_t>& keys) {
  std::vector<PartDelete> deletes;
  do {
    deletes.clear();
    for (const PartPtr& part : Parts()) {
      PartReader reader(part, {"key"}, context_.context);
      const Block block = reader.Read(part->all_granules());
      PartDelete deleted{part, RowBitmap(part->rows())};
      for (size_t row = 0; row < block.rows(); ++row) {
        if (keys.contains(AsNumbers<uint64_t>(*block.column(0)).data()[row])) deleted.rows.Set(row);
      }
      deletes.push_back(std::move(deleted));
    }
  } while (!store_->CommitDeletes(deletes));
}

std::vector<PartPtr> TestTable::Parts() const {
  const PartSetPtr set = store_->parts();
  std::vector<PartPtr> parts;
  for (const VisiblePart& visible : set->parts) parts.push_back(visible.part);
  return parts;
}

std::vector<TestRow> TestTable::Rows() const {
  std::vector<TestRow> rows;
  const PartSetPtr set = store_->parts();
  for (const VisiblePart& visible : set->parts) {
    const PartPtr& part = visible.part;
    const size_t before = rows.size();
    PartReader reader(part, {"key", "text", "bucket", "vector"}, context_.context);
    Block block = reader.Read(part->all_granules());
    if (visible.dead != nullptr) {
      block = block.Filter(visible.dead->LiveMask(0, block.rows()), visible.live_rows());
    }
    AppendRows(*part, block, options_.dimensions, rows);
    EXPECT_EQ(rows.size() - before, visible.live_rows());
    if (options_.sorted) {
      EXPECT_TRUE(std::is_sorted(rows.begin() + static_cast<ptrdiff_t>(before), rows.end(),
                                 [](const auto& a, const auto& b) { return a.key < b.key; }));
    }
  }
  return rows;
}

std::vector<TestRow> TestTable::SortedRows() const {
  std::vector<TestRow> rows = Rows();
  std::sort(rows.begin(), rows.end());
  return rows;
}

Block TestTable::MakeBlock(const std::vector<TestRow>& rows) const {
  const auto keys = ColumnBuilder::Create(TypeId::kUInt64);
  const auto texts = ColumnBuilder::Create(TypeId::kString);
  const auto buckets = ColumnBuilder::Create(TypeId::kUInt8);
  std::vector<float> vectors;
  for (const TestRow& row : rows) {
    keys->Append(row.key);
    texts->Append(row.text);
    buckets->Append(uint64_t{row.bucket});
    const std::vector<float> vector = VectorOf(row.key, options_.dimensions);
    vectors.insert(vectors.end(), vector.begin(), vector.end());
  }
  const ColumnPtr elements =
      std::make_shared<NumberColumn<float>>(TypeId::kFloat32, std::move(vectors));
  return Block({{"key", keys->Finish()},
                {"text", texts->Finish()},
                {"bucket", buckets->Finish()},
                {"vector", ArrayColumn::Uniform(elements, options_.dimensions, rows.size())}});
}

}  // namespace granary::testing
