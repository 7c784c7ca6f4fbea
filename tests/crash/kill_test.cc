// Kills a real process with SIGKILL while its threads insert, delete, merge, define and read, opens
// what it left, and compares with what was acknowledged: every acknowledged statement is there
// once, none in part, and of each thread at most the one that was running besides.
//
// GRANARY_KILLS says how often (50 unless told), GRANARY_SEED replays the times of the kills (not
// what the threads do meanwhile).
#include <csignal>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "granary/query/database.h"
#include "granary/tests/query/database_testing.h"
#include "granary/tests/random_seed.h"

namespace granary::testing {
namespace {

constexpr int kWriters = 2;
constexpr uint64_t kRowsOfStatement = 10;

// What a thread of the child tells the parent once a statement has returned.
struct Acknowledgement {
  enum class Kind : uint8_t { kInsert, kDelete, kCreate, kDrop, kWrong };
  Kind kind = Kind::kInsert;
  uint8_t writer = 0;
  uint64_t number = 0;
};

std::unique_ptr<Database> Open(const std::string& path, std::vector<std::string>* warnings) {
  DatabaseOptions options;
  options.path = path;
  options.threads = 2;
  options.settings.vector_search_method = VectorSearchMethod::kGraph;
  options.on_warning = [warnings](const std::string& warning) {
    if (warnings != nullptr) warnings->push_back(warning);
  };
  return Database::Open(std::move(options));
}

// The process that will be killed. Statement `number` of a writer inserts ten rows; each third of
// them is deleted again.
class Victim {
 public:
  Victim(const std::string& path, int pipe, const std::vector<uint64_t>& next, uint64_t next_table)
      : pipe_(pipe), database_(Open(path, nullptr)), next_(next), next_table_(next_table) {}

  [[noreturn]] void Run() {
    std::vector<std::thread> threads;
    for (int writer = 0; writer < kWriters; ++writer) {
      threads.emplace_back([this, writer] { Write(static_cast<uint8_t>(writer)); });
    }
    threads.emplace_back([this] { Define(); });
    threads.emplace_back([this] { Merge(); });
    threads.emplace_back([this] { Read(); });
    for (std::thread& thread : threads) thread.join();
    std::abort();
  }

 private:
  void Tell(Acknowledgement::Kind kind, uint8_t writer, uint64_t number) const {
    const Acknowledgement message{kind, writer, number};
    if (::write(pipe_, &message, sizeof(message)) != sizeof(message)) std::abort();
  }

  void Write(uint8_t writer) {
    for (uint64_t number = next_[writer];; ++number) {
      const std::string w = std::to_string(writer), n = std::to_string(number);
      database_->Execute("INSERT INTO t SELECT " + w + ", " + n +
                         ", number, [toFloat32(number), toFloat32(" + n + " % 100)] FROM numbers(" +
                         std::to_string(kRowsOfStatement) + ")");
      Tell(Acknowledgement::Kind::kInsert, writer, number);
      if (number % 3 != 0) continue;
      database_->Execute("DELETE FROM t WHERE writer = " + w + " AND number = " + n);
      Tell(Acknowledgement::Kind::kDelete, writer, number);
    }
  }

  void Define() {
    for (uint64_t number = next_table_;; ++number) {
      const std::string name = "d" + std::to_string(number);
      database_->Execute("CREATE TABLE x" + name + " (a UInt64) ENGINE = MergeTree ORDER BY a");
      database_->Execute("RENAME TABLE x" + name + " TO " + name);
      Tell(Acknowledgement::Kind::kCreate, 0, number);
      database_->Execute("INSERT INTO " + name + " VALUES (1)");
      database_->Execute("DROP TABLE " + name);
      Tell(Acknowledgement::Kind::kDrop, 0, number);
    }
  }

  void Merge() {
    for (;;) {
      database_->Execute("OPTIMIZE TABLE t FINAL");
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }

  // Statements are seen whole.
  void Read() {
    for (;;) {
      const std::string partial =
          Query(*database_,
                "SELECT writer, number, count() AS c FROM t GROUP BY writer, number HAVING "
                "c != " +
                    std::to_string(kRowsOfStatement));
      const std::string nearest =
          Query(*database_,
                "SELECT count() FROM (SELECT k FROM t ORDER BY L2Distance(v, [1., 1.]) "
                "LIMIT 5)");
      if (!partial.empty()) Tell(Acknowledgement::Kind::kWrong, 0, 0);
    }
  }

  const int pipe_;
  const std::unique_ptr<Database> database_;
  const std::vector<uint64_t> next_;
  const uint64_t next_table_;
};

class KillTest : public ::testing::Test {
 protected:
  KillTest() {
    char name[] = "/tmp/granary_kill_XXXXXX";
    path_ = ::mkdtemp(name);
    Open(path_ + "/db", nullptr)
        ->Execute(
            "CREATE TABLE t (writer UInt8, number UInt64, k UInt64, v Array(Float32), INDEX near v "
            "TYPE vector_similarity('hnsw', 'L2Distance', 2)) ENGINE = MergeTree ORDER BY (writer, "
            "number) SETTINGS index_granularity = 64, vector_index_min_rows_for_graph = 0");
  }
  ~KillTest() override { std::filesystem::remove_all(path_); }

  // Runs a victim for so long and reads what it told.
  void RunVictim(std::chrono::microseconds lifetime) {
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(pipe[0]);
      try {
        Victim(path_ + "/db", pipe[1], next_, next_table_).Run();
      } catch (...) {
        std::abort();
      }
    }
    ::close(pipe[1]);
    std::this_thread::sleep_for(lifetime);
    ::kill(child, SIGKILL);
    Acknowledgement message;
    while (::read(pipe[0], &message, sizeof(message)) == sizeof(message)) Note(message);
    ::close(pipe[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        << "the process ended by itself: " << status;
  }

  void Note(const Acknowledgement& message) {
    using Kind = Acknowledgement::Kind;
    ++acknowledged_;
    switch (message.kind) {
      case Kind::kInsert:
        next_[message.writer] = message.number + 1;
        break;
      case Kind::kDelete:
        deleted_[message.writer] = message.number;
        break;
      case Kind::kCreate:
        table_is_there_ = true;
        next_table_ = message.number;
        break;
      case Kind::kDrop:
        table_is_there_ = false;
        next_table_ = message.number + 1;
        break;
      case Kind::kWrong:
        ADD_FAILURE() << "a reader saw a statement in part";
    }
  }

  // Numbers of a writer's statements that are there, each whole.
  std::set<uint64_t> Found(Database& database, int writer) {
    std::set<uint64_t> numbers;
    Result result =
        database.Execute("SELECT number, count() AS c, uniqExact(k) AS u FROM t WHERE writer = " +
                         std::to_string(writer) + " GROUP BY number");
    while (const auto block = result.Next()) {
      for (size_t row = 0; row < block->rows(); ++row) {
        const uint64_t number = AsNumbers<uint64_t>(*block->Get("number")).data()[row];
        EXPECT_EQ(AsNumbers<uint64_t>(*block->Get("c")).data()[row], kRowsOfStatement) << number;
        EXPECT_EQ(AsNumbers<uint64_t>(*block->Get("u")).data()[row], kRowsOfStatement) << number;
        numbers.insert(number);
      }
    }
    return numbers;
  }

  void LookAtWriter(Database& database, uint8_t writer) {
    uint64_t& next = next_[writer];
    std::set<uint64_t> expected;
    for (uint64_t number = 0; number < next; ++number) {
      if (number % 3 != 0) expected.insert(number);
    }
    std::set<uint64_t> found = Found(database, writer);
    // The INSERT or the DELETE that was running may have happened without a word.
    const bool has_grown = found.erase(next) != 0;
    const uint64_t last_third = next == 0 ? 0 : (next - 1) / 3 * 3;
    const bool is_deleted = deleted_.contains(writer) && deleted_[writer] >= last_third;
    if (!is_deleted) found.erase(last_third);
    ASSERT_EQ(found, expected) << "writer " << int{writer};
    if (has_grown) ++next;
  }

  // Deletes every third that the killed process may have left.
  void Settle(Database& database) {
    for (uint8_t writer = 0; writer < kWriters; ++writer) {
      database.Execute("DELETE FROM t WHERE number % 3 = 0 AND writer = " +
                       std::to_string(int{writer}));
      if (next_[writer] > 0) deleted_[writer] = (next_[writer] - 1) / 3 * 3;
    }
  }

  void LookAtTables(Database& database) {
    const std::string tables = Query(database, "SHOW TABLES");
    const std::string name = "d" + std::to_string(next_table_);
    const std::set<std::string> allowed =
        table_is_there_ ? std::set<std::string>{"t\n", name + "\nt\n"}
                        : std::set<std::string>{"t\n", name + "\nt\n", "t\nx" + name + "\n"};
    ASSERT_TRUE(allowed.contains(tables)) << tables;
    for (const std::string& rest : {name, "x" + name}) {
      database.Execute("DROP TABLE IF EXISTS " + rest);
    }
    if (table_is_there_ || tables != "t\n") ++next_table_;
    table_is_there_ = false;
  }

  void LookAtParts(Database& database) {
    ASSERT_EQ(Query(database, "CHECK TABLE t").find("\t0\t"), std::string::npos);
    const auto rows = Query(database, "SELECT count() FROM t");
    const auto searched =
        Query(database,
              "SELECT count() FROM (SELECT k FROM t ORDER BY L2Distance(v, [1., 1.]) "
              "LIMIT 1000000)");
    ASSERT_EQ(rows, searched) << "a search is short";
  }

  std::string path_;
  std::vector<uint64_t> next_ = std::vector<uint64_t>(kWriters);  // statements acknowledged
  std::map<uint8_t, uint64_t> deleted_;                           // the last one deleted again
  uint64_t next_table_ = 0;
  bool table_is_there_ = false;
  uint64_t acknowledged_ = 0;
};

TEST_F(KillTest, NothingAcknowledgedIsLostAndNothingElseIsThere) {
  const uint64_t kills = NumberFromEnvironment("GRANARY_KILLS", 50);
  const uint64_t seed = SeedOfThisRun();
  std::printf("GRANARY_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  uint64_t put_aside = 0;
  for (uint64_t kill = 0; kill < kills; ++kill) {
    SCOPED_TRACE(::testing::Message() << "kill " << kill);
    RunVictim(std::chrono::microseconds(5000 + random() % 150000));
    if (HasFailure()) return;
    std::vector<std::string> warnings;
    const auto database = Open(path_ + "/db", &warnings);
    put_aside += warnings.size();
    for (uint8_t writer = 0; writer < kWriters; ++writer) LookAtWriter(*database, writer);
    LookAtTables(*database);
    LookAtParts(*database);
    if (HasFailure()) return;
    Settle(*database);
  }
  std::printf("%llu kills, %llu acknowledged statements, %llu warnings\n",
              static_cast<unsigned long long>(kills),
              static_cast<unsigned long long>(acknowledged_),
              static_cast<unsigned long long>(put_aside));
  EXPECT_GT(acknowledged_, kills);
}

}  // namespace
}  // namespace granary::testing
