#include "granary/bench/exact_neighbors.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <span>
#include <thread>
#include <utility>
#include <vector>

namespace granary::bench {
namespace {

constexpr size_t kLanes = 8;  // independent sums, which the compiler may keep in one register

// The sum of f(a[i], b[i]) over all i.
template <class F>
double SumOver(std::span<const float> a, std::span<const float> b, F f) {
  double lanes[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= a.size(); i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      lanes[lane] += f(static_cast<double>(a[i + lane]), static_cast<double>(b[i + lane]));
    }
  }
  for (; i < a.size(); ++i) lanes[0] += f(static_cast<double>(a[i]), static_cast<double>(b[i]));
  double sum = 0;
  for (double lane : lanes) sum += lane;
  return sum;
}

double Dot(std::span<const float> a, std::span<const float> b) {
  return SumOver(a, b, [](double x, double y) { return x * y; });
}

double SquaredL2(std::span<const float> a, std::span<const float> b) {
  return SumOver(a, b, [](double x, double y) { return (x - y) * (x - y); });
}

std::vector<double> Norms(const FloatVectors& vectors) {
  std::vector<double> norms(vectors.rows);
  for (size_t row = 0; row < vectors.rows; ++row) {
    norms[row] = std::sqrt(Dot(vectors.Row(row), vectors.Row(row)));
  }
  return norms;
}

// `base_norms` is empty for L2. The norm of the query does not change the order and is left out.
std::vector<std::pair<double, int32_t>> AllDistances(const FloatVectors& base,
                                                     const std::vector<double>& base_norms,
                                                     std::span<const float> query) {
  std::vector<std::pair<double, int32_t>> all(base.rows);
  for (size_t row = 0; row < base.rows; ++row) {
    const double distance = base_norms.empty() ? SquaredL2(base.Row(row), query)
                                               : -Dot(base.Row(row), query) / base_norms[row];
    all[row] = {distance, static_cast<int32_t>(row)};
  }
  return all;
}

}  // namespace

RowLists ExactNeighbors(const FloatVectors& base, const FloatVectors& queries,
                        ExactDistance distance, size_t count) {
  const auto norms = distance == ExactDistance::kCosine ? Norms(base) : std::vector<double>();
  RowLists lists{queries.rows, count, std::vector<int32_t>(queries.rows * count)};
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t query = next++; query < queries.rows; query = next++) {
      auto all = AllDistances(base, norms, queries.Row(query));
      std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count), all.end());
      for (size_t i = 0; i < count; ++i) lists.values[query * count + i] = all[i].second;
    }
  };
  std::vector<std::jthread> threads(std::max(1u, std::thread::hardware_concurrency()));
  for (std::jthread& thread : threads) thread = std::jthread(work);
  threads.clear();
  return lists;
}

}  // namespace granary::bench
