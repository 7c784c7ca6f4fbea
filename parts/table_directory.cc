#include "granary/parts/table_directory.h"

#include <exception>
#include <utility>

namespace granary {
namespace {

// What cannot be removed now is named by nothing and goes at the next open.
void RemoveQuietly(FileSystem& files, const std::string& path) {
  try {
    RemoveTree(files, path);
  } catch (const std::exception&) {
  }
}

}  // namespace

TableDirectory::TableDirectory(std::shared_ptr<FileSystem> files, std::string path,
                               const LogOwner& owner, std::shared_ptr<StorageCaches> caches)
    : files_(std::move(files)), path_(std::move(path)), owner_(owner), caches_(std::move(caches)) {}

TableDirectory::~TableDirectory() {
  if (remove_when_unused_.load()) RemoveQuietly(*files_, path_);
}

PartDirectory::PartDirectory(std::shared_ptr<TableDirectory> table, const std::string& name,
                             bool keep)
    : table_(std::move(table)), path_(JoinPath(table_->path(), name)), kept_(keep) {}

PartDirectory::~PartDirectory() {
  if (!kept_.load()) RemoveQuietly(files(), path_);
}

}  // namespace granary
