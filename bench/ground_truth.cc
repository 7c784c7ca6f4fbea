// The exact 100 nearest rows of each query, by plain loops that accumulate in double. Shares no
// code with the engine, so that it can judge it.
//
//   ground_truth l2|cosine base.fvecs queries.fvecs truth.ivecs
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "granary/bench/vector_file.h"

namespace {

using granary::bench::FloatVectors;
using granary::bench::RowLists;

constexpr size_t kNeighbors = 100;
constexpr size_t kLanes = 8;  // independent sums, which the compiler may keep in one register

// Sums f(a[i], b[i]) over all i.
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

// Row numbers of the nearest, by (distance, row).
std::vector<int32_t> Nearest(const FloatVectors& base, const std::vector<double>& base_norms,
                             std::span<const float> query, bool cosine) {
  std::vector<std::pair<double, int32_t>> all(base.rows);
  for (size_t row = 0; row < base.rows; ++row) {
    const double distance =
        cosine ? -Dot(base.Row(row), query) / base_norms[row] : SquaredL2(base.Row(row), query);
    all[row] = {distance, static_cast<int32_t>(row)};
  }
  std::partial_sort(all.begin(), all.begin() + kNeighbors, all.end());
  std::vector<int32_t> rows(kNeighbors);
  for (size_t i = 0; i < kNeighbors; ++i) rows[i] = all[i].second;
  return rows;
}

RowLists AllNearest(const FloatVectors& base, const FloatVectors& queries, bool cosine) {
  const std::vector<double> norms = cosine ? Norms(base) : std::vector<double>();
  RowLists lists{queries.rows, kNeighbors, std::vector<int32_t>(queries.rows * kNeighbors)};
  std::atomic<size_t> next = 0;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i) {
    threads.emplace_back([&] {
      for (size_t query = next++; query < queries.rows; query = next++) {
        const auto rows = Nearest(base, norms, queries.Row(query), cosine);
        std::copy(rows.begin(), rows.end(), lists.values.begin() + query * kNeighbors);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return lists;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string metric = argc == 5 ? argv[1] : "";
  if (metric != "l2" && metric != "cosine") {
    std::fprintf(stderr, "usage: ground_truth l2|cosine base.fvecs queries.fvecs truth.ivecs\n");
    return 2;
  }
  try {
    const FloatVectors base = granary::bench::ReadFvecs(argv[2]);
    const FloatVectors queries = granary::bench::ReadFvecs(argv[3]);
    if (base.rows < kNeighbors || base.dimensions != queries.dimensions) {
      std::fprintf(stderr, "ground_truth: the base is too small or of other dimensions\n");
      return 1;
    }
    granary::bench::WriteIvecs(argv[4], AllNearest(base, queries, metric == "cosine"));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ground_truth: %s\n", error.what());
    return 1;
  }
}
