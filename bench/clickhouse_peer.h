// ClickHouse in this process, through the C interface of libchdb.so (npm: chdb), which is loaded at
// run time: nothing of it is needed to compile.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

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

}  // namespace granary::bench
