#include "granary/tests/fuzz/small_database.h"

#include "granary/query/formats/output_format.h"

namespace granary::fuzz {
namespace {

constexpr size_t kMemoryLimit = size_t{64} << 20;
constexpr double kSecondsMax = 2;
constexpr size_t kRowsMax = 5000;

constexpr const char* kSmallTables[] = {
    "CREATE TABLE t (id UInt32, c UInt8, i Int64, f Float64, g BFloat16, b Bool, s String, d Date, "
    "ts DateTime, a Array(Int32), sa Array(String), v Array(Float32), "
    "INDEX near v TYPE vector_similarity('hnsw', 'L2Distance', 2), INDEX mm i TYPE minmax, "
    "INDEX st s TYPE set(4), INDEX bf s TYPE bloom_filter) ENGINE = MergeTree PARTITION BY c "
    "ORDER BY (id, s) SETTINGS index_granularity = 3, min_bytes_for_wide_part = 4000, "
    "vector_index_min_rows_for_graph = 0",
    "CREATE TABLE u (id UInt32, w Array(Float64), x Array(BFloat16), INDEX near w TYPE "
    "vector_similarity('hnsw', 'cosineDistance', allow_empty = 1)) ENGINE = MergeTree ORDER BY id "
    "SETTINGS index_granularity = 2",
    "CREATE TABLE e (id UInt32, v Array(Float32), n String DEFAULT 'none', CONSTRAINT c CHECK id < "
    "1000) ENGINE = MergeTree ORDER BY tuple()",
    "INSERT INTO t SELECT number, number % 2, number - 10, number / 3, number, number % 3 = 0, "
    "concat('n', toString(number % 7)), toDate('2024-01-01') + number, toDateTime('2024-01-01 "
    "12:00:00') + number, range(number % 4), arrayMap(x -> toString(x), range(number % 3)), "
    "[number, 1] FROM numbers(20)",
    "INSERT INTO t SELECT number + 100, 0, 9223372036854775807 - number, 0 / 0, 1 / 0, true, "
    "repeat('x', number), '1970-01-01', '2106-02-07 06:28:15', [-2147483648], ['', 'a'], "
    "[toFloat32(number), -2] FROM numbers(5)",
    "INSERT INTO u VALUES (1, [1, 2, 3], [1]), (2, [], []), (3, [-1, 0, 1e10], [nan]), "
    "(4, [0, 0, 1], [3, 4])",
    "DELETE FROM t WHERE id % 5 = 1",
};

constexpr const char* kWithHistory[] = {
    "CREATE TABLE t (id UInt32, i Int64, b Bool, s String, d Date, a Array(Int32), sa "
    "Array(String), v Array(Float32), w Array(BFloat16), INDEX near v TYPE "
    "vector_similarity('hnsw', 'L2Distance', 2, 'i8', 4, 8) GRANULARITY 2, INDEX mm i TYPE minmax, "
    "INDEX st s TYPE set(4), INDEX bf s TYPE bloom_filter) ENGINE = MergeTree PARTITION BY b "
    "ORDER BY (id, s) SETTINGS index_granularity = 3, vector_index_min_rows_for_graph = 0",
    "INSERT INTO t SELECT number, number - 10, true, concat('n', toString(number % 5)), "
    "toDate('2024-01-01') + number, range(number % 4), arrayMap(x -> toString(x), range(number % "
    "3)), [number, 1], if(number % 2 = 0, [number], []) FROM numbers(10)",
    "INSERT INTO t (id, b, v) VALUES (50, false, [1, 2])",
    "INSERT INTO t (id, b, v) VALUES (51, false, [2, 2])",
    "DELETE FROM t WHERE id IN (1, 2, 5)",
    "OPTIMIZE TABLE t PARTITION false",
    "DELETE FROM t WHERE id = 50",
    "ALTER TABLE t ADD CONSTRAINT c CHECK id < 1000",
    "CREATE TABLE a (x UInt8) ENGINE = MergeTree ORDER BY x",
    "CREATE TABLE b (x UInt8) ENGINE = MergeTree ORDER BY x",
    "RENAME TABLE a TO c",
    "DROP TABLE b",
};

// The same time for everything that asks for it: inputs are to be replayed.
class StandingClock final : public Clock {
 public:
  std::chrono::system_clock::time_point Now() const override {
    return std::chrono::system_clock::time_point(std::chrono::seconds(1714521600));
  }
  std::chrono::steady_clock::time_point Monotonic() const override {
    return std::chrono::steady_clock::now();
  }
};

std::shared_ptr<SimulatedDisk> Filled(std::span<const char* const> statements) {
  auto disk = std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kPlain);
  const auto database = OpenSmall(disk);
  for (const char* sql : statements) Run(*database, sql);
  return disk;
}

std::shared_ptr<SimulatedDisk> Copy(const SimulatedDisk& disk) {
  return disk.AfterPowerCut(SimulatedDisk::Survivors::kAll);
}

}  // namespace

std::shared_ptr<SimulatedDisk> SmallDisk() {
  static const std::shared_ptr<SimulatedDisk> disk = Filled(kSmallTables);
  return Copy(*disk);
}

std::shared_ptr<SimulatedDisk> DiskWithHistory() {
  static const std::shared_ptr<SimulatedDisk> disk = Filled(kWithHistory);
  return Copy(*disk);
}

std::unique_ptr<Database> OpenSmall(std::shared_ptr<SimulatedDisk> disk, Opening opening) {
  static const StandingClock clock;
  DatabaseOptions options;
  options.path = kDatabasePath;
  options.read_only = opening == Opening::kReader;
  options.restore = opening == Opening::kRestore;
  options.threads = 1;
  options.memory_limit_bytes = kMemoryLimit;
  options.background_merges = false;
  options.settings.max_execution_time = kSecondsMax;
  options.settings.vector_search_method = VectorSearchMethod::kGraph;
  options.file_system = std::move(disk);
  options.clock = &clock;
  return Database::Open(std::move(options));
}

std::string TextOf(Result result) {
  ByteWriter text;
  const auto format = OutputFormat::Create(result.format().value_or("TabSeparated"),
                                           result.columns(), text, result.settings());
  for (size_t rows = 0; rows < kRowsMax;) {
    const std::optional<Block> block = result.Next();
    if (!block) break;
    format->WriteBlock(*block);
    rows += block->rows();
  }
  format->Finish();
  return {reinterpret_cast<const char*>(text.bytes().data()), text.size()};
}

bool IsOfTime(const Error& error) {
  return error.code() == ErrorCode::kTimeoutExceeded ||
         error.code() == ErrorCode::kMemoryLimitExceeded;
}

std::vector<std::byte> FileOf(SimulatedDisk& disk, const std::string& path) {
  return ReadWholeFile(disk, path);
}

void ReplaceFile(SimulatedDisk& disk, const std::string& path,
                 std::span<const std::byte> contents) {
  if (disk.Exists(path)) disk.Remove(path);
  const auto file = disk.Create(path);
  file->Append(contents);
  file->Close();
}

}  // namespace granary::fuzz
