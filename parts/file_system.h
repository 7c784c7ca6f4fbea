// All access to files. Everything that Granary reads or writes on disk goes through this interface,
// so that tests can count, fail and forget file operations (simulated_disk.h).
//
// Files are written once, from front to back, and never changed afterwards; logs are only ever
// appended to, and cut back where an append failed. Hints are overwritten. Paths are plain strings
// with '/' between components.
//
// Every function throws granary::Error and names the file, the operation and the system's reason: a
// full disk is NOT_ENOUGH_SPACE, a missing file FILE_DOESNT_EXIST, everything else
// CANNOT_OPEN_FILE, CANNOT_READ_FROM_FILE_DESCRIPTOR or CANNOT_WRITE_TO_FILE_DESCRIPTOR. A
// FileSystem may be used from any thread; a WritableFile belongs to one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "granary/table/byte_stream.h"

namespace granary {

// A file being written. Closed by its destructor, which drops what was appended since the last
// Sync or Close and not yet handed to the system.
class WritableFile : public ByteSink {
 public:
  // Bytes appended so far, those that were in the file when it was opened included.
  virtual uint64_t size() const = 0;
  // Hands everything appended so far to the system: it can be read and mapped from now on.
  virtual void Flush() = 0;
  // Flush, and ask the system to begin the writing that Sync would wait for.
  virtual void StartSync() = 0;
  // Flush, then wait until the contents are on stable storage.
  virtual void Sync() = 0;
  // Drops everything behind the first `size` bytes, appended or in the file already. Does not sync.
  virtual void CutBack(uint64_t size) = 0;
  // Flush and close; nothing may be called afterwards. Does not sync.
  virtual void Close() = 0;
};

// An open file. Thread-safe.
class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  virtual uint64_t size() const = 0;
  // Fills `out` with the bytes from `offset` on. Throws CANNOT_READ_ALL_DATA beyond the end.
  virtual void ReadAt(uint64_t offset, std::span<std::byte> out) const = 0;
};

// A whole file in memory, read-only; lives on after the file is removed. Thread-safe.
class FileMap {
 public:
  virtual ~FileMap() = default;
  // Starts at a multiple of 64.
  std::span<const std::byte> bytes() const { return bytes_; }
  // Brings a range into memory before it is first touched, so that a failing disk is an exception
  // and not a signal.
  virtual void Populate(uint64_t offset, uint64_t bytes) const = 0;

 protected:
  std::span<const std::byte> bytes_;
};

// Holds a lock; released by the destructor, and by the system if the process dies.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // A new, empty file; fails if there is one of that name.
  virtual std::unique_ptr<WritableFile> Create(const std::string& path) = 0;
  // An existing file, to append to.
  virtual std::unique_ptr<WritableFile> OpenForAppend(const std::string& path) = 0;
  // Writes over the first bytes of a file, which is made if there is none. Neither durable nor
  // atomic: for hints that carry a checksum.
  virtual void Overwrite(const std::string& path, std::span<const std::byte> bytes) = 0;
  virtual std::unique_ptr<ReadableFile> OpenForRead(const std::string& path) = 0;
  // The file as it is now; what is appended later is not part of the map.
  virtual std::shared_ptr<const FileMap> Map(const std::string& path) = 0;

  // Names in a directory (files and directories, without the path), sorted.
  virtual std::vector<std::string> List(const std::string& directory) = 0;
  virtual bool Exists(const std::string& path) = 0;
  virtual bool IsDirectory(const std::string& path) = 0;
  // Bytes of a file.
  virtual uint64_t Size(const std::string& path) = 0;

  virtual void Remove(const std::string& path) = 0;
  // Fails if it exists or its parent does not.
  virtual void CreateDirectory(const std::string& path) = 0;
  // Fails unless empty.
  virtual void RemoveDirectory(const std::string& path) = 0;
  // A file or a directory; replaces a file of the new name atomically.
  virtual void Rename(const std::string& from, const std::string& to) = 0;
  // Makes the creations, removals and renames in a directory durable.
  virtual void SyncDirectory(const std::string& path) = 0;

  // Creates `path` if needed and locks it. Throws DIRECTORY_IS_LOCKED if anyone, in this process or
  // another, holds it.
  virtual std::unique_ptr<FileLock> Lock(const std::string& path) = 0;
};

// The files of the operating system.
std::shared_ptr<FileSystem> PosixFileSystem();

// Throws the Error of a failed system call: NOT_ENOUGH_SPACE, FILE_DOESNT_EXIST, or else `code`.
[[noreturn]] void ThrowFileError(std::string_view operation, const std::string& path,
                                 int error_number, ErrorCode code);

std::string JoinPath(std::string_view directory, std::string_view name);
// "." if there is none.
std::string ParentDirectory(std::string_view path);
// Creates a directory and those above it that are missing, each made durable.
void CreateDirectories(FileSystem& files, const std::string& path);
// Removes a file, or a directory with everything in it. A missing path is fine.
void RemoveTree(FileSystem& files, const std::string& path);
// The whole contents of a small file.
std::vector<std::byte> ReadWholeFile(FileSystem& files, const std::string& path);

}  // namespace granary
