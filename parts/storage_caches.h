// The caches that all tables of a Database share: decompressed column data and opened sub-indexes.
// Created by Database, handed to Catalog and TableStore; thread-safe.
#pragma once

#include <cstddef>
#include <memory>

namespace granary {

class StorageCaches {
 public:
  struct Limits {
    size_t frame_bytes = size_t{128} << 20;  // decompressed column data; 0: nothing is kept
    size_t sub_indexes = 65536;              // opened sub-indexes
  };
  explicit StorageCaches(Limits limits);
  ~StorageCaches();

  // Drops what is cached; running queries keep what they hold.
  void ClearFrames();
  void ClearSubIndexes();

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace granary
