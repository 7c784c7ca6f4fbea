#include "granary/bench/clickhouse_peer.h"

#include <cstring>
#include <filesystem>
#include <stdexcept>

#include <dlfcn.h>

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

}  // namespace granary::bench
