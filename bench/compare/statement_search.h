// A vector set as a table in a directory of its own, and searches in it through prepared statements
// on one thread, with and without a filter.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "granary/bench/vector_set.h"
#include "granary/query/database.h"

namespace granary::bench {

// Not thread-safe.
class StatementSearch {
 public:
  // Creates and fills the table `vectors` (id UInt32, m UInt8, u UInt32, v Array(Float32)), with a
  // vector index of default arguments, on insert_threads threads; m and u are FilterColumns.
  StatementSearch(const std::string& directory, const VectorSet& set, size_t insert_threads);

  // The ids of the 10 nearest, nearest first; replaces the content of `rows`.
  void Search(std::span<const float> query, size_t ef, std::vector<uint32_t>& rows) {
    Search(query, ef, "", {}, rows);
  }
  // The same among the rows that match `condition`, which has the parameters a and b.
  void Search(std::span<const float> query, size_t ef, const std::string& condition,
              std::pair<uint64_t, uint64_t> parameters, std::vector<uint32_t>& rows);

  double insert_seconds() const { return insert_seconds_; }

 private:
  PreparedStatement& StatementFor(size_t ef, const std::string& condition);

  const VectorSet& set_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Session> session_;
  std::map<std::pair<size_t, std::string>, PreparedStatement> statements_;
  double insert_seconds_ = 0;
};

}  // namespace granary::bench
