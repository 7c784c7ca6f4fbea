// What the tests of skip indexes share: declarations without SQL, vectors from a seed, contexts.
#pragma once

#include <algorithm>
#include <atomic>
#include <concepts>
#include <memory>
#include <mutex>
#include <new>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "granary/skipindex/accept_set.h"
#include "granary/skipindex/registry.h"
#include "granary/skipindex/skip_index.h"
#include "granary/table/expression.h"
#include "granary/table/task_context.h"

namespace granary {

// The column `name` of a block.
class ColumnExpression final : public Expression {
 public:
  ColumnExpression(std::string name, DataType type)
      : name_(std::move(name)), type_(std::move(type)), columns_{name_} {}
  ColumnPtr Evaluate(const Block& block) const override { return block.Get(name_); }
  const DataType& type() const override { return type_; }
  const std::string& text() const override { return name_; }
  const std::vector<std::string>& required_columns() const override { return columns_; }

 private:
  std::string name_;
  DataType type_;
  std::vector<std::string> columns_;
};

inline IndexDeclaration Declared(std::string kind, DataType type,
                                 std::vector<IndexArgument> arguments = {}) {
  IndexDeclaration declaration;
  declaration.name = "idx";
  declaration.expression = std::make_shared<ColumnExpression>("v", std::move(type));
  declaration.kind = std::move(kind);
  declaration.arguments = std::move(arguments);
  return declaration;
}

inline IndexArgument Argument(const char* text) { return {Value(std::string(text)), false}; }
template <std::integral T>
IndexArgument Argument(T number) {
  return {Value(static_cast<uint64_t>(number)), false};
}

inline IndexArgument Argument(double number) { return {Value(number), false}; }

// Accepts every nth row, and asks about each row once.
inline AcceptSet LazilyEveryNth(size_t rows, size_t n) {
  auto asked = std::make_shared<RowBitmap>(rows);
  return AcceptSet(RowBitmap(rows, true), [=](std::span<const uint32_t> about, auto accepted) {
    for (size_t i = 0; i < about.size(); ++i) {
      EXPECT_FALSE(asked->Test(about[i])) << "row " << about[i] << " a second time";
      asked->Set(about[i]);
      accepted[i] = about[i] % n == 0 ? 1 : 0;
    }
  });
}

// A block of two granules under a pruning index, and the predicates that may match it.
class PrunedBlock {
 public:
  PrunedBlock(const std::string& kind, std::vector<IndexArgument> arguments,
              const ColumnPtr& values)
      : index_(SkipIndexRegistry::WithBuiltins().Get(kind).Declare(
            Declared(kind, values->type(), std::move(arguments)), {})) {
    const size_t half = values->size() / 2;
    const auto builder = index_->NewBuilder();
    builder->AddGranule(*values->Slice(0, half));
    builder->AddGranule(*values->Slice(half, values->size() - half));
    ByteWriter out;
    builder->Finish({.rows = values->size()}, out);
    bytes_ = out.Take();
    sub_index_ = index_->Open(bytes_, {.rows = values->size()});
  }

  bool MayMatch(const Predicate& predicate) const {
    return sub_index_->pruner()->MayMatch(predicate);
  }
  bool MayMatch(PredicateOp op, Value constant) const {
    return MayMatch(Predicate::Atom({"v", op, {std::move(constant)}}));
  }
  const SkipIndex& index() const { return *index_; }
  size_t bytes() const { return bytes_.size(); }

 private:
  std::shared_ptr<const SkipIndex> index_;
  std::vector<std::byte> bytes_;
  std::shared_ptr<const SubIndex> sub_index_;
};

// Starts threads for each call; enough for a test.
class ThreadsExecutor final : public Executor {
 public:
  explicit ThreadsExecutor(size_t threads) : threads_(threads) {}
  size_t threads() const override { return threads_; }
  void ParallelFor(size_t count, const std::function<void(size_t)>& run) override {
    std::atomic<size_t> next{0};
    std::exception_ptr failure;
    std::mutex mutex;
    auto work = [&] {
      try {
        for (size_t i; (i = next.fetch_add(1)) < count;) run(i);
      } catch (...) {
        next = count;
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
      }
    };
    std::vector<std::thread> workers;
    for (size_t i = 1; i < std::min(threads_, count); ++i) workers.emplace_back(work);
    work();
    for (std::thread& worker : workers) worker.join();
    if (failure) std::rethrow_exception(failure);
  }

 private:
  size_t threads_;
};

// Runs the pieces of work one by one, the last first.
class BackwardExecutor final : public Executor {
 public:
  size_t threads() const override { return 1; }
  void ParallelFor(size_t count, const std::function<void(size_t)>& run) override {
    for (size_t i = count; i > 0; --i) run(i - 1);
  }
};

// A context with everything it needs.
struct TestContext {
  explicit TestContext(size_t threads = 1, uint64_t seed = 1, Executor* other_executor = nullptr)
      : executor(threads),
        context({.executor = other_executor != nullptr ? other_executor : &executor,
                 .memory = &memory,
                 .cancel = &cancel,
                 .progress = &progress,
                 .seed = seed}) {}

  ThreadsExecutor executor;
  MemoryTracker memory;
  CancelToken cancel;
  Progress progress;
  TaskContext context;
};

// Rows around `clusters` centers, as embeddings are: near neighbours exist.
inline std::vector<float> ClusteredVectors(size_t rows, size_t dimensions, uint64_t seed,
                                           size_t clusters = 20) {
  std::mt19937_64 random(seed);
  auto normal = [&] {  // of 12 uniform numbers: the same on every library
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += static_cast<double>(random() >> 11) * 0x1p-53;
    return static_cast<float>(sum);
  };
  std::vector<float> centers(clusters * dimensions);
  for (float& value : centers) value = 2 * normal();
  std::vector<float> vectors(rows * dimensions);
  for (size_t row = 0; row < rows; ++row) {
    const size_t center = random() % clusters;
    for (size_t i = 0; i < dimensions; ++i) {
      vectors[row * dimensions + i] = centers[center * dimensions + i] + normal();
    }
  }
  return vectors;
}

inline VectorRows RowsOf(const std::vector<float>& vectors, size_t dimensions) {
  return {.base = reinterpret_cast<const std::byte*>(vectors.data()),
          .stride_bytes = dimensions * sizeof(float),
          .rows = vectors.size() / dimensions,
          .dimensions = dimensions,
          .element = VectorElement::kFloat32};
}

// Bytes at a multiple of 64 and not one more, so that sanitizers see reads beyond them.
class AlignedBytes {
 public:
  explicit AlignedBytes(std::span<const std::byte> bytes)
      : data_(
            static_cast<std::byte*>(::operator new(std::max<size_t>(bytes.size(), 1), kAlignment))),
        size_(bytes.size()) {
    std::copy(bytes.begin(), bytes.end(), data_.get());
  }
  std::span<std::byte> span() { return {data_.get(), size_}; }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Delete {
    void operator()(std::byte* bytes) const { ::operator delete(bytes, kAlignment); }
  };
  std::unique_ptr<std::byte, Delete> data_;
  size_t size_;
};

}  // namespace granary
