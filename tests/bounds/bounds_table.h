// A directory with a database that statements are measured on. It is filled once for the program.
#pragma once

#include <memory>
#include <string>

#include "granary/query/database.h"

namespace granary {

// Table t: id UInt32 (the key), k UInt32 (of 1,000 values), s String of 32 characters and more,
// a Array(UInt32) of 8. Table n: id, s, v Array(Float32) of 16 with a vector index.
inline constexpr size_t kBoundsRows = 200000;
inline constexpr size_t kBoundsVectors = 50000;

class BoundsDirectory {
 public:
  BoundsDirectory();
  ~BoundsDirectory();

  // Four threads, no merges by itself; files below it may be read and written by SQL.
  DatabaseOptions Options() const;
  const std::string& path() const { return path_; }

  static const BoundsDirectory& Shared();

 private:
  std::string path_;
};

}  // namespace granary
