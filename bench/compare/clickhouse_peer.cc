#include "granary/bench/compare/clickhouse_peer.h"

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <dlfcn.h>

#include "granary/bench/compare/report.h"

namespace granary::bench {

// The functions of chdb.h that are used; connection and result are opaque to its users.
struct ClickHousePeer::Library {
  using Connection = void*;
  using Result = void*;

  explicit Library(const std::string& path) : handle(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (handle == nullptr) throw std::runtime_error(path + ": " + dlerror());
    Load("chdb_connect", connect);
    Load("chdb_close_conn", close);
    Load("chdb_query_n", query);
    Load("chdb_destroy_query_result", destroy);
    Load("chdb_result_buffer", buffer);
    Load("chdb_result_length", length);
    Load("chdb_result_error", error);
  }

  template <class Function>
  void Load(const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(handle, name));
    if (function == nullptr) throw std::runtime_error(std::string("libchdb.so has no ") + name);
  }

  void* handle;
  Connection* (*connect)(int argc, char** argv);
  void (*close)(Connection* connection);
  Result (*query)(Connection connection, const char* sql, size_t sql_bytes, const char* format,
                  size_t format_bytes);
  void (*destroy)(Result result);
  char* (*buffer)(Result result);
  size_t (*length)(Result result);
  const char* (*error)(Result result);
  Connection* connection = nullptr;
};

ClickHousePeer::ClickHousePeer(std::unique_ptr<Library> library) : library_(std::move(library)) {}

std::unique_ptr<ClickHousePeer> ClickHousePeer::Open(const std::string& library,
                                                     const std::string& directory) {
  if (!std::filesystem::exists(library)) return nullptr;
  auto loaded = std::make_unique<Library>(library);
  std::string arguments[] = {"clickhouse", "--path=" + directory};
  char* argv[] = {arguments[0].data(), arguments[1].data()};
  loaded->connection = loaded->connect(2, argv);
  if (loaded->connection == nullptr) throw std::runtime_error("ClickHouse cannot open a database");
  return std::unique_ptr<ClickHousePeer>(new ClickHousePeer(std::move(loaded)));
}

// The library stays loaded: it has threads of its own.
ClickHousePeer::~ClickHousePeer() { library_->close(library_->connection); }

std::string ClickHousePeer::Query(const std::string& sql, const char* format) {
  const Library::Result result =
      library_->query(*library_->connection, sql.data(), sql.size(), format, std::strlen(format));
  if (result == nullptr) throw std::runtime_error("ClickHouse returned nothing");
  const char* const error = library_->error(result);
  const std::string message = error == nullptr ? "" : error;
  std::string bytes;
  if (message.empty() && library_->length(result) > 0) {
    bytes.assign(library_->buffer(result), library_->length(result));
  }
  library_->destroy(result);
  if (!message.empty()) throw std::runtime_error("ClickHouse: " + message);
  return bytes;
}

void ClickHousePeer::QueryRows(const std::string& sql, std::vector<uint32_t>& rows) {
  const std::string bytes = Query(sql, "RowBinary");
  rows.resize(bytes.size() / sizeof(uint32_t));
  std::memcpy(rows.data(), bytes.data(), rows.size() * sizeof(uint32_t));
}

std::string ClickHousePeer::Description() {
  std::string version = Query("SELECT version()");
  while (!version.empty() && version.back() == '\n') version.pop_back();
  return "ClickHouse " + version;
}

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
