#include "granary/parts/column_codec.h"

#include <limits>
#include <numeric>
#include <vector>

#include <fmt/format.h>

namespace granary {
namespace {

constexpr size_t kPieceAlignment = 8;

std::span<const std::byte> ReadPiece(ByteReader& in, size_t bytes) {
  const auto piece = in.ReadBytes(bytes);
  if (reinterpret_cast<uintptr_t>(piece.data()) % kPieceAlignment != 0) {
    in.ThrowCorrupted("values that do not begin at a multiple of 8");
  }
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

std::span<const uint32_t> ReadLengths(size_t rows, ByteReader& in) {
  if (rows > in.remaining() / sizeof(uint32_t)) in.ThrowCorrupted("fewer lengths than rows");
  return {reinterpret_cast<const uint32_t*>(ReadPiece(in, rows * sizeof(uint32_t)).data()), rows};
}

ChargedVector<uint64_t> DecodeLengths(size_t rows, ByteReader& in) {
  const std::span<const uint32_t> lengths = ReadLengths(rows, in);
  ChargedVector<uint64_t> end_offsets(rows);
  uint64_t end = 0;
  for (size_t i = 0; i < rows; ++i) end_offsets[i] = end += lengths[i];
  return end_offsets;
}

// What a decoded string column keeps alive.
struct StringMemory {
  std::shared_ptr<const void> chars_owner;
  ChargedVector<uint64_t> end_offsets;
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
  ChargedVector<uint64_t> end_offsets = DecodeLengths(rows, in);
  const uint64_t count = rows == 0 ? 0 : end_offsets.back();
  if (count > in.remaining()) in.ThrowCorrupted("fewer elements than the lengths say");
  ColumnPtr elements = DecodeRows(type.element(), count, owner, in);
  return std::make_shared<ArrayColumn>(std::move(elements), std::move(end_offsets));
}

// Values [begin, end) of a run of values.
struct ValueRange {
  uint64_t begin = 0;
  uint64_t end = 0;
};

// Where values of the given lengths, which lie one behind the other, begin and end: the wanted ones
// in order. `total` becomes the sum of all lengths.
std::vector<ValueRange> PlacesOf(std::span<const ValueRange> wanted,
                                 std::span<const uint32_t> lengths, uint64_t& total) {
  std::vector<ValueRange> places;
  total = 0;
  uint64_t row = 0;
  for (const ValueRange& range : wanted) {
    total = std::accumulate(lengths.begin() + static_cast<ptrdiff_t>(row),
                            lengths.begin() + static_cast<ptrdiff_t>(range.begin), total);
    for (row = range.begin; row < range.end; ++row) {
      places.push_back({total, total + lengths[row]});
      total += lengths[row];
    }
  }
  total = std::accumulate(lengths.begin() + static_cast<ptrdiff_t>(row), lengths.end(), total);
  return places;
}

// Where values of these lengths end when they lie one behind the other.
ChargedVector<uint64_t> EndsOf(std::span<const ValueRange> places) {
  ChargedVector<uint64_t> ends(places.size());
  uint64_t end = 0;
  for (size_t i = 0; i < places.size(); ++i) ends[i] = end += places[i].end - places[i].begin;
  return ends;
}

ColumnPtr DecodeSomeStrings(size_t rows, std::span<const ValueRange> wanted, ByteReader& in) {
  uint64_t bytes = 0;
  const std::vector<ValueRange> places = PlacesOf(wanted, ReadLengths(rows, in), bytes);
  if (bytes > in.remaining()) in.ThrowCorrupted("fewer characters than the lengths say");
  const char* all = reinterpret_cast<const char*>(ReadPiece(in, bytes).data());
  ChargedVector<uint64_t> ends = EndsOf(places);
  ChargedBytes chars;
  chars.Reserve(ends.empty() ? 0 : ends.back());
  for (const ValueRange& place : places) {
    chars.Append({all + place.begin, place.end - place.begin});
  }
  return std::make_shared<StringColumn>(std::move(ends), std::move(chars));
}

ColumnPtr DecodeSomeValues(const DataType& type, size_t rows, std::span<const ValueRange> wanted,
                           ByteReader& in) {
  if (type.is_string()) return DecodeSomeStrings(rows, wanted, in);
  if (type.is_array()) {
    uint64_t count = 0;
    const std::vector<ValueRange> places = PlacesOf(wanted, ReadLengths(rows, in), count);
    if (count > in.remaining()) in.ThrowCorrupted("fewer elements than the lengths say");
    return std::make_shared<ArrayColumn>(DecodeSomeValues(type.element(), count, places, in),
                                         EndsOf(places));
  }
  return VisitFixedType(type.id(), [&]<class T>() -> ColumnPtr {
    if (rows > in.remaining() / sizeof(T)) in.ThrowCorrupted("fewer values than rows");
    const auto* all = reinterpret_cast<const T*>(ReadPiece(in, rows * sizeof(T)).data());
    ChargedVector<T> values;
    for (const ValueRange& range : wanted) {
      values.insert(values.end(), all + range.begin, all + range.end);
    }
    return std::make_shared<NumberColumn<T>>(type, std::move(values));
  });
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

ColumnPtr DecodeSomeRows(const DataType& type, size_t rows, std::span<const uint32_t> wanted,
                         ByteReader& in) {
  std::vector<ValueRange> ranges;
  for (const uint32_t row : wanted) ranges.push_back({row, uint64_t{row} + 1});
  return DecodeSomeValues(type, rows, ranges, in);
}

}  // namespace granary
