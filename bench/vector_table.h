// A vector set as a table, and searches in it through a prepared statement.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "granary/bench/vector_set.h"
#include "granary/query/database.h"

namespace granary::bench {

// Creates the table `vectors` (id UInt32, v Array(Float32)), sorted by id, which is the row number
// in the base of the set. `index_type` follows TYPE in its index declaration; empty: no index.
void CreateVectorTable(Database& database, const VectorSet& set, const std::string& index_type);

// vector_similarity over the metric of the set, every other argument left out.
std::string DefaultIndex(const VectorSet& set);

// Rows [first_row, first_row + rows) of the base, as a block for the table; shares the memory of
// the set.
Block VectorBlock(const VectorSet& set, size_t first_row, size_t rows);

// SELECT id ... ORDER BY distance LIMIT k, with the query vector as parameter q.
std::string SearchStatement(const VectorSet& set, size_t k);

// The first column of a result, which is of UInt32; replaces the content of `rows`.
void ReadIds(Result result, std::vector<uint32_t>& rows);

// Not thread-safe.
class TableSearch {
 public:
  // The statement keeps the settings that `session` has now.
  TableSearch(Session& session, const VectorSet& set, size_t k)
      : statement_(session.Prepare(SearchStatement(set, k))) {}

  // Replaces the content of `rows` with the ids found, nearest first.
  void Search(std::span<const float> query, std::vector<uint32_t>& rows);
  // Many at once: vectors of `dimensions` values, rows[i] for the i-th.
  void Search(std::span<const float> queries, size_t dimensions,
              std::vector<std::vector<uint32_t>>& rows);

 private:
  PreparedStatement statement_;
};

}  // namespace granary::bench
