// ClickHouse in this process, through the C interface of libchdb.so (npm: chdb), which is loaded at
// run time: nothing of it is needed to compile.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "granary/bench/vector_set.h"

namespace granary::bench {

// One connection. Not thread-safe; a process can have one at a time.
class ClickHousePeer {
 public:
  // Loads the library and opens a database in a directory; null if there is no such file. Throws
  // std::runtime_error if it cannot be used.
  static std::unique_ptr<ClickHousePeer> Open(const std::string& library,
                                              const std::string& directory);
  ~ClickHousePeer();

  // The result of a statement in a format of ClickHouse. Throws std::runtime_error with its
  // message.
  std::string Query(const std::string& sql, const char* format = "TabSeparatedRaw");
  // One column of UInt32; replaces the content of `rows`.
  void QueryRows(const std::string& sql, std::vector<uint32_t>& rows);

  // "ClickHouse 26.7.1.1".
  std::string Description();

 private:
  struct Library;
  explicit ClickHousePeer(std::unique_ptr<Library> library);

  std::unique_ptr<Library> library_;
};

// A query vector as text: its bytes in hexadecimal, which ClickHouse parses fastest. (With the
// numbers themselves it does not use its index where all of them are whole.)
std::string VectorLiteral(std::span<const float> vector);

// The rows of a set as ClickHouse's RowBinary reads them: id UInt32, m UInt8, u UInt32, v
// Array(Float32); see FilterColumns.
void WriteRowBinary(const VectorSet& set, const std::string& path);

// What searches filter by: m = id % 100, and u, which is spread evenly.
struct FilterColumns {
  static uint8_t M(size_t row) { return static_cast<uint8_t>(row % 100); }
  static uint32_t U(size_t row);
};

// The 10 nearest rows of the table `vectors`, on one thread.
std::string NeighborStatement(const VectorSet& set, std::span<const float> query, size_t ef);

// Creates the table `vectors` with a vector index of ClickHouse's own defaults (bf16, M 32,
// ef_construction 128) and fills it from such a file, on `threads` threads. Returns the seconds of
// the INSERT.
double FillClickHouse(ClickHousePeer& peer, const VectorSet& set, const std::string& rows,
                      size_t threads);

}  // namespace granary::bench
