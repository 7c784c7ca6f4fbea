#include "granary/table/byte_stream.h"

namespace granary {

void ByteWriter::WriteVarint(uint64_t value) {
  while (value >= 0x80) {
    Write<uint8_t>(static_cast<uint8_t>(value | 0x80));
    value >>= 7;
  }
  Write<uint8_t>(static_cast<uint8_t>(value));
}

void ByteWriter::WriteString(std::string_view text) {
  WriteVarint(text.size());
  WriteBytes(text.data(), text.size());
}

void ByteWriter::WriteBytes(const void* data, size_t bytes) {
  const auto* begin = static_cast<const std::byte*>(data);
  buffer_.insert(buffer_.end(), begin, begin + bytes);
}

void ByteWriter::AlignTo(size_t alignment) {
  buffer_.resize((buffer_.size() + alignment - 1) / alignment * alignment);
}

uint64_t ByteReader::ReadVarint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const auto byte = Read<uint8_t>();
    if (shift == 63 && byte > 1) break;
    value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
  ThrowCorrupted("a variable-length number is longer than 64 bits");
}

std::string_view ByteReader::ReadString() {
  const auto bytes = ReadBytes(ReadCount(1));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::span<const std::byte> ByteReader::ReadBytes(size_t bytes) {
  if (bytes > remaining()) ThrowCorrupted("it ends early");
  const auto result = data_.subspan(position_, bytes);
  position_ += bytes;
  return result;
}

size_t ByteReader::ReadCount(size_t min_bytes_each) {
  const uint64_t count = ReadVarint();
  if (count > remaining() / min_bytes_each) ThrowCorrupted("a length reaches beyond its end");
  return count;
}

void ByteReader::ExpectEnd() const {
  if (remaining() != 0) ThrowCorrupted(std::to_string(remaining()) + " bytes too many");
}

void ByteReader::ThrowCorrupted(std::string_view problem) const {
  throw Error(
      ErrorCode::kCorruptedData,
      what_ + " is damaged at byte " + std::to_string(position_) + ": " + std::string(problem));
}

}  // namespace granary
