#include "granary/parts/storage_caches.h"

#include "granary/parts/sub_index_cache.h"

namespace granary {

StorageCaches::StorageCaches(Limits limits) : impl_(std::make_unique<Impl>(limits)) {}
StorageCaches::~StorageCaches() = default;

}  // namespace granary
