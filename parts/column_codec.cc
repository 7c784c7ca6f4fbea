#include "granary/parts/column_codec.h"

#include <limits>
#include <vector>

#include <fmt/format.h>

namespace granary {
namespace {

constexpr size_t kPieceAlignment = 8;

std::span<const std::byte> ReadPiece(ByteReader& in, size_t bytes) {
  const auto piece = in.ReadBytes(bytes);
  const size_t padding = (kPieceAlignment - bytes % kPieceAlignment) % kPieceAlignment;
  in.ReadBytes(padding);
  return piece;
}

template <class Variable>
void EncodeLengths(const Variable& column, uint64_t begin, size_t first_row, size_t rows,
                   ErrorCode too_long, ByteWriter& out) {
  std::vector<uint32_t> lengths(rows);
  for (size_t i = 0; i < rows; ++i) {
    const uint64_t end = column.end_offsets()[first_row + i];
    if (end - begin > std::numeric_limits<uint32_t>::max()) {
      throw Error(too_long, fmt::format("A value of {} bytes or elements is too long to be stored: "
                                        "the limit is {}",
                                        end - begin, std::numeric_limits<uint32_t>::max()));
    }
    lengths[i] = static_cast<uint32_t>(end - begin);
    begin = end;
  }
  out.WriteBytes(lengths.data(), rows * sizeof(uint32_t));
  out.AlignTo(kPieceAlignment);
}

std::vector<uint64_t> DecodeLengths(size_t rows, ByteReader& in) {
  if (rows > in.remaining() / sizeof(uint32_t)) in.ThrowCorrupted("fewer lengths than rows");
  const auto* lengths =
      reinterpret_cast<const uint32_t*>(ReadPiece(in, rows * sizeof(uint32_t)).data());
  std::vector<uint64_t> end_offsets(rows);
  uint64_t end = 0;
  for (size_t i = 0; i < rows; ++i) end_offsets[i] = end += lengths[i];
  return end_offsets;
}

// What a decoded string column keeps alive.
struct StringMemory {
  std::shared_ptr<const void> chars_owner;
  std::vector<uint64_t> end_offsets;
};

ColumnPtr DecodeStrings(size_t rows, const std::shared_ptr<const void>& owner, ByteReader& in) {
  auto memory = std::make_shared<StringMemory>(StringMemory{owner, DecodeLengths(rows, in)});
  const uint64_t bytes = rows == 0 ? 0 : memory->end_offsets.back();
  if (bytes > in.remaining()) in.ThrowCorrupted("fewer characters than the lengths say");
  const char* chars = reinterpret_cast<const char*>(ReadPiece(in, bytes).data());
  const uint64_t* end_offsets = memory->end_offsets.data();
  return std::make_shared<StringColumn>(std::move(memory), end_offsets, rows, 0, chars);
}

ColumnPtr DecodeArrays(const DataType& type, size_t rows, const std::shared_ptr<const void>& owner,
                       ByteReader& in) {
  std::vector<uint64_t> end_offsets = DecodeLengths(rows, in);
  const uint64_t count = rows == 0 ? 0 : end_offsets.back();
  if (count > in.remaining()) in.ThrowCorrupted("fewer elements than the lengths say");
  ColumnPtr elements = DecodeRows(type.element(), count, owner, in);
  return std::make_shared<ArrayColumn>(std::move(elements), std::move(end_offsets));
}

}  // namespace

void EncodeRows(const Column& column, size_t first_row, size_t rows, ByteWriter& out) {
  if (column.type().is_string()) {
    const auto& strings = AsStrings(column);
    const uint64_t* ends = strings.end_offsets();
    const uint64_t begin = first_row == 0 ? strings.first_offset() : ends[first_row - 1];
    EncodeLengths(strings, begin, first_row, rows, ErrorCode::kTooLargeStringSize, out);
    if (rows > 0) out.WriteBytes(strings.chars() + begin, ends[first_row + rows - 1] - begin);
    out.AlignTo(kPieceAlignment);
  } else if (column.type().is_array()) {
    const auto& arrays = AsArrays(column);
    const uint64_t begin = arrays.Begin(first_row);
    const uint64_t end = rows == 0 ? begin : arrays.End(first_row + rows - 1);
    EncodeLengths(arrays, begin, first_row, rows, ErrorCode::kTooLargeArraySize, out);
    EncodeRows(*arrays.elements(), begin, end - begin, out);
  } else {
    VisitFixedType(column.type().id(), [&]<class T>() {
      out.WriteBytes(AsNumbers<T>(column).data() + first_row, rows * sizeof(T));
    });
    out.AlignTo(kPieceAlignment);
  }
}

ColumnPtr DecodeRows(const DataType& type, size_t rows, const std::shared_ptr<const void>& owner,
                     ByteReader& in) {
  if (type.is_string()) return DecodeStrings(rows, owner, in);
  if (type.is_array()) return DecodeArrays(type, rows, owner, in);
  return VisitFixedType(type.id(), [&]<class T>() -> ColumnPtr {
    if (rows > in.remaining() / sizeof(T)) in.ThrowCorrupted("fewer values than rows");
    const auto* values = reinterpret_cast<const T*>(ReadPiece(in, rows * sizeof(T)).data());
    return std::make_shared<NumberColumn<T>>(type, owner, values, rows);
  });
}

}  // namespace granary
