// A set of vectors as a table of ClickHouse, and statements that search it.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "granary/bench/clickhouse_peer.h"
#include "granary/bench/vector_set.h"

namespace granary::bench {

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
