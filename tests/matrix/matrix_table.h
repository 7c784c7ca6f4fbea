// A table of 50,000 vectors in a few dozen clusters for searches with filters. It knows by plain
// loops, which share nothing with the engine, what every filter matches and how far every row is.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <ostream>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "granary/query/database.h"

namespace granary {

struct TableShape {
  std::string function;
  std::string code;
  size_t dimensions = 32;
  TypeId element = TypeId::kFloat32;
  size_t parts = 1;
  bool small_granularity = false;
  bool has_deletes = false;
  bool has_empty = false;     // one row in eleven has no vector, beside the 50,000
  bool double_query = false;  // the placeholder is an Array(Float64)

  bool is_product() const { return function == "dotProduct"; }
};
std::ostream& operator<<(std::ostream& out, const TableShape& shape);

struct Hit {
  uint32_t id = 0;
  double distance = 0;
  // To the bit; NaN equals NaN.
  friend bool operator==(const Hit& a, const Hit& b);
  friend std::ostream& operator<<(std::ostream& out, const Hit& hit) {
    return out << "row " << hit.id << " at " << hit.distance;
  }
};

// A condition and the rows that it matches.
struct Filter {
  std::string condition;              // empty: none
  double selectivity = 1;             // for which its searches count
  std::vector<bool> matches = {};     // by row: alive, and WHERE is true
  size_t count = 0;                   // rows that match
  size_t vectors = 0;                 // of them, those with a vector
  std::vector<uint32_t> absent = {};  // the others
};

class MatrixTable {
 public:
  static constexpr std::array<double, 6> kSelectivities = {1, 0.5, 0.1, 0.01, 0.001, 0.0001};
  // Filters of each selectivity: independent of, opposed to and along the queries; one row, none.
  static constexpr size_t kFilters = 3 * kSelectivities.size() + 2;

  MatrixTable(const TableShape& shape, uint64_t seed);

  const TableShape& shape() const { return shape_; }
  Database& database() const { return *database_; }

  // kFilters of them. Where rows have no vector there is one more, for which more of these match
  // than of those with a vector, and of the latter fewer than are wanted.
  std::vector<Filter> Filters();
  // Near a row that lies far along the direction in which filters select.
  std::vector<float> Query();
  // A number below the limit.
  size_t Draw(size_t limit) { return random_() % limit; }

  // Of id and distance d, the nearest rows that match, and `range` with them, if it is not empty.
  // The query vector is placeholder q.
  std::string Select(const Filter& filter, const std::string& range, const std::string& limit,
                     const std::string& settings) const;
  // The rows of a range, however far.
  std::string SelectRange(const Filter& filter, const std::string& range) const;
  // By the function alone, without ORDER BY and index.
  std::string SelectRows(std::span<const uint32_t> ids) const;
  static void Bind(PreparedStatement& statement, std::span<const float> query,
                   const TableShape& shape);

  bool has_vector(uint32_t row) const { return !empty_[row]; }
  // As the function defines it; NaN for rows without a vector.
  double TrueDistance(std::span<const float> query, uint32_t row) const;
  // How many of the rows that match are nearer by more than `tolerance`.
  size_t CountNearer(std::span<const float> query, const Filter& filter, double distance,
                     double tolerance) const;

 private:
  size_t rows() const { return empty_.size(); }
  float Normal() { return std::normal_distribution<float>()(random_); }
  void MakeRows();
  void Create();
  Block Rows(size_t first, size_t end) const;
  ColumnPtr Vectors(size_t first, size_t end) const;
  void Delete();
  // What the column holds.
  double Element(size_t row, size_t i) const;
  std::string Distance() const;
  std::string SelectFrom(const std::string& condition, const std::string& range) const;

  template <class Matches>
  Filter FilterOf(const std::string& condition, double selectivity, Matches matches) const;
  Filter Independent(double share);
  Filter Along(double share, bool is_opposed) const;
  Filter MostlyAbsent() const;

  const TableShape shape_;
  std::mt19937_64 random_;
  std::vector<float> vectors_;
  std::vector<float> direction_;
  std::vector<float> u_;
  std::vector<float> along_;
  std::vector<bool> empty_;
  std::vector<bool> alive_;
  std::unique_ptr<Database> database_;
};

}  // namespace granary
