// The bytes that an input format reads: memory, a pull function (a file, standard input), or the
// one followed by the other (the data in the text of an INSERT, then what the caller streams). A
// format looks at a window of contiguous bytes and asks for more until a whole row is in it, so
// that inputs of any size are read with memory for one row and a chunk. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace granary {

class InputBytes {
 public:
  // Fills the buffer and returns the number of bytes, 0 at the end. May throw.
  using Pull = std::function<size_t(std::span<char> buffer)>;

  // `memory` outlives the object and is not copied.
  explicit InputBytes(std::string_view memory) : window_(memory) {}
  explicit InputBytes(Pull pull) : pull_(std::move(pull)) {}
  InputBytes(std::string_view memory, Pull pull) : window_(memory), pull_(std::move(pull)) {}
  InputBytes(InputBytes&&) noexcept = default;
  InputBytes& operator=(InputBytes&&) noexcept = default;

  // The bytes in memory that have not been skipped. Valid until More() or destruction.
  std::string_view window() const { return window_; }
  // `bytes` is at most window().size().
  void Skip(size_t bytes) {
    window_.remove_prefix(bytes);
    skipped_ += bytes;
  }
  // Makes the window longer; false if there is nothing more. Grows geometrically, so that asking
  // again for the end of a long row takes linear time. Throws TOO_LARGE_STRING_SIZE when a window
  // passes 1 GiB: no row is that long.
  bool More();
  // How many bytes have been skipped since the beginning.
  uint64_t position() const { return skipped_; }

 private:
  std::string_view window_;
  Pull pull_;
  std::vector<char> buffer_;  // what window_ views once something was pulled
  uint64_t skipped_ = 0;
};

}  // namespace granary
