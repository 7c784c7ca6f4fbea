#include "granary/examples/runner/standard_streams.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include <sys/stat.h>
#include <unistd.h>

#include "granary/table/error.h"

namespace granary::runner {

void OutputSink::Append(std::span<const std::byte> bytes) {
  before_write_();
  while (!bytes.empty()) {
    const ssize_t written = write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes = bytes.subspan(static_cast<size_t>(written));
    } else if (errno == EPIPE) {
      throw OutputClosed();
    } else if (errno != EINTR && errno != EAGAIN) {
      throw Error(ErrorCode::kCannotWriteFile,
                  std::string("Cannot write to standard output: ") + std::strerror(errno));
    }
  }
}

InputStream::InputStream() {
  struct stat info {};
  if (fstat(STDIN_FILENO, &info) == 0 && S_ISREG(info.st_mode)) {
    bytes_total_ = static_cast<uint64_t>(info.st_size);
  }
}

size_t InputStream::Read(std::span<char> buffer, const CancelToken& cancel) {
  while (true) {
    if (cancel.cancelled()) {
      throw Error(ErrorCode::kQueryWasCancelled, "Cancelled while reading standard input");
    }
    const ssize_t bytes = read(STDIN_FILENO, buffer.data(), buffer.size());
    if (bytes >= 0) {
      bytes_read_ += static_cast<uint64_t>(bytes);
      return static_cast<size_t>(bytes);
    }
    if (errno != EINTR) {
      throw Error(ErrorCode::kCannotReadFile,
                  std::string("Cannot read standard input: ") + std::strerror(errno));
    }
  }
}

std::string InputStream::ReadAll(const CancelToken& cancel) {
  constexpr size_t kChunkBytes = size_t{1} << 16;
  std::string text;
  while (true) {
    const size_t size = text.size();
    text.resize(size + kChunkBytes);
    const size_t bytes = Read(std::span(text).subspan(size), cancel);
    text.resize(size + bytes);
    if (bytes == 0) return text;
  }
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file) {
    throw Error(ErrorCode::kCannotOpenFile, "Cannot open " + path + ": " + std::strerror(errno));
  }
  if (file.peek() != std::ifstream::traits_type::eof() && !(text << file.rdbuf())) {
    throw Error(ErrorCode::kCannotReadFile, "Cannot read " + path);
  }
  return std::move(text).str();
}

}  // namespace granary::runner
