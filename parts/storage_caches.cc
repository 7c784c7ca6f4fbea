#include "granary/parts/storage_caches.h"

#include "granary/parts/sub_index_cache.h"

namespace granary {

StorageCaches::StorageCaches(Limits limits) : impl_(std::make_unique<Impl>(limits)) {}
StorageCaches::~StorageCaches() = default;

void StorageCaches::ClearFrames() { impl_->frames.Clear(); }
void StorageCaches::ClearSubIndexes() { impl_->sub_indexes.Clear(); }

}  // namespace granary
