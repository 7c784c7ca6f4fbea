#include "granary/parts/file_system.h"

#include <cerrno>
#include <cstring>
#include <system_error>

#include <fmt/format.h>

namespace granary {

void ThrowFileError(std::string_view operation, const std::string& path, int error_number,
                    ErrorCode code) {
  const std::string reason = std::generic_category().message(error_number);
  if (error_number == ENOSPC || error_number == EDQUOT) {
    throw Error(ErrorCode::kNotEnoughSpace,
                fmt::format("Cannot {} {}: {} (errno {}). Free some space and try again", operation,
                            path, reason, error_number));
  }
  if (error_number == ENOENT) code = ErrorCode::kFileDoesntExist;
  throw Error(code,
              fmt::format("Cannot {} {}: {} (errno {})", operation, path, reason, error_number));
}

std::string JoinPath(std::string_view directory, std::string_view name) {
  std::string path(directory);
  if (!path.empty() && path.back() != '/') path += '/';
  path += name;
  return path;
}

std::string ParentDirectory(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return std::string(path.substr(0, slash == 0 ? 1 : slash));
}

void CreateDirectories(FileSystem& files, const std::string& path) {
  if (files.Exists(path)) return;
  const std::string parent = ParentDirectory(path);
  CreateDirectories(files, parent);
  files.CreateDirectory(path);
  files.SyncDirectory(parent);
}

void RemoveTree(FileSystem& files, const std::string& path) {
  if (!files.Exists(path)) return;
  if (!files.IsDirectory(path)) {
    files.Remove(path);
    return;
  }
  for (const std::string& name : files.List(path)) RemoveTree(files, JoinPath(path, name));
  files.RemoveDirectory(path);
}

std::vector<std::byte> ReadWholeFile(FileSystem& files, const std::string& path) {
  const auto file = files.OpenForRead(path);
  std::vector<std::byte> bytes(file->size());
  file->ReadAt(0, bytes);
  return bytes;
}

}  // namespace granary
