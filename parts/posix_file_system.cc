#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "granary/parts/file_system.h"

namespace granary {
namespace {

constexpr size_t kWriteBufferBytes = size_t{1} << 18;
// A pipe in the place of a file is not waited for; it has a size of 0. Files do not care.
constexpr int kReadFlags = O_RDONLY | O_NONBLOCK;

class FileDescriptor {
 public:
  FileDescriptor(const std::string& path, int flags) : fd_(Open(path, flags)) {
    if (fd_ < 0) {
      ThrowFileError((flags & O_CREAT) != 0 ? "create" : "open", path, errno,
                     ErrorCode::kCannotOpenFile);
    }
  }
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  static int Open(const std::string& path, int flags) {
    int fd;
    do {
      fd = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
    } while (fd < 0 && errno == EINTR);
    return fd;
  }

  int fd_;
};

uint64_t FileBytes(int fd, const std::string& path) {
  struct stat status;
  if (::fstat(fd, &status) != 0) {
    ThrowFileError("read the size of", path, errno, ErrorCode::kCannotReadFile);
  }
  return static_cast<uint64_t>(status.st_size);
}

void ReadFully(int fd, const std::string& path, uint64_t offset, std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t got = ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) ThrowFileError("read", path, errno, ErrorCode::kCannotReadFile);
    if (got == 0) {
      throw Error(ErrorCode::kCannotReadAllData,
                  fmt::format("Cannot read {} bytes at offset {} of {}: the file ends before",
                              out.size(), offset, path));
    }
    out = out.subspan(static_cast<size_t>(got));
    offset += static_cast<uint64_t>(got);
  }
}

void WriteFully(int fd, const std::string& path, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) ThrowFileError("write to", path, errno, ErrorCode::kCannotWriteFile);
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

class PosixWritableFile final : public WritableFile {
 public:
  PosixWritableFile(std::string path, int flags)
      : path_(std::move(path)), fd_(path_, flags), size_(FileBytes(fd_.get(), path_)) {}

  void Append(std::span<const std::byte> bytes) override {
    size_ += bytes.size();
    if (buffer_.size() + bytes.size() < kWriteBufferBytes) {
      buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
      return;
    }
    Flush();
    Write(bytes);
  }

  uint64_t size() const override { return size_; }

  void Flush() override {
    Write(buffer_);
    buffer_.clear();
  }

  // A hint: what it cannot begin, Sync reports.
  void StartSync() override {
    Flush();
    ::sync_file_range(fd_.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
  }

  void Sync() override {
    Flush();
    if (::fdatasync(fd_.get()) != 0) {
      ThrowFileError("sync", path_, errno, ErrorCode::kCannotWriteFile);
    }
  }

  void CutBack(uint64_t size) override {
    buffer_.clear();
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) {
      ThrowFileError("cut back", path_, errno, ErrorCode::kCannotWriteFile);
    }
    size_ = size;
  }

  void Close() override {
    Flush();
    if (::close(fd_.Release()) != 0) {
      ThrowFileError("close", path_, errno, ErrorCode::kCannotWriteFile);
    }
  }

 private:
  void Write(std::span<const std::byte> bytes) { WriteFully(fd_.get(), path_, bytes); }

  const std::string path_;
  FileDescriptor fd_;
  uint64_t size_;
  std::vector<std::byte> buffer_;
};

class PosixReadableFile final : public ReadableFile {
 public:
  explicit PosixReadableFile(std::string path)
      : path_(std::move(path)), fd_(path_, kReadFlags), size_(FileBytes(fd_.get(), path_)) {}

  uint64_t size() const override { return size_; }
  void ReadAt(uint64_t offset, std::span<std::byte> out) const override {
    ReadFully(fd_.get(), path_, offset, out);
  }

 private:
  const std::string path_;
  const FileDescriptor fd_;
  const uint64_t size_;
};

class PosixFileMap final : public FileMap {
 public:
  explicit PosixFileMap(std::string path) : path_(std::move(path)) {
    const FileDescriptor fd(path_, kReadFlags);
    const uint64_t size = FileBytes(fd.get(), path_);
    if (size == 0) return;
    void* address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
    if (address == MAP_FAILED) ThrowFileError("map", path_, errno, ErrorCode::kCannotReadFile);
    bytes_ = {static_cast<const std::byte*>(address), size};
  }
  ~PosixFileMap() override {
    if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  }

  // Reading the range through the descriptor would work everywhere, but copies it; kernels before
  // 5.14 lack MADV_POPULATE_READ.
  void Populate(uint64_t offset, uint64_t bytes) const override {
    if (bytes == 0) return;
    const uint64_t begin = offset & ~uint64_t{4095};
    void* address = const_cast<std::byte*>(bytes_.data()) + begin;
    const uint64_t length = offset + bytes - begin;
    while (::madvise(address, length, MADV_POPULATE_READ) != 0) {
      if (errno == EINTR || errno == EAGAIN) continue;
      ReadRange(offset, bytes);
      return;
    }
  }

 private:
  void ReadRange(uint64_t offset, uint64_t bytes) const {
    const FileDescriptor fd(path_, kReadFlags);
    std::vector<std::byte> scratch(std::min<uint64_t>(bytes, 1 << 20));
    for (uint64_t done = 0; done < bytes; done += scratch.size()) {
      const size_t step = std::min<uint64_t>(scratch.size(), bytes - done);
      ReadFully(fd.get(), path_, offset + done, std::span(scratch).first(step));
    }
  }

  const std::string path_;
};

class PosixFileLock final : public FileLock {
 public:
  explicit PosixFileLock(const std::string& path) : fd_(path, O_RDWR | O_CREAT) {
    if (::flock(fd_.get(), LOCK_EX | LOCK_NB) == 0) return;
    if (errno != EWOULDBLOCK) ThrowFileError("lock", path, errno, ErrorCode::kCannotOpenFile);
    throw Error(ErrorCode::kLockedDirectory,
                fmt::format("{} is locked: the directory is open for writing elsewhere. Close the "
                            "other user of it, or open it read-only",
                            path));
  }

 private:
  const FileDescriptor fd_;
};

class PosixFiles final : public FileSystem {
 public:
  std::unique_ptr<WritableFile> Create(const std::string& path) override {
    return std::make_unique<PosixWritableFile>(path, O_WRONLY | O_CREAT | O_EXCL);
  }
  std::unique_ptr<WritableFile> OpenForAppend(const std::string& path) override {
    return std::make_unique<PosixWritableFile>(path, O_WRONLY | O_APPEND);
  }
  void Overwrite(const std::string& path, std::span<const std::byte> bytes) override {
    const FileDescriptor fd(path, O_WRONLY | O_CREAT);
    WriteFully(fd.get(), path, bytes);
  }
  std::unique_ptr<ReadableFile> OpenForRead(const std::string& path) override {
    return std::make_unique<PosixReadableFile>(path);
  }
  std::shared_ptr<const FileMap> Map(const std::string& path) override {
    return std::make_shared<PosixFileMap>(path);
  }

  std::vector<std::string> List(const std::string& directory) override {
    std::vector<std::string> names;
    std::error_code error;
    std::filesystem::directory_iterator entry(directory, error);
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
      names.push_back(entry->path().filename().string());
    }
    if (error) ThrowFileError("list", directory, error.value(), ErrorCode::kCannotReadFile);
    std::sort(names.begin(), names.end());
    return names;
  }

  bool Exists(const std::string& path) override { return ::access(path.c_str(), F_OK) == 0; }

  bool IsDirectory(const std::string& path) override {
    struct stat status;
    return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
  }

  uint64_t Size(const std::string& path) override {
    struct stat status;
    if (::stat(path.c_str(), &status) != 0) {
      ThrowFileError("read the size of", path, errno, ErrorCode::kCannotReadFile);
    }
    return static_cast<uint64_t>(status.st_size);
  }

  void Remove(const std::string& path) override { Check(::unlink(path.c_str()), "remove", path); }
  void CreateDirectory(const std::string& path) override {
    Check(::mkdir(path.c_str(), 0755), "create the directory", path);
  }
  void RemoveDirectory(const std::string& path) override {
    Check(::rmdir(path.c_str()), "remove the directory", path);
  }
  void Rename(const std::string& from, const std::string& to) override {
    Check(::rename(from.c_str(), to.c_str()), fmt::format("rename to {} the file", to), from);
  }
  void SyncDirectory(const std::string& path) override {
    const FileDescriptor fd(path, O_RDONLY | O_DIRECTORY);
    Check(::fsync(fd.get()), "sync the directory", path);
  }
  std::unique_ptr<FileLock> Lock(const std::string& path) override {
    return std::make_unique<PosixFileLock>(path);
  }

 private:
  static void Check(int result, std::string_view operation, const std::string& path) {
    if (result != 0) ThrowFileError(operation, path, errno, ErrorCode::kCannotWriteFile);
  }
};

}  // namespace

std::shared_ptr<FileSystem> PosixFileSystem() { return std::make_shared<PosixFiles>(); }

}  // namespace granary
