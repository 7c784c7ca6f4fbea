// Bytes that grow, charged to the task they grow for (memory_tracker.h): the characters of string
// columns. Unlike a vector they grow without being copied where the system can move pages, and
// appending a huge value checks now and then whether the task has been cancelled. Not thread-safe.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

#include "granary/table/memory_tracker.h"

namespace granary {

class ChargedBytes {
 public:
  ChargedBytes() = default;
  ChargedBytes(ChargedBytes&& other) noexcept;
  ChargedBytes& operator=(ChargedBytes&& other) noexcept;
  ~ChargedBytes();

  const char* data() const { return data_; }
  char* data() { return data_; }
  size_t size() const { return size_; }

  void Reserve(size_t bytes) {
    if (bytes > capacity_) Reallocate(bytes);
  }
  void Append(std::string_view text) {
    if (text.size() > kCopiedAtOnce) return AppendLong(text);
    char* const out = Extend(text.size());
    for (size_t i = 0; i < text.size(); ++i) out[i] = text[i];
  }
  void Append(char c) { *Extend(1) = c; }
  // Room for so many more, not initialised; valid until the next call.
  char* Extend(size_t bytes) {
    if (bytes > capacity_ - size_) Grow(bytes);
    return data_ + std::exchange(size_, size_ + bytes);
  }
  // Drops what is behind; bytes <= size().
  void Truncate(size_t bytes) { size_ = bytes; }
  // Gives back room that is not used, if it is much.
  void Trim();

 private:
  static constexpr size_t kCopiedAtOnce = 16;

  void AppendLong(std::string_view text);
  void Grow(size_t bytes);
  void Reallocate(size_t capacity);

  char* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
  MemoryAccount* account_ = nullptr;  // that `capacity_` is charged to
};

}  // namespace granary
