// A database small enough to be there anew for every input: three tables on a simulated disk, of
// which each input gets a copy. One thread, no merges by itself, tight limits of time and memory.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "granary/parts/simulated_disk.h"
#include "granary/query/database.h"

namespace granary::fuzz {

inline constexpr char kDatabasePath[] = "/db";

// A copy of the disk: t has a column of every type, an index of every kind, two partitions, several
// parts and dead rows; u has vectors of other types; e is empty.
std::shared_ptr<SimulatedDisk> SmallDisk();
// Another database whose logs have many records: t has a compact part 1_1_1_0 with columns and
// indexes of every kind and dead rows, and a merged one in another partition; c is empty.
std::shared_ptr<SimulatedDisk> DiskWithHistory();

enum class Opening { kWriter, kReader, kRestore };
std::unique_ptr<Database> OpenSmall(std::shared_ptr<SimulatedDisk> disk,
                                    Opening opening = Opening::kWriter);

// The rows of a result, not more than some thousands of them, in the format it asks for.
std::string TextOf(Result result);
inline std::string Run(Database& database, std::string_view sql) {
  return TextOf(database.Execute(sql));
}

// Errors that depend on what else the machine does.
bool IsOfTime(const Error& error);

// A file of the disk, and the disk with other contents of that file.
std::vector<std::byte> FileOf(SimulatedDisk& disk, const std::string& path);
void ReplaceFile(SimulatedDisk& disk, const std::string& path, std::span<const std::byte> contents);

}  // namespace granary::fuzz
