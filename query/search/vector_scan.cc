#include "granary/query/search/vector_scan.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <numeric>
#include <utility>

#include "granary/skipindex/distance/coded_rows.h"

namespace granary {

class SharedLimit {
 public:
  void Start(double distance, bool larger_is_nearer) {
    distance_ = distance;
    larger_is_nearer_ = larger_is_nearer;
  }

  double Tighten(double distance) {
    double known = distance_.load(std::memory_order_relaxed);
    while (IsNearer(distance, known)) {
      if (distance_.compare_exchange_weak(known, distance, std::memory_order_relaxed)) {
        return distance;
      }
    }
    return known;
  }

 private:
  bool IsNearer(double a, double b) const { return larger_is_nearer_ ? a > b : a < b; }

  std::atomic<double> distance_ = 0;
  bool larger_is_nearer_ = false;
};

namespace {

constexpr size_t kRowsPerPiece = 16384;
constexpr size_t kCodesPerPiece = 65536;  // for each piece the query becomes a code
// Half of a second-level cache of common size.
constexpr size_t kCachedBytes = 256 << 10;
constexpr size_t kCachedRowsMin = 64;
constexpr size_t kCachedRowsMax = 4096;
// For fewer, rounding the rows to bytes costs more than it saves.
constexpr size_t kQueriesForRounding = 4;

// Appends the numbers of the set rows of [first, first + count).
void AppendRows(const RowBitmap& rows, uint64_t first, size_t count, std::vector<uint32_t>& out) {
  const std::span<const uint64_t> words = rows.words();
  for (uint64_t row = first; row < first + count;) {
    const size_t bits = std::min<uint64_t>(64 - row % 64, first + count - row);
    uint64_t word = words[row / 64] >> (row % 64);
    if (bits < 64) word &= (uint64_t{1} << bits) - 1;
    for (; word != 0; word &= word - 1) {
      out.push_back(static_cast<uint32_t>(row) + static_cast<uint32_t>(std::countr_zero(word)));
    }
    row += bits;
  }
}

const PresentRows* PresentIn(const Part& part, std::string_view column) {
  const StoredVectors* vectors = part.Vectors(column);
  return vectors == nullptr ? nullptr : vectors->present();
}

// The numbers of the vectors of these rows, counted from vector `first`.
void NumberVectors(const PresentRows* present, uint64_t first, std::span<const uint32_t> rows,
                   uint32_t* numbers) {
  if (present == nullptr) {
    for (size_t i = 0; i < rows.size(); ++i) numbers[i] = rows[i] - static_cast<uint32_t>(first);
  } else {
    for (size_t i = 0; i < rows.size(); ++i) {
      numbers[i] = static_cast<uint32_t>(present->VectorOf(rows[i]) - first);
    }
  }
}

// One query's work on one piece.
class QueryOnPiece {
 public:
  QueryOnPiece(const DistanceQuery& query, PartPtr part, const VectorScanRange& range,
               SharedLimit* limit, NearestRows* nearest, const TaskContext* task)
      : present_(PresentIn(*part, query.column())),
        base_(present_ == nullptr ? range.block_first_row
                                  : present_->VectorOf(range.block_first_row)),
        distances_(&query, std::move(part), range.part, task),
        limit_(limit),
        nearest_(nearest) {
    if (range.sub_index == nullptr) return;
    bounds_ = range.sub_index->neighbor_searcher()->StartBounds({.vector = query.floats(),
                                                                 .doubles = query.doubles(),
                                                                 .count = nearest->limit(),
                                                                 .effort = nearest->limit(),
                                                                 .kernels = &query.kernels()});
  }

  bool has_bounds() const { return bounds_ != nullptr; }
  // The distance that rows must not exceed.
  double Limit() { return limit_->Tighten(nearest_->farthest_distance()); }

  void MeasureRange(uint64_t first, size_t count) { distances_.AddRange(first, count, *nearest_); }
  // Rows of the part, ascending.
  void Measure(std::span<const uint32_t> rows) {
    if (!rows.empty()) distances_.AddRows(rows, *nearest_);
  }
  // Of these rows, those that the bounds do not exclude.
  void MeasureWithin(std::span<const uint32_t> rows) {
    for (size_t done = 0; done < rows.size(); done += kRowsPerLook) {
      CheckTaskCancelled();
      Look(rows.subspan(done, std::min(kRowsPerLook, rows.size() - done)));
    }
  }

 private:
  static constexpr size_t kRowsPerLook = 1024;  // whose keys are computed before a vector is read

  void Look(std::span<const uint32_t> rows) {
    block_rows_.resize(rows.size());
    NumberVectors(present_, base_, rows, block_rows_.data());
    keys_.resize(rows.size());
    bounds_->Score(block_rows_, keys_.data());
    taken_.assign(rows.size(), 0);
    if (std::isinf(Limit())) MeasureBest(rows);
    const uint32_t limit = bounds_->KeyLimit(Limit());
    chosen_.clear();
    for (size_t i = 0; i < rows.size(); ++i) {
      if (keys_[i] <= limit && taken_[i] == 0) chosen_.push_back(rows[i]);
    }
    if (!chosen_.empty()) distances_.AddRows(chosen_, *nearest_);
  }

  // Measures as many of the rows with the smallest keys as results are missing: then there is a
  // limit for the others.
  void MeasureBest(std::span<const uint32_t> rows) {
    const size_t missing = std::min(nearest_->limit() - nearest_->size(), rows.size());
    if (missing == 0) return;
    order_.resize(rows.size());
    std::iota(order_.begin(), order_.end(), 0);
    std::nth_element(order_.begin(), order_.begin() + static_cast<ptrdiff_t>(missing) - 1,
                     order_.end(), [&](uint32_t a, uint32_t b) { return keys_[a] < keys_[b]; });
    order_.resize(missing);
    std::sort(order_.begin(), order_.end());
    chosen_.clear();
    for (const uint32_t place : order_) {
      chosen_.push_back(rows[place]);
      taken_[place] = 1;
    }
    distances_.AddRows(chosen_, *nearest_);
  }

  const PresentRows* const present_;
  const uint64_t base_;  // the vector that has number 0 in the bounds
  const PartDistances distances_;
  std::unique_ptr<DistanceBounds> bounds_;
  SharedLimit* limit_;
  NearestRows* nearest_;
  std::vector<uint32_t> block_rows_;
  std::vector<uint32_t> keys_;
  std::vector<uint8_t> taken_;
  std::vector<uint32_t> order_;
  std::vector<uint32_t> chosen_;
};

// Rows that are compared with one query after the other.
size_t CachedRows(const Part& part, const StoredVectors* vectors) {
  // Without a fixed stride, every call decompresses whole granules.
  if (vectors == nullptr) return part.rows();
  const size_t rows = kCachedBytes / vectors->rows().stride_bytes / kCachedRowsMin * kCachedRowsMin;
  return std::clamp(rows, kCachedRowsMin, kCachedRowsMax);
}

// Rows of a part rounded to bytes once for all queries that have no better bounds.
class RoundedRows {
 public:
  RoundedRows(const StoredVectors* vectors, size_t queries)
      : vectors_(vectors),
        is_useful_(vectors != nullptr && queries >= kQueriesForRounding &&
                   vectors->rows().dimensions <= CodedRows::kDimensionsMax) {}

  bool is_useful() const { return is_useful_; }
  void Start(std::span<const uint32_t> rows) {
    rows_ = rows;
    is_coded_ = false;
  }
  // Those of the rows that may be at most `distance` away from the query.
  std::span<const uint32_t> FindNear(const DistanceQuery& query, const CodedQuery& coded,
                                     double distance) {
    if (!is_coded_) {
      numbers_.resize(rows_.size());
      NumberVectors(vectors_->present(), 0, rows_, numbers_.data());
      vectors_->VerifyRows(numbers_.front(), numbers_.back() - numbers_.front() + 1);
      codes_.Encode(query.kernels(), query.function(), vectors_->rows(), numbers_);
      is_coded_ = true;
    }
    near_.clear();
    codes_.FindNear(query.kernels(), coded, distance, near_);
    for (uint32_t& row : near_) row = rows_[row];
    return near_;
  }

 private:
  const StoredVectors* vectors_;
  const bool is_useful_;
  std::span<const uint32_t> rows_;
  std::vector<uint32_t> numbers_;  // of their vectors
  bool is_coded_ = false;
  CodedRows codes_;
  std::vector<uint32_t> near_;
};

}  // namespace

size_t VectorScanRange::CountRows(const Part& of) const {
  const size_t count = of.RowsIn(granules);
  return matching == nullptr ? count : matching->CountRange(of.FirstRow(granules.begin), count);
}

void VectorScan::Add(const VectorScanRange& range, uint32_t query) {
  const auto same = std::find_if(works_.rbegin(), works_.rend(),
                                 [&](const Work& work) { return work.range.SameRows(range); });
  if (same == works_.rend()) {
    works_.push_back({range, {query}});
  } else {
    same->queries.push_back(query);
  }
}

std::vector<VectorScanRange> VectorScan::ranges() const {
  std::vector<VectorScanRange> ranges;
  for (const Work& work : works_) ranges.push_back(work.range);
  return ranges;
}

std::vector<VectorScan::Work> VectorScan::Pieces() const {
  std::vector<Work> pieces;
  for (const Work& work : works_) {
    const GranuleRange& whole = work.range.granules;
    const size_t granule_rows = selection_->parts[work.range.part].part->granule_rows();
    const size_t rows = work.range.sub_index == nullptr ? kRowsPerPiece : kCodesPerPiece;
    const size_t granules = std::max<size_t>(1, rows / granule_rows);
    for (size_t begin = whole.begin; begin < whole.end; begin += granules) {
      pieces.push_back(work);
      pieces.back().range.granules = {begin, std::min(begin + granules, whole.end)};
    }
  }
  return pieces;
}

void VectorScan::Run(std::span<const DistanceQuery> queries, std::span<NearestRows> nearest) const {
  const std::vector<Work> pieces = Pieces();
  const bool larger_is_nearer = queries.front().function() == DistanceFunction::kDotProduct;
  std::vector<SharedLimit> limits(queries.size());
  std::vector<CodedQuery> coded;
  for (size_t i = 0; i < queries.size(); ++i) {
    limits[i].Start(nearest[i].farthest_distance(), larger_is_nearer);
    if (queries.size() >= kQueriesForRounding) {
      coded.emplace_back(queries[i].function(), queries[i].doubles());
    }
  }
  const size_t workers = std::min(pieces.size(), task_->executor().threads());
  std::vector<std::vector<NearestRows>> nearest_of(workers);
  std::atomic<size_t> next = 0;
  task_->executor().ParallelFor(workers, [&](size_t worker) {
    nearest_of[worker].assign(queries.size(),
                              NearestRows(nearest.front().limit(), larger_is_nearer));
    for (size_t index = next++; index < pieces.size(); index = next++) {
      ScanPiece(pieces[index], queries, coded, limits, nearest_of[worker]);
    }
  });
  for (const std::vector<NearestRows>& of_worker : nearest_of) {
    for (size_t i = 0; i < of_worker.size(); ++i) nearest[i].Merge(of_worker[i]);
  }
}

void VectorScan::ScanPiece(const Work& work, std::span<const DistanceQuery> queries,
                           std::span<const CodedQuery> coded, std::span<SharedLimit> limits,
                           std::span<NearestRows> nearest) const {
  const VectorScanRange& range = work.range;
  const PartPtr& part = selection_->parts[range.part].part;
  const StoredVectors* vectors = part->Vectors(queries.front().column());
  std::vector<QueryOnPiece> on_piece;
  size_t without_bounds = 0;
  for (const uint32_t query : work.queries) {
    on_piece.emplace_back(queries[query], part, range, &limits[query], &nearest[query], task_);
    without_bounds += on_piece.back().has_bounds() ? 0 : 1;
  }
  RoundedRows rounded(vectors, without_bounds);
  const bool needs_rows = without_bounds < on_piece.size() || rounded.is_useful();

  const uint64_t begin = part->FirstRow(range.granules.begin);
  const uint64_t end = begin + part->RowsIn(range.granules);
  // Codes are read ahead of where they are measured: the more rows at once, the better.
  const size_t cached = without_bounds > 0    ? CachedRows(*part, vectors)
                        : on_piece.size() > 1 ? kCachedRowsMax
                                              : end - begin;
  std::vector<uint32_t> rows;
  for (uint64_t first = begin; first < end; first += cached) {
    task_->CheckCancelled();
    const size_t count = std::min<uint64_t>(cached, end - first);
    const size_t matching =
        range.matching == nullptr ? count : range.matching->CountRange(first, count);
    task_->progress().rows_done += count;
    if (matching == 0) continue;
    rows.clear();
    if (matching < count) {
      AppendRows(*range.matching, first, count, rows);
    } else if (needs_rows) {
      rows.resize(count);
      std::iota(rows.begin(), rows.end(), static_cast<uint32_t>(first));
    }
    rounded.Start(rows);
    for (size_t i = 0; i < on_piece.size(); ++i) {
      QueryOnPiece& query = on_piece[i];
      if (query.has_bounds()) {
        query.MeasureWithin(rows);
      } else if (rounded.is_useful() && !std::isinf(query.Limit())) {
        const uint32_t number = work.queries[i];
        query.Measure(rounded.FindNear(queries[number], coded[number], query.Limit()));
      } else if (matching == count) {
        query.MeasureRange(first, count);
      } else {
        query.Measure(rows);
      }
    }
  }
}

}  // namespace granary
