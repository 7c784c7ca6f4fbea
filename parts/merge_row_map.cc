#include "granary/parts/merge_row_map.h"

#include <utility>

namespace granary {
namespace {

void WriteVarint(uint64_t value, std::vector<uint8_t>& out) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<uint8_t>(value | 0x80));
  out.push_back(static_cast<uint8_t>(value));
}

uint64_t ReadVarint(const std::vector<uint8_t>& in, size_t& position) {
  uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    const uint8_t byte = in[position++];
    value |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return value;
  }
}

// The dead rows of an input that are in the output, counted among its rows there, ascending.
std::vector<uint32_t> PlacesOf(const DeadRowsPtr& dead, const RowBitmap& dropped) {
  if (dead == nullptr) return {};
  if (dropped.size() == 0) return dead->rows().Rows();
  RowBitmap fresh = dead->rows();
  fresh.AndNot(dropped);
  std::vector<uint32_t> places = fresh.Rows();
  uint32_t counted_to = 0;
  uint32_t dropped_before = 0;
  for (uint32_t& row : places) {
    dropped_before += static_cast<uint32_t>(dropped.CountRange(counted_to, row - counted_to));
    counted_to = row;
    row -= dropped_before;
  }
  return places;
}

}  // namespace

void MergeRowMap::Append(uint32_t input, uint64_t rows) {
  if (input != last_input_) Flush();
  last_input_ = input;
  last_rows_ += rows;
  output_rows_ += rows;
}

void MergeRowMap::Flush() {
  if (last_rows_ == 0) return;
  WriteVarint(last_input_, sequences_);
  WriteVarint(std::exchange(last_rows_, 0), sequences_);
}

RowBitmap MergeRowMap::Carry(std::span<const DeadRowsPtr> dead) const {
  struct Input {
    std::vector<uint32_t> places;
    size_t next_place = 0;
    uint64_t rows_before = 0;
  };
  std::vector<Input> inputs(dropped_.size());
  for (size_t i = 0; i < inputs.size(); ++i) inputs[i].places = PlacesOf(dead[i], dropped_[i]);
  RowBitmap carried(output_rows_);
  uint64_t first_row = 0;
  const auto carry = [&](uint64_t number, uint64_t rows) {
    Input& input = inputs[number];
    const uint64_t end = input.rows_before + rows;
    for (; input.next_place < input.places.size() && input.places[input.next_place] < end;
         ++input.next_place) {
      carried.Set(first_row + input.places[input.next_place] - input.rows_before);
    }
    input.rows_before = end;
    first_row += rows;
  };
  for (size_t position = 0; position < sequences_.size();) {
    const uint64_t number = ReadVarint(sequences_, position);
    carry(number, ReadVarint(sequences_, position));
  }
  if (last_rows_ > 0) carry(last_input_, last_rows_);
  return carried;
}

}  // namespace granary
