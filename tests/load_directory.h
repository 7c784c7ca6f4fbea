// Files of the machine as a disk in memory has them.
#pragma once

#include <filesystem>
#include <string>

#include "granary/parts/simulated_disk.h"

namespace granary {

// Copies a directory and all below it to `to` on the disk.
inline void LoadDirectory(SimulatedDisk& disk, const std::string& from, const std::string& to) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(from)) {
    const std::string path = to + entry.path().string().substr(from.size());
    CreateDirectories(disk, entry.is_directory() ? path : ParentDirectory(path));
    if (entry.is_directory()) continue;
    const auto file = disk.Create(path);
    file->Append(ReadWholeFile(*PosixFileSystem(), entry.path().string()));
    file->Close();
  }
}

}  // namespace granary
