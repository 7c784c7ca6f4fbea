#include "faulty_database.h"

#include "granary/query/formats/output_format.h"

namespace granary::testing {
namespace {

constexpr const char* kDirectory = "/db";

std::string RowsFrom(const std::string& first) {
  return "SELECT number + " + first +
         ", toString(number), number % 3, [number % 7, 1., number, 0.] "
         "FROM numbers(24)";
}

}  // namespace

FaultyDatabase::FaultyDatabase(size_t threads)
    : threads_(threads), disk_(std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kForgetful)) {
  Open();
  database_->Execute(
      "CREATE TABLE t (id UInt32, s String, p UInt8, v Array(Float32), "
      "INDEX near v TYPE vector_similarity('hnsw', 'L2Distance', 4), INDEX low p TYPE minmax) "
      "ENGINE = MergeTree ORDER BY id "
      "SETTINGS index_granularity = 8, vector_index_min_rows_for_graph = 1");
  database_->Execute("INSERT INTO t " + RowsFrom("0"));
  database_->Execute("INSERT INTO t " + RowsFrom("100"));
  database_->Execute("DELETE FROM t WHERE id = 105");
  database_->Execute(
      "CREATE TABLE u (k UInt32, w Float64) ENGINE = MergeTree PARTITION BY k % 2 ORDER BY k");
  database_->Execute("INSERT INTO u SELECT number, number / 2 FROM numbers(6)");
}

void FaultyDatabase::Open(bool read_only) { database_ = Database::Open(Options(read_only)); }

DatabaseOptions FaultyDatabase::Options(bool read_only) const {
  DatabaseOptions options;
  options.path = kDirectory;
  options.file_system = disk_;
  options.read_only = read_only;
  options.threads = threads_;
  options.background_merges = false;
  options.settings.vector_search_method = VectorSearchMethod::kGraph;
  return options;
}

std::string FaultyDatabase::Contents() {
  std::string text = TextOf(database_->Execute(
      "SELECT name, create_table_query, total_rows FROM system.tables WHERE database = 'default' "
      "ORDER BY name"));
  text += TextOf(database_->Execute(
      "SELECT table, partition_id, rows, dead_rows, missing_indexes FROM system.parts ORDER BY "
      "table, partition_id, rows, dead_rows"));
  Result names = database_->Execute("SHOW TABLES");
  const Block block = names.ReadAll();
  for (size_t row = 0; row < block.rows(); ++row) {
    const std::string name = block.column(0)->ValueAt(row).as_string();
    text += TextOf(database_->Execute("SELECT * FROM " + name + " ORDER BY 1"));
  }
  return text;
}

std::set<std::string> FaultyDatabase::Files() {
  std::set<std::string> files;
  AddFiles(kDirectory, files);
  return files;
}

void FaultyDatabase::AddFiles(const std::string& directory, std::set<std::string>& files) {
  for (const std::string& name : disk_->List(directory)) {
    const std::string path = JoinPath(directory, name);
    files.insert(path);
    if (disk_->IsDirectory(path)) AddFiles(path, files);
  }
}

std::string TextOf(Result result) {
  ByteWriter text;
  const auto format = OutputFormat::Create("TabSeparated", result.columns(), text);
  while (std::optional<Block> block = result.Next()) format->WriteBlock(*block);
  format->Finish();
  return {reinterpret_cast<const char*>(text.bytes().data()), text.size()};
}

}  // namespace granary::testing
