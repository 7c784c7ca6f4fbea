// Which variant of the distance kernels reads how many bytes of rows a second, from the cache?
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "granary/skipindex/distance/kernels.h"

namespace granary::bench {
namespace {

constexpr size_t kRows = 64;
// In the order of RowElement.
constexpr const char* kElementNames[] = {"f32", "f64", "bf16", "f16"};
constexpr size_t kElementBytes[] = {4, 8, 2, 2};

struct Rows {
  Rows(size_t dimensions, size_t element_bytes)
      : bytes(kRows * dimensions * element_bytes),
        set{bytes.data(), dimensions * element_bytes, dimensions, nullptr, kRows} {}

  std::vector<std::byte> bytes;  // zeros: kernels take the same time for any values
  RowSet set;
};

void CountBytes(benchmark::State& state, const Rows& rows) {
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * rows.bytes.size()));
}

void RunFloat(benchmark::State& state, DistanceKernels::Float kernel, size_t element_bytes) {
  const auto dimensions = static_cast<size_t>(state.range(0));
  const Rows rows(dimensions, element_bytes);
  const std::vector<float> query(dimensions, 0.5f);
  float out[kRows];
  for (auto _ : state) {
    kernel(rows.set, query.data(), out);
    benchmark::DoNotOptimize(out);
  }
  CountBytes(state, rows);
}

void RunDotNorm(benchmark::State& state, DistanceKernels::FloatDotNorm kernel,
                size_t element_bytes) {
  const auto dimensions = static_cast<size_t>(state.range(0));
  const Rows rows(dimensions, element_bytes);
  const std::vector<float> query(dimensions, 0.5f);
  float dot[kRows];
  float norm[kRows];
  for (auto _ : state) {
    kernel(rows.set, query.data(), dot, norm);
    benchmark::DoNotOptimize(dot);
    benchmark::DoNotOptimize(norm);
  }
  CountBytes(state, rows);
}

void RunInteger(benchmark::State& state, DistanceKernels::Integer kernel) {
  const auto dimensions = static_cast<size_t>(state.range(0));
  const Rows rows(dimensions, 1);
  const std::vector<int8_t> query(dimensions, 5);
  int32_t out[kRows];
  for (auto _ : state) {
    kernel(rows.set, query.data(), out);
    benchmark::DoNotOptimize(out);
  }
  CountBytes(state, rows);
}

template <class Run, class... Arguments>
void Register(const std::string& name, Run run, Arguments... arguments) {
  benchmark::RegisterBenchmark(("Kernel/" + name).c_str(), run, arguments...)
      ->ArgName("dimensions")
      ->Arg(100)
      ->Arg(784);
}

const bool kRegistered = [] {
  for (const DistanceKernels* kernels : AvailableDistanceKernels()) {
    const std::string variant(kernels->name);
    for (size_t element : {0, 2, 3}) {
      const std::string suffix = std::string("/") + kElementNames[element] + "/" + variant;
      Register("l2" + suffix, RunFloat, kernels->l2_squared[element], kElementBytes[element]);
      Register("dot" + suffix, RunFloat, kernels->dot[element], kElementBytes[element]);
      Register("dot_norm" + suffix, RunDotNorm, kernels->dot_norm[element], kElementBytes[element]);
    }
    Register("dot/u8/" + variant, RunInteger, kernels->dot_u8_i8);
  }
  return true;
}();

}  // namespace
}  // namespace granary::bench
