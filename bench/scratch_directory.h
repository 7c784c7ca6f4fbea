// A directory of its own for a benchmark, below the current one (so that it lies on a real disk),
// removed at the end.
#pragma once

#include <filesystem>
#include <random>
#include <string>

namespace granary::bench {

class ScratchDirectory {
 public:
  ScratchDirectory() : path_("granary-bench-" + std::to_string(std::random_device()())) {
    std::filesystem::create_directory(path_);
  }
  ~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  std::string Path(const std::string& name) const { return (path_ / name).string(); }

 private:
  const std::filesystem::path path_;
};

}  // namespace granary::bench
