#include "granary/tests/bounds/bounds_table.h"

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace granary {

BoundsDirectory::BoundsDirectory() {
  std::string pattern = std::filesystem::temp_directory_path() / "granary_bounds_XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no directory for the test");
  path_ = pattern;
  const auto database = Database::Open(Options());
  const std::string text =
      "concat(hex(sipHash64(number)), hex(xxHash64(number)), toString(number))";
  database->Execute(
      "CREATE TABLE t (id UInt32, k UInt32, s String, a Array(UInt32)) ENGINE = MergeTree "
      "ORDER BY id SETTINGS fsync = 'off'");
  database->Execute("INSERT INTO t SELECT number, number * 7919 % 1000, " + text +
                    ", arrayMap(i -> number % 1000 + i, range(8)) FROM numbers(" +
                    std::to_string(kBoundsRows) + ")");
  database->Execute(
      "CREATE TABLE n (id UInt32, s String, v Array(Float32), INDEX near v TYPE "
      "vector_similarity('hnsw', 'L2Distance', 16)) ENGINE = MergeTree ORDER BY id "
      "SETTINGS fsync = 'off'");
  database->Execute("INSERT INTO n SELECT number, " + text +
                    ", arrayMap(i -> toFloat32(xxHash64(number * 16 + i) % 1000), range(16)) FROM "
                    "numbers(" +
                    std::to_string(kBoundsVectors) + ")");
}

BoundsDirectory::~BoundsDirectory() { std::filesystem::remove_all(path_); }

DatabaseOptions BoundsDirectory::Options() const {
  DatabaseOptions options;
  options.path = path_ + "/data";
  options.user_files_path = path_;
  options.threads = 4;
  options.background_merges = false;
  return options;
}

const BoundsDirectory& BoundsDirectory::Shared() {
  static const BoundsDirectory directory;
  return directory;
}

}  // namespace granary
