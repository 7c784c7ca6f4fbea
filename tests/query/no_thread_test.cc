// What happens where the system starts no thread: stacks larger than there are addresses.
#include <chrono>
#include <thread>

#include <gtest/gtest.h>
#include <pthread.h>

#include "granary/tests/query/database_testing.h"

namespace granary {
namespace {

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

// No thread can be started while one lives.
class NoMoreThreads {
 public:
  NoMoreThreads() {
    ::pthread_getattr_default_np(&before_);
    pthread_attr_t attributes;
    ::pthread_attr_init(&attributes);
    ::pthread_attr_setstacksize(&attributes, size_t{1} << 50);
    EXPECT_EQ(::pthread_setattr_default_np(&attributes), 0);
    ::pthread_attr_destroy(&attributes);
    EXPECT_THROW(std::thread([] {}).join(), std::system_error);
  }
  ~NoMoreThreads() { ::pthread_setattr_default_np(&before_); }

 private:
  pthread_attr_t before_;
};

std::optional<ErrorCode> FailureOfOpening(DatabaseOptions options) {
  try {
    Database::Open(std::move(options));
    return std::nullopt;
  } catch (const Error& error) {
    return error.code();
  }
}

TEST(NoThreadTest, OpeningFails) {
  DatabaseOptions pool;
  pool.threads = 4;
  pool.background_merges = false;
  DatabaseOptions merges;
  merges.threads = 1;
  {
    const NoMoreThreads none;
    EXPECT_EQ(FailureOfOpening(pool), ErrorCode::kCannotScheduleTask);
    EXPECT_EQ(FailureOfOpening(merges), ErrorCode::kCannotScheduleTask);
  }
  EXPECT_EQ(FailureOfOpening(pool), std::nullopt);
}

DatabaseOptions OneThread() {
  DatabaseOptions options;
  options.threads = 1;
  options.background_merges = false;
  return options;
}

TEST(NoThreadTest, StatementsThatReportProgressFail) {
  const auto database = Database::Open(OneThread());
  ExecuteOptions options;
  options.on_progress = [](const StatementProgress&) {};
  {
    const NoMoreThreads none;
    try {
      database->Execute("SELECT 1", options);
      ADD_FAILURE() << "there was a thread";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCannotScheduleTask);
    }
    EXPECT_EQ(Query(*database, "SELECT 1"), "1\n");
  }
  EXPECT_EQ(TextOf(database->Execute("SELECT 1", options)), "1\n");
}

#endif

}  // namespace
}  // namespace granary
