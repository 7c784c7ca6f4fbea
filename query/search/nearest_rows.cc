#include "granary/query/search/nearest_rows.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "granary/parts/part_reader.h"
#include "granary/query/search/ordered_code.h"

namespace granary {
namespace {

constexpr uint64_t kNanCode = std::numeric_limits<uint64_t>::max();
constexpr size_t kRowsPerCall = 512;
constexpr size_t kRowsPerGlance = 16;
constexpr size_t kNanosecondsPerPush = 64;
constexpr size_t kNanosecondsPerComparison = 4;

std::vector<double> ElementsOf(const Column& vector) {
  const ColumnPtr row = vector.Materialize();
  const ArrayColumn& array = AsArrays(*row);
  const Column& elements = *array.elements();
  std::vector<double> values;
  values.reserve(array.Length(0));
  VisitFixedType(elements.type().id(), [&]<class T>() {
    const T* data = AsNumbers<T>(elements).data();
    for (uint64_t i = array.Begin(0); i < array.End(0); ++i) {
      values.push_back(static_cast<double>(data[i]));
    }
  });
  return values;
}

}  // namespace

DistanceQuery::DistanceQuery(DistanceFunction function, std::string column, const Column& vector,
                             bool is_double, const DistanceKernels* kernels)
    : function_(function),
      column_(std::move(column)),
      kernels_(kernels),
      doubles_(ElementsOf(vector)),
      is_double_(is_double) {
  floats_.assign(doubles_.begin(), doubles_.end());
}

DistanceQuery::DistanceQuery(DistanceFunction function, std::string column,
                             std::span<const float> vector, bool is_double,
                             const DistanceKernels* kernels)
    : function_(function),
      column_(std::move(column)),
      kernels_(kernels),
      floats_(vector.begin(), vector.end()),
      doubles_(vector.begin(), vector.end()),
      is_double_(is_double) {}

bool DistanceQuery::is_finite() const {
  return std::all_of(floats_.begin(), floats_.end(), [](float x) { return std::isfinite(x); });
}

bool DistanceQuery::is_zero() const {
  return std::all_of(doubles_.begin(), doubles_.end(), [](double x) { return x == 0; });
}

double DistanceQuery::distance_to_missing() const {
  if (dimensions() > 0) return std::numeric_limits<double>::quiet_NaN();
  double distance = 0;
  ComputeDistances(kernels(), function(), doubles(), VectorRows{.element = VectorElement::kFloat64},
                   0, 1, &distance);
  return distance;
}

NearestRows::NearestRows(size_t limit, bool larger_is_nearer)
    : limit_(limit),
      flip_(larger_is_nearer ? ~uint64_t{0} : 0),
      worst_code_(limit == 0 ? 0 : kNanCode),
      worst_distance_(FarthestDistance()) {
  heap_.reserve(std::min<size_t>(limit, 1024));
}

double NearestRows::FarthestDistance() const {
  return std::copysign(std::numeric_limits<double>::infinity(), flip_ == 0 ? 1 : -1);
}

uint64_t NearestRows::CodeOf(double distance) const {
  return std::isnan(distance) ? kNanCode : OrderedCode(distance) ^ flip_;
}

void NearestRows::Push(const RankedRow& row) {
  if (heap_.size() < limit_) {
    heap_.push_back(row);
    std::push_heap(heap_.begin(), heap_.end());
  } else if (limit_ > 0 && row < heap_.front()) {
    std::pop_heap(heap_.begin(), heap_.end());
    heap_.back() = row;
    std::push_heap(heap_.begin(), heap_.end());
  }
  if (heap_.size() < limit_ || limit_ == 0) return;
  worst_code_ = heap_.front().code;
  const double distance = heap_.front().distance;
  worst_distance_ = std::isnan(distance) ? FarthestDistance() : distance;
}

void NearestRows::Add(uint32_t part, uint32_t row, double distance) {
  const uint64_t code = CodeOf(distance);
  if (code <= worst_code_) Push({code, part, row, distance});
}

// NaN may always enter: only Add knows.
template <class T>
bool NearestRows::AnyMayEnter(std::span<const T> distances) const {
  const auto worst = static_cast<T>(worst_distance_);
  unsigned entering = 0;
  if (flip_ == 0) {
    for (const T distance : distances) entering |= static_cast<unsigned>(!(distance > worst));
  } else {
    for (const T distance : distances) entering |= static_cast<unsigned>(!(distance < worst));
  }
  return entering != 0;
}

template <class T, class RowOf>
void NearestRows::AddEach(uint32_t part, std::span<const T> distances, RowOf row_of) {
  for (size_t first = 0; first < distances.size(); first += kRowsPerGlance) {
    const size_t count = std::min(kRowsPerGlance, distances.size() - first);
    if (!AnyMayEnter(distances.subspan(first, count))) continue;
    for (size_t i = first; i < first + count; ++i) Add(part, row_of(i), distances[i]);
  }
}

void NearestRows::Merge(const NearestRows& other) {
  CancelCheck check;
  for (const RankedRow& row : other.heap_) {
    Push(row);
    check.After(kNanosecondsPerPush);
  }
}

ChargedVector<RankedRow> NearestRows::TakeSorted() {
  CancelCheck check;
  std::sort(heap_.begin(), heap_.end(), [&check](const RankedRow& a, const RankedRow& b) {
    check.After(kNanosecondsPerComparison);
    return a < b;
  });
  return std::move(heap_);
}

PartDistances::PartDistances(const DistanceQuery* query, PartPtr part, uint32_t part_number,
                             const TaskContext* task)
    : query_(query),
      part_(std::move(part)),
      part_number_(part_number),
      task_(task),
      vectors_(part_->Vectors(query->column())) {
  if (vectors_ != nullptr && vectors_->rows().rows > 0 &&
      vectors_->rows().dimensions != query->dimensions()) {
    ThrowWrongLength(vectors_->rows().dimensions);
  }
}

void PartDistances::ThrowWrongLength(size_t length) const {
  throw Error(ErrorCode::kSizesOfArraysDontMatch,
              "The query vector has " + std::to_string(query_->dimensions()) +
                  " elements, a vector of column '" + query_->column() + "' has " +
                  std::to_string(length) + "; distances need vectors of equal length");
}

VectorRows PartDistances::VectorsOf(const Block& block, std::vector<uint32_t>& rows,
                                    NearestRows& nearest) const {
  const ArrayColumn& column = AsArrays(*block.column(0));
  size_t kept = 0;
  for (size_t row = 0; row < column.size(); ++row) {
    const size_t length = column.Length(row);
    if (length == query_->dimensions()) {
      rows[kept++] = rows[row];
    } else if (length == 0) {
      nearest.Add(part_number_, rows[row], std::numeric_limits<double>::quiet_NaN());
    } else {
      ThrowWrongLength(length);
    }
  }
  rows.resize(kept);
  VectorRows vectors = column.Vectors(query_->dimensions());
  vectors.rows = kept;  // empty arrays take no room between them
  return vectors;
}

template <class F>
void PartDistances::WithQuery(F&& f) const {
  if (query_->is_double()) {
    f(query_->doubles());
  } else {
    f(query_->floats());
  }
}

template <class RowOf>
void PartDistances::Measure(const VectorRows& vectors, size_t first, size_t count, RowOf row_of,
                            NearestRows& nearest) const {
  WithQuery([&]<class T>(std::span<const T> query) {
    std::array<T, kRowsPerCall> distances;
    for (size_t done = 0; done < count; done += kRowsPerCall) {
      const size_t rows = std::min(kRowsPerCall, count - done);
      ComputeDistances(query_->kernels(), query_->function(), query, vectors, first + done, rows,
                       distances.data());
      nearest.AddEach(part_number_, std::span<const T>(distances).first(rows),
                      [&](size_t i) { return row_of(done + i); });
    }
  });
}

void PartDistances::AddRange(uint64_t first_row, size_t count, NearestRows& nearest) const {
  if (vectors_ != nullptr && vectors_->CountVectors(first_row, count) == count) {
    const uint64_t first = vectors_->VectorOf(first_row);
    vectors_->VerifyRows(first, count);
    Measure(
        vectors_->rows(), first, count,
        [&](size_t i) { return static_cast<uint32_t>(first_row + i); }, nearest);
    return;
  }
  std::vector<uint32_t> rows(count);
  std::iota(rows.begin(), rows.end(), static_cast<uint32_t>(first_row));
  if (vectors_ != nullptr) return AddRows(rows, nearest);
  const size_t granule_rows = part_->granule_rows();
  const Block block =
      PartReader(part_, {query_->column()}, *task_)
          .Read({first_row / granule_rows, (first_row + count + granule_rows - 1) / granule_rows});
  const VectorRows vectors = VectorsOf(block, rows, nearest);
  Measure(
      vectors, 0, rows.size(), [&](size_t i) { return rows[i]; }, nearest);
}

void PartDistances::AddRows(std::span<const uint32_t> rows, NearestRows& nearest) const {
  if (vectors_ == nullptr) {
    const Block block = PartReader(part_, {query_->column()}, *task_).Gather(rows);
    std::vector<uint32_t> kept(rows.begin(), rows.end());
    const VectorRows vectors = VectorsOf(block, kept, nearest);
    Measure(
        vectors, 0, kept.size(), [&](size_t i) { return kept[i]; }, nearest);
    return;
  }
  const PresentRows* present = vectors_->present();
  if (present == nullptr) return AddVectors(rows, rows, nearest);
  std::vector<uint32_t> kept;
  std::vector<uint32_t> vectors;
  for (const uint32_t row : rows) {
    if (present->Has(row)) {
      kept.push_back(row);
      vectors.push_back(static_cast<uint32_t>(present->VectorOf(row)));
    } else {
      nearest.Add(part_number_, row, std::numeric_limits<double>::quiet_NaN());
    }
  }
  AddVectors(kept, vectors, nearest);
}

void PartDistances::AddVectors(std::span<const uint32_t> rows, std::span<const uint32_t> vectors,
                               NearestRows& nearest) const {
  for (const uint32_t vector : vectors) vectors_->VerifyRows(vector, 1);
  WithQuery([&]<class T>(std::span<const T> query) {
    std::array<T, kRowsPerCall> distances;
    CancelCheck check;
    for (size_t done = 0; done < rows.size(); done += kRowsPerCall) {
      const size_t count = std::min(kRowsPerCall, rows.size() - done);
      ComputeDistances(query_->kernels(), query_->function(), query, vectors_->rows(),
                       vectors.subspan(done, count), distances.data());
      check.After(count * (kNanosecondsPerPush + query.size() / 8));
      nearest.AddEach(part_number_, std::span<const T>(distances).first(count),
                      [&](size_t i) { return rows[done + i]; });
    }
  });
}

}  // namespace granary
