// Standard input and output as the library takes them: a pull function and a sink.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "granary/table/byte_stream.h"
#include "granary/table/task_context.h"

namespace granary::runner {

// What OutputSink throws when nobody reads the output any more (`| head`): no error to report.
struct OutputClosed {};

class OutputSink final : public ByteSink {
 public:
  // `before_write` is called before each write, for whatever else stands on the terminal.
  explicit OutputSink(std::function<void()> before_write)
      : before_write_(std::move(before_write)) {}

  // Throws OutputClosed, or CANNOT_WRITE_TO_FILE_DESCRIPTOR.
  void Append(std::span<const std::byte> bytes) override;
  void Append(std::string_view text) { Append(std::as_bytes(std::span(text))); }

 private:
  std::function<void()> before_write_;
};

// Bytes of standard input, counted.
class InputStream {
 public:
  InputStream();

  // Fills the buffer with what there is, at least a byte, 0 at the end. Throws
  // QUERY_WAS_CANCELLED when Ctrl-C cancelled the token, CANNOT_READ_FROM_FILE_DESCRIPTOR.
  size_t Read(std::span<char> buffer, const CancelToken& cancel);
  std::string ReadAll(const CancelToken& cancel);

  uint64_t bytes_read() const { return bytes_read_; }
  // The size of the file that standard input is; 0 for pipes and terminals.
  uint64_t bytes_total() const { return bytes_total_; }

 private:
  std::atomic<uint64_t> bytes_read_{0};
  uint64_t bytes_total_ = 0;
};

// The text of a file. Throws CANNOT_OPEN_FILE, CANNOT_READ_FROM_FILE_DESCRIPTOR.
std::string ReadFile(const std::string& path);

}  // namespace granary::runner
