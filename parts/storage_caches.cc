#include "granary/parts/storage_caches.h"

#include <utility>

#include "granary/parts/sub_index_cache.h"

namespace granary {

StorageCaches::StorageCaches(Limits limits, MemoryTracker* memory)
    : impl_(std::make_unique<Impl>(limits, memory)) {}
StorageCaches::~StorageCaches() = default;

void StorageCaches::OnUnverifiedIndex(std::function<void(std::weak_ptr<const Part>)> listener) {
  impl_->on_unverified_index = std::move(listener);
}

void StorageCaches::OnDamagedIndex(std::function<void()> listener) {
  impl_->on_damaged_index = std::move(listener);
}

void StorageCaches::ClearFrames() { impl_->frames.Clear(); }
void StorageCaches::ClearSubIndexes() { impl_->sub_indexes.Clear(); }

}  // namespace granary
