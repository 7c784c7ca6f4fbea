#include "granary/parts/sort_rows.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>

#include <fmt/format.h>
#include <xxhash.h>

#include "granary/table/byte_stream.h"
#include "granary/table/task_context.h"

namespace granary {
namespace {

constexpr size_t kNanosecondsPerComparison = 8;

// Rows [begin, end) of an order that are equal in all keys looked at so far.
struct EqualRange {
  size_t begin;
  size_t end;
};

// Sorts each range by `value(row)` under `less` and splits it where the values differ.
template <class ValueOf, class Less>
ChargedVector<EqualRange> SortRanges(ChargedVector<uint32_t>& order,
                                     const ChargedVector<EqualRange>& ranges, const ValueOf& value,
                                     const Less& less) {
  ChargedVector<EqualRange> equal;
  using Keyed = std::pair<decltype(value(0)), uint32_t>;
  ChargedVector<Keyed> keyed;
  CancelCheck check;
  for (const EqualRange& range : ranges) {
    keyed.clear();
    for (size_t i = range.begin; i < range.end; ++i) keyed.emplace_back(value(order[i]), order[i]);
    // Rows that are equal in what came before stand in ascending order.
    std::sort(keyed.begin(), keyed.end(), [&](const Keyed& a, const Keyed& b) {
      check.After(kNanosecondsPerComparison);
      if (less(a.first, b.first)) return true;
      return a.second < b.second && !less(b.first, a.first);
    });
    size_t begin = 0;
    for (size_t i = 0; i < keyed.size(); ++i) {
      order[range.begin + i] = keyed[i].second;
      const bool ends = i + 1 == keyed.size() || less(keyed[i].first, keyed[i + 1].first);
      if (!ends) continue;
      if (i + 1 - begin > 1) equal.push_back({range.begin + begin, range.begin + i + 1});
      begin = i + 1;
    }
  }
  return equal;
}

// NaN sorts after every number.
template <class T>
bool NumberLess(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(b)) return !std::isnan(a);
  }
  return a < b;
}

ChargedVector<EqualRange> SortRangesBy(const Column& key, ChargedVector<uint32_t>& order,
                                       const ChargedVector<EqualRange>& ranges) {
  if (key.type().is_string()) {
    const auto& strings = AsStrings(key);
    return SortRanges(
        order, ranges, [&](uint32_t row) { return strings.At(row); }, std::less<>());
  }
  if (key.type().is_array()) {
    return SortRanges(
        order, ranges, [](uint32_t row) { return row; },
        [&](uint32_t a, uint32_t b) { return key.Compare(a, key, b) < 0; });
  }
  return VisitFixedType(key.type().id(), [&]<class T>() {
    using Number = std::conditional_t<std::is_same_v<T, BFloat16>, float, T>;
    const T* values = AsNumbers<T>(key).data();
    return SortRanges(
        order, ranges, [&](uint32_t row) { return static_cast<Number>(values[row]); },
        NumberLess<Number>);
  });
}

template <class InOrder>
bool AllPairs(size_t rows, const InOrder& in_order) {
  for (size_t row = 1; row < rows; ++row) {
    if (!in_order(row - 1, row)) return false;
  }
  return true;
}

bool IsSorted(std::span<const ColumnPtr> keys, size_t rows) {
  if (keys.size() == 1 && !keys[0]->type().is_array() && !keys[0]->type().is_string()) {
    return VisitFixedType(keys[0]->type().id(), [&]<class T>() {
      using Number = std::conditional_t<std::is_same_v<T, BFloat16>, float, T>;
      const T* values = AsNumbers<T>(*keys[0]).data();
      return AllPairs(rows, [&](size_t a, size_t b) {
        return !NumberLess<Number>(static_cast<Number>(values[b]), static_cast<Number>(values[a]));
      });
    });
  }
  return AllPairs(rows, [&](size_t a, size_t b) {
    for (const ColumnPtr& key : keys) {
      const int order = key->Compare(a, *key, b);
      if (order != 0) return order < 0;
    }
    return true;
  });
}

bool EqualRows(std::span<const ColumnPtr> keys, size_t a, size_t b) {
  return std::all_of(keys.begin(), keys.end(),
                     [&](const ColumnPtr& key) { return key->Compare(a, *key, b) == 0; });
}

std::string ReadableId(const Value& value, const DataType& type) {
  if (type.id() == TypeId::kDate) {
    std::string date = ValueToSql(value, type);
    std::erase_if(date, [](char c) { return c < '0' || c > '9'; });
    return date;
  }
  if (value.is_uint()) return std::to_string(value.as_uint());
  return value.is_int() ? std::to_string(value.as_int()) : std::string();
}

}  // namespace

std::optional<ChargedVector<uint32_t>> SortOrder(std::span<const ColumnPtr> keys) {
  if (keys.empty()) return std::nullopt;
  const size_t rows = keys[0]->size();
  std::vector<ColumnPtr> columns;
  for (const ColumnPtr& key : keys) columns.push_back(key->Materialize());
  if (IsSorted(columns, rows)) return std::nullopt;
  ChargedVector<uint32_t> order(rows);
  std::iota(order.begin(), order.end(), 0);
  ChargedVector<EqualRange> ranges{{0, rows}};
  for (const ColumnPtr& column : columns) {
    ranges = SortRangesBy(*column, order, ranges);
    if (ranges.empty()) break;
  }
  return order;
}

std::vector<ChargedVector<uint32_t>> GroupEqualRows(std::span<const ColumnPtr> keys, size_t rows) {
  ChargedVector<uint64_t> hashes(rows);
  for (const ColumnPtr& key : keys) key->HashInto(hashes);
  std::vector<ChargedVector<uint32_t>> groups;
  CancelCheck check;
  std::unordered_multimap<uint64_t, size_t> group_of_hash;
  size_t last_group = 0;
  for (uint32_t row = 0; row < rows; ++row) {
    check.After(kNanosecondsPerComparison);
    if (row > 0 && hashes[row] == hashes[row - 1] && EqualRows(keys, row, row - 1)) {
      groups[last_group].push_back(row);
      continue;
    }
    const auto [begin, end] = group_of_hash.equal_range(hashes[row]);
    const auto found = std::find_if(begin, end, [&](const auto& entry) {
      return EqualRows(keys, row, groups[entry.second][0]);
    });
    if (found != end) {
      last_group = found->second;
    } else {
      last_group = groups.size();
      group_of_hash.emplace(hashes[row], last_group);
      groups.emplace_back();
    }
    groups[last_group].push_back(row);
  }
  return groups;
}

std::string PartitionId(std::span<const Value> values, std::span<const DataType> types) {
  if (values.empty()) return "all";
  std::string id;
  ByteWriter bytes;
  bool is_readable = true;
  for (size_t i = 0; i < values.size(); ++i) {
    const std::string readable = ReadableId(values[i], types[i]);
    is_readable = is_readable && !readable.empty();
    if (i > 0) id += "-";
    id += readable;
    WriteValue(values[i], bytes);
  }
  if (is_readable) return id;
  const XXH128_hash_t hash = XXH3_128bits(bytes.bytes().data(), bytes.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

}  // namespace granary
