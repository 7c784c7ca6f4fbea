// Reading and writing little-endian binary data in memory: the vocabulary of every on-disk
// structure. A ByteReader treats its input as hostile: each read is bounds-checked and throws
// CORRUPTED_DATA, which names what was being read.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "granary/table/error.h"

namespace granary {

static_assert(std::endian::native == std::endian::little, "Granary stores little-endian data");

// Where bytes go, in order: a file being written, or memory.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual void Append(std::span<const std::byte> bytes) = 0;
};

// Appends to a growing buffer. Not thread-safe.
class ByteWriter final : public ByteSink {
 public:
  void Append(std::span<const std::byte> bytes) override { WriteBytes(bytes.data(), bytes.size()); }

  template <class T>
  void Write(T value) {
    static_assert(std::is_trivially_copyable_v<T>);
    WriteBytes(&value, sizeof(value));
  }
  // LEB128, 1 to 10 bytes.
  void WriteVarint(uint64_t value);
  // Length as a varint, then the bytes.
  void WriteString(std::string_view text);
  void WriteBytes(const void* data, size_t bytes);
  // Appends zero bytes until size() is a multiple of alignment.
  void AlignTo(size_t alignment);

  size_t size() const { return buffer_.size(); }
  std::span<const std::byte> bytes() const { return buffer_; }
  std::vector<std::byte> Take() { return std::move(buffer_); }
  void Clear() { buffer_.clear(); }

 private:
  std::vector<std::byte> buffer_;
};

// Reads from a span it does not own. Not thread-safe.
class ByteReader {
 public:
  // `what` names the data in error messages, for example "manifest of part all_1_1_0".
  ByteReader(std::span<const std::byte> data, std::string_view what) : data_(data), what_(what) {}

  template <class T>
  T Read() {
    static_assert(std::is_trivially_copyable_v<T>);
    T value;
    std::memcpy(&value, ReadBytes(sizeof(T)).data(), sizeof(T));
    return value;
  }
  uint64_t ReadVarint();
  // Views into the input; valid as long as it is.
  std::string_view ReadString();
  std::span<const std::byte> ReadBytes(size_t bytes);
  // A varint that counts things of at least `min_bytes_each` in the rest of the input; larger
  // counts are corruption, so that a damaged length never causes a huge allocation.
  size_t ReadCount(size_t min_bytes_each);

  size_t remaining() const { return data_.size() - position_; }
  size_t position() const { return position_; }
  // Throws CORRUPTED_DATA unless everything has been read.
  void ExpectEnd() const;
  [[noreturn]] void ThrowCorrupted(std::string_view problem) const;

 private:
  std::span<const std::byte> data_;
  size_t position_ = 0;
  std::string what_;
};

}  // namespace granary
