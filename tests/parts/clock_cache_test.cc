// What a bounded cache keeps, also where a single entry is more than it may hold.
#include "granary/parts/clock_cache.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace granary {
namespace {

class ClockCacheTest : public ::testing::Test {
 protected:
  // The value of the key, 10 times its place, with this weight.
  uint64_t Find(ClockCache<uint64_t>& cache, uint64_t place, size_t weight) {
    return *cache.FindOrLoad({1, place}, [&] {
      ++loads_;
      std::this_thread::sleep_for(load_time_);
      return std::pair(std::make_shared<const uint64_t>(10 * place), weight);
    });
  }

  std::atomic<size_t> loads_ = 0;
  std::chrono::microseconds load_time_{0};
};

TEST_F(ClockCacheTest, KeepsWhatHasRoom) {
  ClockCache<uint64_t> cache(100);
  for (int round = 0; round < 3; ++round) {
    for (uint64_t place = 0; place < 10; ++place) EXPECT_EQ(Find(cache, place, 10), 10 * place);
  }
  EXPECT_EQ(loads_, 10u);
  EXPECT_EQ(cache.weight(), 100u);
  for (uint64_t place = 10; place < 50; ++place) EXPECT_EQ(Find(cache, place, 10), 10 * place);
  EXPECT_EQ(loads_, 50u);
  EXPECT_EQ(cache.weight(), 100u);
}

TEST_F(ClockCacheTest, AnEntryLargerThanTheCacheIsGivenAndNotKept) {
  for (const size_t limit : {0, 9}) {
    MemoryTracker memory(1000);
    ClockCache<uint64_t> cache(limit, &memory);
    Find(cache, 1, limit / 2);
    loads_ = 0;
    for (size_t i = 1; i <= 3; ++i) {
      EXPECT_EQ(Find(cache, 7, 10), 70u);
      EXPECT_EQ(loads_, i);
      EXPECT_EQ(cache.weight(), limit / 2) << "others stay";
      EXPECT_EQ(memory.used(), limit / 2);
    }
  }
}

TEST_F(ClockCacheTest, AnEntryThatHasNoRoomInMemoryIsGivenAndNotKept) {
  MemoryTracker memory(25);
  ClockCache<uint64_t> cache(100, &memory);
  EXPECT_EQ(Find(cache, 1, 20), 10u);
  EXPECT_EQ(memory.used(), 20u);
  EXPECT_EQ(Find(cache, 2, 30), 20u);
  EXPECT_EQ(Find(cache, 2, 30), 20u);
  EXPECT_EQ(loads_, 3u);
  EXPECT_LE(memory.used(), 25u);
  cache.Clear();
  EXPECT_EQ(memory.used(), 0u);
}

TEST_F(ClockCacheTest, AnEntryThatOutgrowsTheCacheIsDropped) {
  ClockCache<uint64_t> cache(100);
  Find(cache, 1, 10);
  Find(cache, 2, 10);
  cache.Reweigh({1, 2}, 101);
  EXPECT_EQ(cache.weight(), 10u);
  Find(cache, 1, 10);
  EXPECT_EQ(loads_, 2u);
  EXPECT_EQ(Find(cache, 2, 10), 20u);
  EXPECT_EQ(loads_, 3u);
}

TEST_F(ClockCacheTest, WhatCannotBeLoadedIsTriedAgain) {
  ClockCache<uint64_t> cache(100);
  const auto fail = []() -> std::pair<std::shared_ptr<const uint64_t>, size_t> {
    throw std::runtime_error("no");
  };
  EXPECT_THROW(cache.FindOrLoad({1, 3}, fail), std::runtime_error);
  EXPECT_EQ(Find(cache, 3, 10), 30u);
  EXPECT_EQ(cache.weight(), 10u);
}

TEST_F(ClockCacheTest, ThreadsThatAskTogetherLoadOnce) {
  ClockCache<uint64_t> cache(1000);
  load_time_ = std::chrono::microseconds(100);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (uint64_t place = 0; place < 100; ++place) EXPECT_EQ(Find(cache, place, 10), 10 * place);
    });
  }
  threads.clear();
  EXPECT_EQ(loads_, 100u);
}

}  // namespace
}  // namespace granary
