// Ten processes read a database while another one inserts, deletes, updates, merges, drops and
// defines, and is itself killed and started again; readers are killed, too. Every read is a state
// that was committed, it stays what it is until the reader moves on, and then it never goes back.
// In the end no file is left that nobody needs.
//
// GRANARY_READER_SECONDS says how long (5 unless told), GRANARY_SEED replays the times of the
// kills.
#include <chrono>
#include <csignal>
#include <filesystem>
#include <random>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "granary/query/database.h"
#include "granary/tests/query/database_testing.h"
#include "granary/tests/random_seed.h"

namespace granary::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kReaders = 10;
constexpr uint64_t kRowsOfBatch = 10;
// Batches in table t, or one more.
constexpr uint64_t kBatches = 12;

std::unique_ptr<Database> Open(const std::string& path, bool read_only, RefreshMode refresh) {
  DatabaseOptions options;
  options.path = path;
  options.read_only = read_only;
  options.refresh = refresh;
  options.threads = read_only ? 1 : 2;
  options.settings.vector_search_method = VectorSearchMethod::kGraph;
  return Database::Open(std::move(options));
}

std::vector<uint64_t> Numbers(Database& database, const std::string& sql) {
  std::vector<uint64_t> numbers;
  const Block block = database.Execute(sql).ReadAll();
  for (size_t i = 0; i < block.column_count(); ++i) {
    numbers.push_back(AsNumbers<uint64_t>(*block.column(i)).data()[0]);
  }
  return numbers;
}

// The one process that writes. Table t holds the batches from some number to another, each of ten
// rows, and the generation of all its rows is the same; table u is not there, empty, or has ten
// rows of one batch.
class Writer {
 public:
  explicit Writer(const std::string& path) : database_(Open(path, false, RefreshMode::kManual)) {
    const auto found =
        Numbers(*database_, "SELECT toUInt64(max(batch)), toUInt64(max(generation)) FROM t");
    last_ = found[0];
    generation_ = found[1];
  }

  [[noreturn]] void Run() {
    const std::thread merger([this] { Merge(); });
    Trim();
    for (;;) Step();
  }

 private:
  void Execute(const std::string& sql) { database_->Execute(sql); }

  void Trim() {
    const std::string old = std::to_string(last_ < kBatches ? 0 : last_ - kBatches + 1);
    Execute(
        (last_ % 2 == 0 ? "DELETE FROM t WHERE batch < " : "ALTER TABLE t DELETE WHERE batch < ") +
        old);
  }

  void Step() {
    ++last_;
    const std::string last = std::to_string(last_);
    Execute("INSERT INTO t SELECT " + last + ", number, " + std::to_string(generation_) +
            ", [toFloat32(number), toFloat32(" + last + " % 100)] FROM numbers(" +
            std::to_string(kRowsOfBatch) + ")");
    Trim();
    if (last_ % 4 == 0) {
      ++generation_;
      Execute("ALTER TABLE t UPDATE generation = " + std::to_string(generation_) + " WHERE 1");
    }
    if (last_ % 3 == 0) Define(last);
  }

  void Define(const std::string& batch) {
    Execute("DROP TABLE IF EXISTS u");
    Execute("CREATE TABLE u (batch UInt64, k UInt64) ENGINE = MergeTree ORDER BY k");
    Execute("INSERT INTO u SELECT " + batch + ", number FROM numbers(10)");
  }

  void Merge() {
    for (;;) {
      Execute("OPTIMIZE TABLE t FINAL");
      std::this_thread::sleep_for(milliseconds(3));
    }
  }

  const std::unique_ptr<Database> database_;
  uint64_t last_ = 0;
  uint64_t generation_ = 0;
};

// A state of table t.
struct Seen {
  uint64_t rows = 0, first = 0, last = 0, generation = 0, batches = 0, generations = 0, keys = 0;
  bool operator==(const Seen&) const = default;
};

// One of the processes that read; an exception ends it, and is what it has to say.
class Reader {
 public:
  Reader(const std::string& path, int pipe, bool is_automatic)
      : pipe_(pipe),
        is_automatic_(is_automatic),
        database_(Open(path, true, is_automatic ? RefreshMode::kAuto : RefreshMode::kManual)) {}

  void Run(steady_clock::time_point end) {
    while (steady_clock::now() < end) {
      ReadOnce();
      const char done = '.';
      if (::write(pipe_, &done, 1) != 1) return;
    }
  }

 private:
  void ReadOnce() {
    if (!is_automatic_) database_->Refresh();
    const Seen seen = Look();
    Check(
        seen.first >= last_.first && seen.last >= last_.last && seen.generation >= last_.generation,
        "went back");
    last_ = seen;
    LookAtOther();
    if (is_automatic_) return;
    const uint64_t half_read = CountWhileRefreshing();
    Check(half_read == seen.rows, "a result changed while it was read");
  }

  Seen Look() {
    // So that files are read.
    database_->Execute("SYSTEM DROP UNCOMPRESSED CACHE");
    const auto n = Numbers(
        *database_,
        "SELECT count(), toUInt64(min(batch)), toUInt64(max(batch)), toUInt64(max(generation)), "
        "toUInt64(uniqExact(batch)), toUInt64(uniqExact(generation)), toUInt64(sum(k)) FROM t");
    const Seen seen{n[0], n[1], n[2], n[3], n[4], n[5], n[6]};
    Check(seen.batches == seen.last - seen.first + 1, "a batch is missing");
    Check(seen.rows == seen.batches * kRowsOfBatch, "a batch is there in part");
    Check(seen.keys == seen.batches * (kRowsOfBatch * (kRowsOfBatch - 1) / 2), "other rows");
    Check(seen.generations == 1, "an UPDATE is seen in part");
    Check(seen.batches >= kBatches - 1 && seen.batches <= kBatches + 1, "too many or few batches");
    const auto near = Numbers(*database_,
                              "SELECT count(), toUInt64(uniqExact(generation)) FROM (SELECT "
                              "generation, v FROM t ORDER BY L2Distance(v, [3., 50.]) LIMIT 20)");
    Check(near[0] == 20 && near[1] == 1, "a search is short or sees two states");
    if (!is_automatic_) {
      std::this_thread::sleep_for(milliseconds(5));
      Check(Numbers(*database_, "SELECT count(), toUInt64(sum(batch)) FROM t") ==
                std::vector<uint64_t>{seen.rows,
                                      kRowsOfBatch * (seen.first + seen.last) * seen.batches / 2},
            "the state changed by itself");
    }
    return seen;
  }

  uint64_t CountWhileRefreshing() {
    Result result = database_->Execute("SELECT batch, v FROM t SETTINGS max_block_size = 16");
    uint64_t rows = 0;
    while (const auto block = result.Next()) {
      rows += block->rows();
      if (rows < 30) std::this_thread::sleep_for(milliseconds(5));
      database_->Refresh();
    }
    return rows;
  }

  void LookAtOther() {
    try {
      const auto n = Numbers(*database_,
                             "SELECT count(), toUInt64(uniqExact(batch)), toUInt64(sum(k)) FROM u");
      Check((n[0] == 0 && n[1] == 0) || (n[0] == 10 && n[1] == 1 && n[2] == 45), "u in part");
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kUnknownTable) throw;
    }
  }

  static void Check(bool holds, const char* problem) {
    if (!holds) throw std::runtime_error(problem);
  }

  const int pipe_;
  const bool is_automatic_;
  const std::unique_ptr<Database> database_;
  Seen last_;
};

class ReadersTest : public ::testing::Test {
 protected:
  ReadersTest() {
    char name[] = "/tmp/granary_readers_XXXXXX";
    directory_ = ::mkdtemp(name);
    path_ = directory_ + "/db";
    const auto database = Open(path_, false, RefreshMode::kManual);
    database->Execute(
        "CREATE TABLE t (batch UInt64, k UInt64, generation UInt64, v Array(Float32), INDEX near v "
        "TYPE vector_similarity('hnsw', 'L2Distance', 2)) ENGINE = MergeTree ORDER BY (batch, k) "
        "SETTINGS index_granularity = 16, vector_index_min_rows_for_graph = 0, "
        "min_bytes_for_wide_part = 3000");
    database->Execute(
        "INSERT INTO t SELECT intDiv(number, 10) + 1, number % 10, 1, "
        "[toFloat32(number % 10), toFloat32(intDiv(number, 10) + 1)] FROM numbers(" +
        std::to_string(kBatches * kRowsOfBatch) + ")");
  }
  ~ReadersTest() override { std::filesystem::remove_all(directory_); }

  pid_t StartWriter() {
    const pid_t child = ::fork();
    if (child != 0) return child;
    try {
      Writer(path_).Run();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "The writer: %s\n", error.what());
    }
    ::_exit(1);
  }

  pid_t StartReader(int number, steady_clock::time_point end) {
    const pid_t child = ::fork();
    if (child != 0) return child;
    try {
      Reader(path_, pipe_[1], number % 2 == 1).Run(end);
      ::_exit(0);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "Reader %d: %s\n", number, error.what());
    }
    ::_exit(1);
  }

  static void Kill(pid_t process) {
    ::kill(process, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(process, &status, 0), process);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        << "it ended by itself: " << status;
  }

  // Readers write a byte for each read.
  void CountReads() {
    char buffer[4096];
    for (ssize_t got; (got = ::read(pipe_[0], buffer, sizeof(buffer))) > 0;) {
      reads_ += static_cast<uint64_t>(got);
    }
  }

  std::string directory_;
  std::string path_;
  int pipe_[2];
  uint64_t reads_ = 0;
};

TEST_F(ReadersTest, TenProcessesReadBesideAWriter) {
  const uint64_t seconds = NumberFromEnvironment("GRANARY_READER_SECONDS", 5);
  const uint64_t seed = SeedOfThisRun();
  std::printf("GRANARY_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  ASSERT_EQ(::pipe(pipe_), 0);
  ASSERT_EQ(::fcntl(pipe_[0], F_SETFL, O_NONBLOCK), 0);
  const auto end = steady_clock::now() + std::chrono::seconds(seconds);
  pid_t writer = StartWriter();
  std::vector<pid_t> readers;
  for (int i = 0; i < kReaders; ++i) readers.push_back(StartReader(i, end));
  uint64_t kills = 0;
  // Whoever is to be killed works for long enough that something happens.
  while (steady_clock::now() + milliseconds(500) < end && !HasFatalFailure()) {
    std::this_thread::sleep_for(milliseconds(100 + random() % 400));
    const int victim = static_cast<int>(random() % (kReaders + 3));
    ++kills;
    if (victim >= kReaders) {
      Kill(writer);
      std::this_thread::sleep_for(milliseconds(random() % 2 * 20));
      writer = StartWriter();
    } else {
      Kill(readers[victim]);
      readers[victim] = StartReader(victim, end);
    }
    CountReads();
  }
  for (const pid_t reader : readers) {
    int status = 0;
    ::waitpid(reader, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  }
  Kill(writer);
  CountReads();
  std::printf("%llu reads, %llu kills\n", static_cast<unsigned long long>(reads_),
              static_cast<unsigned long long>(kills));
  EXPECT_GT(reads_, 2u * kReaders);

  const auto database = Open(path_, false, RefreshMode::kManual);
  EXPECT_FALSE(std::filesystem::exists(path_ + "/readers"));
  const auto parts = Numbers(*database, "SELECT count() FROM system.parts")[0];
  uint64_t directories = 0;
  for (const auto& table : std::filesystem::directory_iterator(path_ + "/tables")) {
    for (const auto& entry : std::filesystem::directory_iterator(table)) {
      directories += entry.is_directory() && entry.path().filename() != "detached" ? 1 : 0;
    }
  }
  EXPECT_GE(directories, parts);
  EXPECT_LE(directories, parts + 4) << "files of parts that are gone";
}

}  // namespace
}  // namespace granary::testing
