#include "granary/bench/compare/clickhouse_vectors.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "granary/bench/compare/report.h"

namespace granary::bench {

std::string VectorLiteral(std::span<const float> vector) {
  std::string text = "reinterpret(x'";
  for (const std::byte byte : std::as_bytes(vector)) {
    constexpr const char* kDigits = "0123456789abcdef";
    text += kDigits[static_cast<unsigned>(byte) >> 4];
    text += kDigits[static_cast<unsigned>(byte) & 15];
  }
  return text + "', 'Array(Float32)')";
}

std::string NeighborStatement(const VectorSet& set, std::span<const float> query, size_t ef) {
  return "SELECT id FROM vectors ORDER BY " + std::string(MetricFunction(set.metric)) + "(v, " +
         VectorLiteral(query) +
         ") LIMIT 10 SETTINGS max_threads = 1, hnsw_candidate_list_size_for_search = " +
         std::to_string(ef);
}

// The fractional part of row times the golden ratio.
uint32_t FilterColumns::U(size_t row) { return static_cast<uint32_t>(row) * 2654435769u; }

void WriteRowBinary(const VectorSet& set, const std::string& path) {
  std::ofstream out(path, std::ios::binary);
  const auto write = [&](const auto& value) {
    out.write(reinterpret_cast<const char*>(&value), sizeof(value));
  };
  for (size_t row = 0; row < set.base.rows; ++row) {
    write(static_cast<uint32_t>(row));
    write(FilterColumns::M(row));
    write(FilterColumns::U(row));
    size_t length = set.base.dimensions;  // as LEB128
    for (; length >= 0x80; length >>= 7) write(static_cast<uint8_t>(length | 0x80));
    write(static_cast<uint8_t>(length));
    const auto vector = set.base.Row(row);
    out.write(reinterpret_cast<const char*>(vector.data()),
              static_cast<std::streamsize>(vector.size_bytes()));
  }
  if (!out.flush()) throw std::runtime_error("cannot write " + path);
}

double FillClickHouse(ClickHousePeer& peer, const VectorSet& set, const std::string& rows,
                      size_t threads) {
  peer.Query(
      "CREATE TABLE vectors (id UInt32, m UInt8, u UInt32, v Array(Float32), INDEX near v TYPE "
      "vector_similarity('hnsw', '" +
      std::string(MetricFunction(set.metric)) + "', " + std::to_string(set.base.dimensions) +
      ", 'bf16', 32, 128)) ENGINE = MergeTree ORDER BY id");
  const auto begin = std::chrono::steady_clock::now();
  peer.Query("INSERT INTO vectors SELECT * FROM file('" + std::filesystem::absolute(rows).string() +
             "', 'RowBinary', 'id UInt32, m UInt8, u UInt32, v Array(Float32)') SETTINGS "
             "max_threads = " +
             std::to_string(threads));
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace granary::bench
