#include "granary/merge/insert_pressure.h"

#include <algorithm>
#include <cstdint>
#include <string>

namespace granary {
namespace {

constexpr std::chrono::milliseconds kLongestDelay{1000};

struct FullestPartition {
  std::string id;
  size_t parts = 0;
};

FullestPartition FindFullestPartition(const PartSet& set) {
  FullestPartition fullest;
  size_t count = 0;
  for (size_t i = 0; i < set.parts.size(); ++i) {
    const std::string& id = set.parts[i].part->name().partition_id;
    const bool begins = i == 0 || set.parts[i - 1].part->name().partition_id != id;
    count = begins ? 1 : count + 1;
    if (count > fullest.parts) fullest = {id, count};
  }
  return fullest;
}

}  // namespace

std::chrono::milliseconds InsertDelay(const PartSet& set) {
  const uint64_t delay_at = set.schema->settings.parts_to_delay_insert;
  const uint64_t throw_at = set.schema->settings.parts_to_throw_insert;
  if (set.parts.size() < std::min(delay_at, throw_at)) return std::chrono::milliseconds(0);
  const FullestPartition fullest = FindFullestPartition(set);
  if (fullest.parts >= throw_at) {
    throw Error(ErrorCode::kTooManyParts,
                "Table " + set.schema->table_name + " has " + std::to_string(fullest.parts) +
                    " parts in partition " + fullest.id + ", the limit parts_to_throw_insert is " +
                    std::to_string(throw_at) +
                    ": merges do not keep up with inserts. Insert more rows at a time, or run "
                    "OPTIMIZE TABLE");
  }
  if (fullest.parts < delay_at) return std::chrono::milliseconds(0);
  return kLongestDelay * (fullest.parts - delay_at + 1) / (throw_at - delay_at);
}

}  // namespace granary
