#include "granary/parts/reader_lease.h"

#include <exception>
#include <random>
#include <utility>

#include <fmt/format.h>

namespace granary {
namespace {

// Each is lost only to a writer or a reader that comes in between.
constexpr int kAttempts = 100;

std::string NewName() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}", random(), random());
}

void RemoveDirectoryIfEmpty(FileSystem& files, const std::string& path) {
  try {
    files.RemoveDirectory(path);
  } catch (const Error&) {  // it is not empty, or another one has removed it
  }
}

void MakeDirectory(FileSystem& files, const std::string& path) {
  if (files.Exists(path)) return;
  try {
    files.CreateDirectory(path);
  } catch (const Error&) {
    if (!files.Exists(path)) throw;
  }
}

bool IsRefusal(const Error& error) {
  return error.code() == ErrorCode::kCannotOpenFile ||
         error.code() == ErrorCode::kCannotWriteFile || error.code() == ErrorCode::kNotEnoughSpace;
}

}  // namespace

ReaderLease::ReaderLease(std::shared_ptr<FileSystem> files, std::string path,
                         std::unique_ptr<FileLock> lock)
    : files_(std::move(files)), path_(std::move(path)), lock_(std::move(lock)) {}

ReaderLease::~ReaderLease() {
  try {
    files_->Remove(path_);
    RemoveDirectoryIfEmpty(*files_, ParentDirectory(path_));
  } catch (const std::exception&) {  // the writer removes it
  }
}

std::shared_ptr<const ReaderLease> ReaderLease::TryTake(const std::shared_ptr<FileSystem>& files,
                                                        const std::string& directory) {
  MakeDirectory(*files, directory);
  std::string path = JoinPath(directory, NewName());
  try {
    std::unique_ptr<FileLock> lock = files->Lock(path);
    // Between creation and lock the writer may have taken it for one of a dead reader.
    if (!files->Exists(path)) return nullptr;
    return std::shared_ptr<const ReaderLease>(
        new ReaderLease(files, std::move(path), std::move(lock)));
  } catch (const Error& error) {
    const bool was_overtaken =
        error.code() == ErrorCode::kLockedDirectory || error.code() == ErrorCode::kFileDoesntExist;
    if (!was_overtaken) throw;
    return nullptr;
  }
}

std::shared_ptr<const ReaderLease> ReaderLease::Take(const std::shared_ptr<FileSystem>& files,
                                                     const std::string& database,
                                                     const TaskContext& context) {
  if (!files->IsDirectory(JoinPath(database, "tables"))) return nullptr;
  const std::string directory = JoinPath(database, kReadersDirectory);
  std::string problem = fmt::format("{} is contended", directory);
  try {
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      if (auto lease = TryTake(files, directory)) return lease;
    }
  } catch (const Error& error) {
    if (!IsRefusal(error)) throw;
    problem = error.message();
  }
  context.Warn(fmt::format(
      "A writer beside this reader will not know of it and deletes files that it no longer needs "
      "itself: statements then fail until Refresh. Make {} writable to prevent that ({})",
      directory, problem));
  return nullptr;
}

std::set<std::string> FindLiveLeases(FileSystem& files, const std::string& database) {
  const std::string directory = JoinPath(database, kReadersDirectory);
  std::set<std::string> live;
  if (!files.Exists(directory)) return live;
  for (const std::string& name : files.List(directory)) {
    const std::string path = JoinPath(directory, name);
    std::unique_ptr<FileLock> lock;
    try {
      lock = files.Lock(path);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kFileDoesntExist) live.insert(name);
      continue;
    }
    try {
      files.Remove(path);
    } catch (const Error&) {  // it is dead all the same
    }
  }
  if (live.empty()) RemoveDirectoryIfEmpty(files, directory);
  return live;
}

}  // namespace granary
