#include "granary/parts/table_directory.h"

#include <exception>
#include <utility>

namespace granary {

TableDirectory::TableDirectory(std::shared_ptr<FileSystem> files, std::string path,
                               const LogOwner& owner, std::shared_ptr<StorageCaches> caches,
                               std::shared_ptr<DeferredRemovals> removals)
    : files_(std::move(files)),
      path_(std::move(path)),
      owner_(owner),
      caches_(std::move(caches)),
      removals_(std::move(removals)) {}

TableDirectory::~TableDirectory() {
  if (remove_when_unused_.load()) Remove(path_);
}

void TableDirectory::Remove(const std::string& path) noexcept {
  if (removals_ != nullptr) {
    removals_->Remove(path);
  } else {
    RemoveQuietly(*files_, path);
  }
}

PartDirectory::PartDirectory(std::shared_ptr<TableDirectory> table, const std::string& name,
                             bool keep)
    : table_(std::move(table)), path_(JoinPath(table_->path(), name)), kept_(keep) {}

PartDirectory::~PartDirectory() {
  if (kept_.load()) return;
  if (was_named_.load()) {
    table_->Remove(path_);
  } else {
    RemoveQuietly(files(), path_);
  }
}

void PartDirectory::TakeAway() {
  was_named_.store(true);
  SetKept(false);
}

void PartDirectory::Hold(std::shared_ptr<const ReaderLease> lease) {
  const std::lock_guard lock(lease_mutex_);
  std::swap(lease_, lease);
}

}  // namespace granary
