// What can happen to the files of a closed database: one accident, which can be written down in a
// line and replayed.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "granary/parts/simulated_disk.h"

namespace granary::testing {

struct Damage {
  enum class Kind {
    kFlip,     // the bits `amount` of the byte at `offset`
    kBlank,    // `amount` bytes from `offset` on are zeros
    kNoise,    // ... are noise
    kCut,      // the file ends at `offset`
    kZeros,    // `amount` zeros are appended
    kGarbage,  // `amount` bytes of noise are appended
    kRepeat,   // `amount` bytes of the file from `offset` on are appended once more
    kDelete,   // a file, or a directory with all that is in it
    kSwap,     // `path` and `other` change places
    kCopy,     // `path`, a file or a directory, is copied to where `other` is or would be
  };
  Kind kind = Kind::kFlip;
  std::string path;
  std::string other;
  uint64_t offset = 0;
  uint64_t amount = 0;

  void Apply(SimulatedDisk& disk) const;
  // "flip /d/catalog 17 4"
  std::string text() const;
  static Damage Parse(const std::string& text);
  // Whether something at this path, or below it, was changed.
  bool Touches(const std::string& place) const;
};

// kBeside: what lies beside a log.
enum class FileKind { kCatalog, kLog, kBeside, kManifest, kColumn, kIndex, kLock };
FileKind KindOf(const std::string& path);

// All files below a directory, and all directories, sorted.
std::vector<std::string> FilesBelow(SimulatedDisk& disk, const std::string& directory);
std::vector<std::string> DirectoriesBelow(SimulatedDisk& disk, const std::string& directory);

// Any accident but one whose damage is known to be none (the lock has no contents).
Damage RandomDamage(SimulatedDisk& disk, std::mt19937_64& random);

}  // namespace granary::testing
