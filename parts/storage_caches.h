// The caches that all tables of a Database share: decompressed column data and opened sub-indexes.
// Created by Database, handed to Catalog and TableStore; thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace granary {

class MemoryTracker;
class Part;

class StorageCaches {
 public:
  struct Limits {
    size_t frame_bytes = size_t{128} << 20;  // decompressed column data; 0: nothing is kept
    size_t sub_index_bytes = size_t{64}
                             << 20;  // opened sub-indexes, as far as they are on the heap
  };
  // Both are charged to `memory`, if any, which outlives the caches; what it has no room for is not
  // kept.
  explicit StorageCaches(Limits limits, MemoryTracker* memory = nullptr);
  ~StorageCaches();

  // Called, from any thread, with a part one of whose sub-indexes has been opened without having
  // been verified; once per part. Set before any part is opened.
  void OnUnverifiedIndex(std::function<void(std::weak_ptr<const Part>)> listener);

  // Called, from any thread, when an index of a part has been found damaged, so that someone builds
  // it again. Set before any part is opened.
  void OnDamagedIndex(std::function<void()> listener);

  // Drops what is cached; running queries keep what they hold.
  void ClearFrames();
  void ClearSubIndexes();

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace granary
