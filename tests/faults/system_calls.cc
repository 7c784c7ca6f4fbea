#include "granary/tests/faults/system_calls.h"

#include <cerrno>
#include <cstdarg>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace granary::testing {
namespace {

struct Watch {
  bool is_on = false;
  bool is_armed = false;
  uint64_t calls = 0;
  uint64_t failing = 0;
  Fault fault;
  bool has_failed = false;
};
Watch watch;

enum class Call { kPath, kTransfer, kOther };

// Counts a call. True if it has to fail with errno set, or to be short (then `count` is less).
bool Fails(Call call, size_t* count = nullptr) {
  if (!watch.is_on) return false;
  const uint64_t number = watch.calls++;
  if (!watch.is_armed || number != watch.failing) return false;
  switch (watch.fault.kind) {
    case Fault::Kind::kErrno:
      errno = watch.fault.error_number;
      break;
    case Fault::Kind::kInterrupted:
      if (call == Call::kOther) return false;
      errno = EINTR;
      break;
    case Fault::Kind::kShort:
      if (count == nullptr || *count < 2) return false;
      *count /= 2;
      watch.has_failed = true;
      return false;
  }
  watch.has_failed = true;
  return true;
}

}  // namespace

void WatchCalls() {
  watch = {};
  watch.is_on = true;
}

void FailCall(uint64_t number, const Fault& fault) {
  watch = {};
  watch.failing = number;
  watch.fault = fault;
  watch.is_armed = watch.is_on = true;
}

uint64_t StopWatching() {
  watch.is_on = false;
  return watch.calls;
}

bool HasFailed() { return watch.has_failed; }

}  // namespace granary::testing

using granary::testing::Call;
using granary::testing::Fails;

extern "C" {

int open(const char* path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  if (Fails(Call::kPath)) return -1;
  return static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

ssize_t write(int fd, const void* data, size_t count) {
  if (Fails(Call::kTransfer, &count)) return -1;
  return ::syscall(SYS_write, fd, data, count);
}

ssize_t pread(int fd, void* data, size_t count, off_t offset) {
  if (Fails(Call::kTransfer, &count)) return -1;
  return ::syscall(SYS_pread64, fd, data, count, offset);
}

// Nothing here pulls the plug, so that there is nothing to wait for.
int fdatasync(int) { return Fails(Call::kOther) ? -1 : 0; }
int fsync(int) { return Fails(Call::kOther) ? -1 : 0; }

int ftruncate(int fd, off_t size) noexcept {
  if (Fails(Call::kOther)) return -1;
  return static_cast<int>(::syscall(SYS_ftruncate, fd, size));
}

int rename(const char* from, const char* to) noexcept {
  if (Fails(Call::kOther)) return -1;
  return static_cast<int>(::syscall(SYS_rename, from, to));
}

int mkdir(const char* path, mode_t mode) noexcept {
  if (Fails(Call::kOther)) return -1;
  return static_cast<int>(::syscall(SYS_mkdir, path, mode));
}

int unlink(const char* path) noexcept {
  if (Fails(Call::kOther)) return -1;
  return static_cast<int>(::syscall(SYS_unlink, path));
}

int rmdir(const char* path) noexcept {
  if (Fails(Call::kOther)) return -1;
  return static_cast<int>(::syscall(SYS_rmdir, path));
}

void* mmap(void* address, size_t length, int protection, int flags, int fd, off_t offset) noexcept {
  // Memory is no file.
  if (fd >= 0 && Fails(Call::kOther)) return MAP_FAILED;
  return reinterpret_cast<void*>(
      ::syscall(SYS_mmap, address, length, protection, flags, fd, offset));
}

}  // extern "C"
