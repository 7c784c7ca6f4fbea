// Opened sub-indexes, shared by all queries, and what they were opened from.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "granary/parts/clock_cache.h"
#include "granary/parts/file_system.h"
#include "granary/parts/frame.h"
#include "granary/parts/storage_caches.h"
#include "granary/skipindex/skip_index.h"

namespace granary {

// `sub_index` is null if the sub-index was found damaged: the finding is cached too.
struct OpenedSubIndex {
  std::shared_ptr<const FileMap> index_map;
  std::shared_ptr<const FileMap> vector_map;
  VectorRows vectors;
  std::shared_ptr<const SkipIndex> index;
  std::shared_ptr<const SubIndex> sub_index;
  // What the cache was told last.
  mutable std::atomic<size_t> weight{0};

  size_t heap_bytes() const {
    // With its entry in the cache.
    constexpr size_t kOwnBytes = 512;
    return kOwnBytes + (sub_index != nullptr ? sub_index->heap_bytes() : 0);
  }
};

struct StorageCaches::Impl {
  Impl(const Limits& limits, MemoryTracker* memory)
      : frames(limits.frame_bytes, memory), sub_indexes(limits.sub_index_bytes, memory) {}

  std::atomic<uint64_t> next_part_id{1};
  ClockCache<Frame> frames;
  ClockCache<OpenedSubIndex> sub_indexes;
  std::function<void(std::weak_ptr<const Part>)> on_unverified_index;
  std::function<void()> on_damaged_index;
};

}  // namespace granary
