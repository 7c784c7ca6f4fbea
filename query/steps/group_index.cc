#include "granary/query/steps/group_index.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>

#include <xxhash.h>

#include "granary/table/long_vector.h"

namespace granary {
namespace {

constexpr size_t kFirstSlots = 256;
constexpr size_t kChunkBytes = 1 << 16;

uint64_t MixBits(uint64_t key) {
  key ^= key >> 32;
  key *= 0x9E3779B97F4A7C15ULL;
  return key ^ (key >> 29);
}

// Equal numbers have equal bits: 0.0 and -0.0, and all NaNs.
template <class T>
T WithOneZero(T value) {
  if constexpr (std::is_same_v<T, BFloat16>) {
    return BFloat16(WithOneZero(static_cast<float>(value)));
  } else if constexpr (std::is_floating_point_v<T>) {
    if (value != value) return std::numeric_limits<T>::quiet_NaN();
    return value == 0 ? T{0} : value;
  } else {
    return value;
  }
}

void AppendValue(const Column& column, size_t row, ChargedString& bytes);

void AppendLength(uint64_t length, ChargedString& bytes) {
  bytes.append(reinterpret_cast<const char*>(&length), sizeof(length));
}

void AppendArray(const ArrayColumn& column, size_t row, ChargedString& bytes) {
  AppendLength(column.Length(row), bytes);
  CancelCheck check;
  for (uint64_t element = column.Begin(row); element < column.End(row); ++element) {
    AppendValue(*column.elements(), element, bytes);
    check.After(4);
  }
}

// So that equal values have equal bytes, and only they.
void AppendValue(const Column& column, size_t row, ChargedString& bytes) {
  switch (column.type().id()) {
    case TypeId::kString: {
      const std::string_view text = AsStrings(column).At(row);
      AppendLength(text.size(), bytes);
      AppendLongText(bytes, text);
      return;
    }
    case TypeId::kArray:
      AppendArray(AsArrays(column), row, bytes);
      return;
    default:
      VisitFixedType(column.type().id(), [&]<class T>() {
        const T value = WithOneZero(AsNumbers<T>(column).data()[row]);
        bytes.append(reinterpret_cast<const char*>(&value), sizeof(T));
      });
  }
}

// packed[r] |= value of row r << shift.
void PackInto(const Column& column, unsigned shift, std::span<uint64_t> packed) {
  VisitFixedType(column.type().id(), [&]<class T>() {
    const T* values = AsNumbers<T>(column).data();
    for (size_t row = 0; row < packed.size(); ++row) {
      uint64_t bits = 0;
      const T value = WithOneZero(values[row]);
      std::memcpy(&bits, &value, sizeof(T));
      packed[row] |= bits << shift;
    }
  });
}

}  // namespace

GroupIndex::GroupIndex(std::span<const DataType> key_types) : slots_(kFirstSlots) {
  size_t bytes = 0;
  is_packed_ = std::all_of(key_types.begin(), key_types.end(), [&](const DataType& type) {
    bytes += type.fixed_bytes();
    return type.fixed_bytes() > 0 && bytes <= sizeof(uint64_t);
  });
}

void GroupIndex::Assign(std::span<const ColumnPtr> keys, std::span<uint32_t> group_of_row,
                        ChargedVector<uint32_t>& new_rows) {
  std::vector<ColumnPtr> materialized;
  for (const ColumnPtr& key : keys) materialized.push_back(key->Materialize());
  if (is_packed_) {
    AssignPacked(materialized, group_of_row, new_rows);
  } else {
    AssignBytes(materialized, group_of_row, new_rows);
  }
}

void GroupIndex::AssignPacked(std::span<const ColumnPtr> keys, std::span<uint32_t> group_of_row,
                              ChargedVector<uint32_t>& new_rows) {
  ChargedVector<uint64_t> packed = FilledVector<uint64_t>(group_of_row.size());
  unsigned shift = 0;
  for (const ColumnPtr& key : keys) {
    PackInto(*key, shift, packed);
    shift += 8 * key->type().fixed_bytes();
  }
  ForStretches(packed.size(), [&](size_t begin, size_t end) {
    for (size_t row = begin; row < end; ++row) {
      ReserveSlot();
      const size_t mask = slots_.size() - 1;
      size_t slot = MixBits(packed[row]) & mask;
      while (slots_[slot].group != 0 && slots_[slot].key != packed[row]) slot = (slot + 1) & mask;
      if (slots_[slot].group == 0) {
        slots_[slot] = {packed[row], static_cast<uint32_t>(++groups_)};
        new_rows.push_back(static_cast<uint32_t>(row));
      }
      group_of_row[row] = slots_[slot].group - 1;
    }
  });
}

void GroupIndex::AssignBytes(std::span<const ColumnPtr> keys, std::span<uint32_t> group_of_row,
                             ChargedVector<uint32_t>& new_rows) {
  const StringColumn* strings =
      keys.size() == 1 && keys[0]->type().is_string() ? &AsStrings(*keys[0]) : nullptr;
  ChargedString buffer;
  CancelCheck check;
  for (size_t row = 0; row < group_of_row.size(); ++row) {
    std::string_view bytes;
    if (strings != nullptr) {
      bytes = strings->At(row);
    } else {
      buffer.clear();
      for (const ColumnPtr& key : keys) AppendValue(*key, row, buffer);
      bytes = buffer;
    }
    check.After(4 + bytes.size());
    ReserveSlot();
    const uint64_t hash = XXH3_64bits(bytes.data(), bytes.size());
    const size_t mask = slots_.size() - 1;
    size_t slot = MixBits(hash) & mask;
    while (slots_[slot].group != 0 &&
           (slots_[slot].key != hash || group_bytes_[slots_[slot].group - 1] != bytes)) {
      slot = (slot + 1) & mask;
    }
    if (slots_[slot].group == 0) {
      slots_[slot] = {hash, static_cast<uint32_t>(++groups_)};
      PushBackLong(group_bytes_, KeepBytes(bytes));
      new_rows.push_back(static_cast<uint32_t>(row));
    }
    group_of_row[row] = slots_[slot].group - 1;
  }
}

void GroupIndex::ReserveSlot() {
  if ((groups_ + 1) * 2 <= slots_.size()) return;
  ChargedVector<Slot> larger = FilledVector<Slot>(slots_.size() * 2);
  const size_t mask = larger.size() - 1;
  ForStretches(slots_.size(), [&](size_t begin, size_t end) {
    for (const Slot& old : std::span(slots_).subspan(begin, end - begin)) {
      if (old.group == 0) continue;
      size_t slot = MixBits(old.key) & mask;
      while (larger[slot].group != 0) slot = (slot + 1) & mask;
      larger[slot] = old;
    }
  });
  slots_ = std::move(larger);
}

std::string_view GroupIndex::KeepBytes(std::string_view bytes) {
  if (chunks_.empty() || chunks_.back().capacity() - chunks_.back().size() < bytes.size()) {
    chunks_.emplace_back().reserve(std::max(kChunkBytes, bytes.size()));
  }
  ChargedString& chunk = chunks_.back();
  const size_t begin = chunk.size();
  AppendLongText(chunk, bytes);
  return {chunk.data() + begin, bytes.size()};
}

}  // namespace granary
