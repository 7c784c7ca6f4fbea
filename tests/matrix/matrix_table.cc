#include "matrix_table.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numeric>
#include <utility>

namespace granary {
namespace {

constexpr size_t kVectors = 50'000;
constexpr size_t kClusters = 60;
constexpr size_t kRowsPerEmpty = 11;
constexpr size_t kRowsPerBucket = 64;

float Quantile(std::vector<float> values, double share) {
  const auto place =
      values.begin() + static_cast<ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

// Text that reads as the same float.
std::string Exact(float value) {
  char text[64];
  std::snprintf(text, sizeof(text), "toFloat32(%.9g)", static_cast<double>(value));
  return text;
}

template <class T, class Of>
ColumnPtr Numbers(TypeId type, size_t first, size_t end, Of of) {
  std::vector<T> values;
  values.reserve(end - first);
  for (size_t row = first; row < end; ++row) values.push_back(of(row));
  return std::make_shared<NumberColumn<T>>(type, std::move(values));
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const TableShape& shape) {
  return out << shape.function << " of " << DataType(shape.element).name() << " " << shape.code
             << ", " << shape.parts << " parts"
             << (shape.small_granularity ? ", GRANULARITY 2" : "")
             << (shape.has_deletes ? ", deletes" : "") << (shape.has_empty ? ", empty rows" : "")
             << (shape.double_query ? ", queries of Float64" : "");
}

bool operator==(const Hit& a, const Hit& b) {
  return a.id == b.id && (std::isnan(a.distance) ? std::isnan(b.distance)
                                                 : std::bit_cast<uint64_t>(a.distance) ==
                                                       std::bit_cast<uint64_t>(b.distance));
}

MatrixTable::MatrixTable(const TableShape& shape, uint64_t seed) : shape_(shape), random_(seed) {
  MakeRows();
  Create();
  for (size_t part = 0; part < shape.parts; ++part) {
    database_->Insert("t", Rows(rows() * part / shape.parts, rows() * (part + 1) / shape.parts));
  }
  if (shape.has_deletes) Delete();
  database_->Execute("SYSTEM WARM INDEXES t");
}

void MatrixTable::MakeRows() {
  const size_t d = shape_.dimensions;
  std::vector<float> centers(kClusters * d);
  for (float& x : centers) x = Normal();
  direction_.resize(d);
  for (float& x : direction_) x = Normal();
  const size_t rows =
      shape_.has_empty ? kVectors * kRowsPerEmpty / (kRowsPerEmpty - 1) + 1 : kVectors;
  vectors_.resize(rows * d);
  for (size_t row = 0; row < rows; ++row) {
    const size_t center = random_() % kClusters;
    float along = 0;
    for (size_t i = 0; i < d; ++i) {
      float x = centers[center * d + i] + 0.7f * Normal();
      if (shape_.element == TypeId::kBFloat16) x = BFloat16(x);
      vectors_[row * d + i] = x;
      along += x * direction_[i];
    }
    along_.push_back(along);
    u_.push_back(static_cast<float>(random_() >> 40) * 0x1p-24f);
    empty_.push_back(shape_.has_empty && random_() % kRowsPerEmpty == 0);
  }
  alive_.assign(rows, true);
}

void MatrixTable::Create() {
  DatabaseOptions options;
  options.background_merges = false;
  database_ = Database::Open(std::move(options));
  database_->Execute(
      "CREATE TABLE t (id UInt32, bucket UInt32, u Float32, along Float32, v Array(" +
      DataType(shape_.element).name() + "), INDEX near v TYPE vector_similarity('hnsw', '" +
      shape_.function + "', " + std::to_string(shape_.dimensions) + ", '" + shape_.code +
      "', 32, 128" + (shape_.has_empty ? ", allow_empty = 1)" : ")") +
      (shape_.small_granularity ? " GRANULARITY 2" : "") +
      ", INDEX buckets bucket TYPE set(0) GRANULARITY 1) ENGINE = MergeTree ORDER BY id "
      "SETTINGS fsync = 'off'");
}

double MatrixTable::Element(size_t row, size_t i) const {
  const float x = vectors_[row * shape_.dimensions + i];
  // Something that a float would lose.
  return shape_.element == TypeId::kFloat64 ? static_cast<double>(x) * (1 + 0x1p-27) : x;
}

ColumnPtr MatrixTable::Vectors(size_t first, size_t end) const {
  const size_t d = shape_.dimensions;
  std::vector<uint64_t> ends;
  std::vector<size_t> places;  // in vectors_
  for (size_t row = first; row < end; ++row) {
    for (size_t i = 0; i < d && !empty_[row]; ++i) places.push_back(row * d + i);
    ends.push_back(places.size());
  }
  const auto at = [&](size_t place) { return Element(places[place] / d, places[place] % d); };
  const auto elements = [&]<class T>(T) {
    return Numbers<T>(shape_.element, 0, places.size(),
                      [&](size_t place) { return T(static_cast<T>(at(place))); });
  };
  ColumnPtr values;
  if (shape_.element == TypeId::kFloat64) {
    values = elements(double{});
  } else if (shape_.element == TypeId::kBFloat16) {
    values = Numbers<BFloat16>(shape_.element, 0, places.size(), [&](size_t place) {
      return BFloat16(static_cast<float>(at(place)));
    });
  } else {
    values = elements(float{});
  }
  return std::make_shared<ArrayColumn>(std::move(values), std::move(ends));
}

Block MatrixTable::Rows(size_t first, size_t end) const {
  Block block;
  block.Add("id", Numbers<uint32_t>(TypeId::kUInt32, first, end,
                                    [](size_t row) { return static_cast<uint32_t>(row); }));
  block.Add("bucket", Numbers<uint32_t>(TypeId::kUInt32, first, end, [](size_t row) {
              return static_cast<uint32_t>(row / kRowsPerBucket);
            }));
  block.Add("u", Numbers<float>(TypeId::kFloat32, first, end, [&](size_t row) { return u_[row]; }));
  block.Add("along",
            Numbers<float>(TypeId::kFloat32, first, end, [&](size_t row) { return along_[row]; }));
  block.Add("v", Vectors(first, end));
  return block;
}

// Every seventh row, and most of those along the queries.
void MatrixTable::Delete() {
  const float limit = Quantile(along_, 0.9);
  database_->Execute("DELETE FROM t WHERE id % 7 = 0 OR (along > " + Exact(limit) +
                     " AND id % 3 != 0)");
  for (size_t row = 0; row < rows(); ++row) {
    if (row % 7 == 0 || (along_[row] > limit && row % 3 != 0)) alive_[row] = false;
  }
}

template <class Matches>
Filter MatrixTable::FilterOf(const std::string& condition, double selectivity,
                             Matches matches) const {
  Filter filter{.condition = condition, .selectivity = selectivity};
  for (size_t row = 0; row < rows(); ++row) {
    filter.matches.push_back(alive_[row] && matches(row));
    if (!filter.matches.back()) continue;
    ++filter.count;
    if (empty_[row]) filter.absent.push_back(static_cast<uint32_t>(row));
  }
  filter.vectors = filter.count - filter.absent.size();
  return filter;
}

// By a column, by the primary key, or by what a pruning index knows.
Filter MatrixTable::Independent(double share) {
  const auto count = static_cast<size_t>(share * static_cast<double>(rows()));
  const size_t way = random_() % (count >= kRowsPerBucket ? 3 : 2);
  if (way == 0) {
    const float limit = Quantile(u_, share);
    return FilterOf("u <= " + Exact(limit), share, [&](size_t row) { return u_[row] <= limit; });
  }
  const size_t first = random_() % (rows() - count + 1);
  if (way == 1) {
    return FilterOf("id >= " + std::to_string(first) + " AND id < " + std::to_string(first + count),
                    share, [=](size_t row) { return row >= first && row < first + count; });
  }
  const size_t bucket = first / kRowsPerBucket;
  const size_t end = bucket + std::max<size_t>(1, count / kRowsPerBucket);
  return FilterOf(
      "bucket BETWEEN " + std::to_string(bucket) + " AND " + std::to_string(end - 1), share,
      [=](size_t row) { return row / kRowsPerBucket >= bucket && row / kRowsPerBucket < end; });
}

Filter MatrixTable::Along(double share, bool is_opposed) const {
  const float limit = Quantile(along_, is_opposed ? share : 1 - share);
  return FilterOf(
      std::string("along ") + (is_opposed ? "<= " : ">= ") + Exact(limit), share,
      [&](size_t row) { return is_opposed ? along_[row] <= limit : along_[row] >= limit; });
}

Filter MatrixTable::MostlyAbsent() const {
  return FilterOf("id % 9001 = 5 OR (empty(v) AND u < 0.5)", 0,
                  [&](size_t row) { return row % 9001 == 5 || (empty_[row] && u_[row] < 0.5f); });
}

std::vector<Filter> MatrixTable::Filters() {
  std::vector<Filter> filters;
  for (const double share : kSelectivities) {
    filters.push_back(share == 1 ? FilterOf("", 1, [](size_t) { return true; })
                                 : Independent(share));
    filters.push_back(Along(share, true));
    filters.push_back(Along(share, false));
  }
  const size_t id = random_() % rows();
  filters.push_back(
      FilterOf("id = " + std::to_string(id), 0, [=](size_t row) { return row == id; }));
  filters.push_back(FilterOf("id = 4000000000", 0, [](size_t) { return false; }));
  if (shape_.has_empty) filters.push_back(MostlyAbsent());
  return filters;
}

std::vector<float> MatrixTable::Query() {
  size_t best = random_() % rows();
  for (int i = 0; i < 5; ++i) {
    const size_t other = random_() % rows();
    if (along_[other] > along_[best]) best = other;
  }
  std::vector<float> query(shape_.dimensions);
  for (size_t i = 0; i < query.size(); ++i) {
    query[i] = vectors_[best * query.size() + i] + 0.3f * Normal();
  }
  return query;
}

std::string MatrixTable::Distance() const {
  return shape_.function + "(v, {q:Array(" + (shape_.double_query ? "Float64" : "Float32") + ")})";
}

std::string MatrixTable::SelectFrom(const std::string& condition, const std::string& range) const {
  std::string where;
  for (const std::string& part : {condition, range}) {
    if (!part.empty()) where += (where.empty() ? " WHERE (" : " AND (") + part + ")";
  }
  return "SELECT id, " + Distance() + " AS d FROM t" + where;
}

std::string MatrixTable::Select(const Filter& filter, const std::string& range,
                                const std::string& limit, const std::string& settings) const {
  return SelectFrom(filter.condition, range) + " ORDER BY d " +
         (shape_.is_product() ? "DESC" : "") + " LIMIT " + limit + " SETTINGS " + settings;
}

std::string MatrixTable::SelectRange(const Filter& filter, const std::string& range) const {
  return SelectFrom(filter.condition, range);
}

std::string MatrixTable::SelectRows(std::span<const uint32_t> ids) const {
  std::string list;
  for (const uint32_t id : ids) list += (list.empty() ? "" : ", ") + std::to_string(id);
  return SelectFrom("id IN (" + list + ")", "") + " SETTINGS use_skip_indexes = 0";
}

void MatrixTable::Bind(PreparedStatement& statement, std::span<const float> query,
                       const TableShape& shape) {
  if (shape.double_query) {
    statement.Bind("q", std::vector<double>(query.begin(), query.end()));
  } else {
    statement.Bind("q", query);
  }
}

double MatrixTable::TrueDistance(std::span<const float> query, uint32_t row) const {
  if (empty_[row]) return std::numeric_limits<double>::quiet_NaN();
  double dot = 0, xx = 0, qq = 0, squares = 0;
  for (size_t i = 0; i < query.size(); ++i) {
    const double x = Element(row, i), q = query[i];
    dot += x * q;
    xx += x * x;
    qq += q * q;
    squares += (x - q) * (x - q);
  }
  if (shape_.function == "L2Distance") return std::sqrt(squares);
  return shape_.is_product() ? dot : 1 - dot / std::sqrt(xx * qq);
}

size_t MatrixTable::CountNearer(std::span<const float> query, const Filter& filter, double distance,
                                double tolerance) const {
  const double sign = shape_.is_product() ? -1 : 1;
  size_t nearer = 0;
  for (uint32_t row = 0; row < rows(); ++row) {
    if (!filter.matches[row] || empty_[row]) continue;
    nearer += sign * TrueDistance(query, row) < sign * distance - tolerance ? 1 : 0;
  }
  return nearer;
}

}  // namespace granary
