// groupArray, groupUniqArray, uniqExact and the quantiles: those that keep all values they see.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "granary/query/functions/aggregate_families.h"
#include "granary/query/functions/byte_set.h"
#include "granary/query/functions/grouped_rows.h"
#include "granary/query/functions/numeric_conversion.h"
#include "granary/query/functions/row_bytes.h"
#include "granary/table/long_vector.h"

namespace granary {
namespace {

// All values of one argument, at most `limit` per group; a subclass says what comes of them.
class KeepingStates : public AggregateStates {
 public:
  KeepingStates(const DataType& type, uint64_t limit) : rows_({type}), limit_(limit) {}

  size_t groups() const override { return rows_.groups(); }
  void Resize(size_t groups) override {
    rows_.Resize(groups);
    if (limit_ != kNoLimit) kept_.resize(rows_.groups());
  }

  void Add(std::span<const uint32_t> group_of_row, std::span<const ColumnPtr> arguments) override {
    if (limit_ == kNoLimit) {
      return rows_.Keep(RowNumbers(group_of_row.size()), group_of_row, arguments);
    }
    ChargedVector<uint32_t> rows, groups;
    for (uint32_t row = 0; row < group_of_row.size(); ++row) {
      const uint32_t group = group_of_row[row];
      if (kept_[group] >= limit_) continue;
      ++kept_[group];
      rows.push_back(row);
      groups.push_back(group);
    }
    rows_.Keep(rows, groups, arguments);
  }

  void AddAll(uint32_t group, size_t rows, std::span<const ColumnPtr> arguments) override {
    Add(ChargedVector<uint32_t>(rows, group), arguments);
  }

  void Merge(const AggregateStates& other, std::span<const uint32_t> group_map) override {
    static_cast<const KeepingStates&>(other).rows_.ForEachPiece(
        [&](std::span<const uint32_t> group_of_row, std::span<const ColumnPtr> columns) {
          ChargedVector<uint32_t> groups(group_of_row.size());
          for (size_t row = 0; row < groups.size(); ++row) {
            groups[row] = group_map[group_of_row[row]];
          }
          Add(groups, columns);
        });
  }

  ColumnPtr Finish() const override { return rows_.Arrays(); }

  static constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

 private:
  GroupedRows rows_;
  uint64_t limit_;
  ChargedVector<uint64_t> kept_;  // per group, if there is a limit
};

// uniqExact: one table of (group, value) for all groups. Values of up to 8 bytes.
class UniqueNumbers final : public AggregateStates {
 public:
  size_t groups() const override { return counts_.size(); }
  void Resize(size_t groups) override {
    if (groups > counts_.size()) counts_.resize(groups);
  }

  void Add(std::span<const uint32_t> group_of_row, std::span<const ColumnPtr> arguments) override {
    const Column& column = StoredRows(*arguments[0]);
    const size_t step = arguments[0]->is_constant() ? 0 : 1;
    VisitFixedType(column.type().id(), [&]<class T>() {
      const T* values = AsNumbers<T>(column).data();
      for (size_t row = 0; row < group_of_row.size(); ++row) {
        Insert({Bits(values[row * step]), group_of_row[row] + 1});
      }
    });
  }

  void AddAll(uint32_t group, size_t rows, std::span<const ColumnPtr> arguments) override {
    Add(ChargedVector<uint32_t>(rows, group), arguments);
  }

  void Merge(const AggregateStates& other, std::span<const uint32_t> group_map) override {
    const ChargedVector<Slot>& slots = static_cast<const UniqueNumbers&>(other).slots_;
    ForStretches(slots.size(), [&](size_t begin, size_t end) {
      for (const Slot& slot : std::span(slots).subspan(begin, end - begin)) {
        if (slot.group_plus_1 != 0) Insert({slot.bits, group_map[slot.group_plus_1 - 1] + 1});
      }
    });
  }

  ColumnPtr Finish() const override {
    return std::make_shared<NumberColumn<uint64_t>>(TypeId::kUInt64, counts_);
  }

 private:
  struct Slot {
    uint64_t bits = 0;
    uint32_t group_plus_1 = 0;  // 0: free
  };

  // Equal for equal values: one zero, one NaN.
  template <class T>
  static uint64_t Bits(T value) {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<uint64_t>(value);
    } else {
      const double number = static_cast<double>(value);
      if (std::isnan(number)) return std::numeric_limits<uint64_t>::max();
      return std::bit_cast<uint64_t>(number == 0 ? 0.0 : number);
    }
  }

  void Insert(Slot slot) {
    if (used_ * 2 >= slots_.size()) Grow();
    Slot& place = FindPlace(slot);
    if (place.group_plus_1 != 0) return;
    place = slot;
    ++used_;
    ++counts_[slot.group_plus_1 - 1];
  }

  Slot& FindPlace(const Slot& slot) {
    uint64_t hash = (slot.bits ^ (uint64_t{slot.group_plus_1} << 32)) * 0x9E3779B97F4A7C15;
    hash ^= hash >> 32;
    hash *= 0xD6E8FEB86659FD93;
    hash ^= hash >> 32;
    size_t index = hash & (slots_.size() - 1);
    while (slots_[index].group_plus_1 != 0 &&
           (slots_[index].bits != slot.bits || slots_[index].group_plus_1 != slot.group_plus_1)) {
      index = (index + 1) & (slots_.size() - 1);
    }
    return slots_[index];
  }

  void Grow() {
    ChargedVector<Slot> old = FilledVector<Slot>(slots_.empty() ? 16 : slots_.size() * 2);
    old.swap(slots_);
    ForStretches(old.size(), [&](size_t begin, size_t end) {
      for (const Slot& slot : std::span(old).subspan(begin, end - begin)) {
        if (slot.group_plus_1 != 0) FindPlace(slot) = slot;
      }
    });
  }

  ChargedVector<Slot> slots_;
  size_t used_ = 0;
  ChargedVector<uint64_t> counts_;
};

// uniqExact of anything else, and of several arguments: rows as bytes behind the group's number.
class UniqueRows final : public AggregateStates {
 public:
  size_t groups() const override { return counts_.size(); }
  void Resize(size_t groups) override {
    if (groups > counts_.size()) counts_.resize(groups);
  }

  void Add(std::span<const uint32_t> group_of_row, std::span<const ColumnPtr> arguments) override {
    std::string row_bytes;
    for (size_t row = 0; row < group_of_row.size(); ++row) {
      row_bytes.clear();
      for (const ColumnPtr& argument : arguments) AppendRowBytes(*argument, row, row_bytes);
      Insert(group_of_row[row], row_bytes);
    }
  }

  void AddAll(uint32_t group, size_t rows, std::span<const ColumnPtr> arguments) override {
    Add(ChargedVector<uint32_t>(rows, group), arguments);
  }

  void Merge(const AggregateStates& other, std::span<const uint32_t> group_map) override {
    CancelCheck check;
    static_cast<const UniqueRows&>(other).seen_.ForEach([&](std::string_view key) {
      uint32_t group = 0;
      std::copy_n(key.data(), sizeof(group), reinterpret_cast<char*>(&group));
      Insert(group_map[group], key.substr(sizeof(group)));
      check.After(key.size());
    });
  }

  ColumnPtr Finish() const override {
    return std::make_shared<NumberColumn<uint64_t>>(TypeId::kUInt64, counts_);
  }

 private:
  void Insert(uint32_t group, std::string_view row_bytes) {
    key_.assign(reinterpret_cast<const char*>(&group), sizeof(group));
    key_ += row_bytes;
    if (seen_.Insert(key_)) ++counts_[group];
  }

  ByteSet seen_;
  std::string key_;
  ChargedVector<uint64_t> counts_;
};

// Quantiles of the numbers in [begin, end), which may be reordered. NaNs have been left out.

template <class T>
void SelectNth(T* begin, T* nth, T* end) {
  CancelCheck check;
  std::nth_element(begin, nth, end, [&check](T a, T b) {
    check.After(2);
    return a < b;
  });
}

template <class T>
T Least(const T* begin, const T* end) {
  T least = *begin;
  ForStretches(static_cast<size_t>(end - begin), [&](size_t first, size_t last) {
    for (size_t i = first; i < last; ++i) least = std::min(least, begin[i]);
  });
  return least;
}

// Moves what is a number to the front; returns its end.
template <class T>
T* WithoutNaN(T* begin, T* end) {
  if constexpr (std::is_floating_point_v<T>) {
    CancelCheck check;
    return std::remove_if(begin, end, [&check](T value) {
      check.After(1);
      return value != value;
    });
  }
  return end;
}

struct Interpolated {
  // Between the two ranks around level * (n - 1), as if the values were equidistant.
  template <class T>
  static double Compute(T* begin, T* end, double level) {
    if (begin == end) return std::numeric_limits<double>::quiet_NaN();
    const double rank = level * static_cast<double>(end - begin - 1);
    T* low = begin + static_cast<size_t>(rank);
    SelectNth(begin, low, end);
    const double value = static_cast<double>(*low);
    const double fraction = rank - std::floor(rank);
    if (fraction == 0) return value;
    const T next = Least(low + 1, end);
    return value + (static_cast<double>(next) - value) * fraction;
  }
};

struct NearestRank {
  // The value at floor(level * n).
  template <class T>
  static T Compute(T* begin, T* end, double level) {
    if (begin == end) {
      if constexpr (std::is_floating_point_v<T>) return std::numeric_limits<T>::quiet_NaN();
      return T{};
    }
    const size_t count = static_cast<size_t>(end - begin);
    T* at = begin + std::min(static_cast<size_t>(level * static_cast<double>(count)), count - 1);
    SelectNth(begin, at, end);
    return *at;
  }
};

template <class Rank>
class QuantileStates final : public KeepingStates {
 public:
  QuantileStates(const DataType& type, DataType result, std::vector<double> levels)
      : KeepingStates(type, kNoLimit), result_(std::move(result)), levels_(std::move(levels)) {}

  ColumnPtr Finish() const override {
    const ColumnPtr values = KeepingStates::Finish();
    const ArrayColumn& arrays = AsArrays(*values);
    const ColumnPtr elements = arrays.elements()->Materialize();
    if (elements->type().id() == TypeId::kBFloat16) {
      return FinishAs<float>(arrays, ConvertFixed(elements, TypeId::kFloat32));
    }
    return VisitFixedType(elements->type().id(), [&]<class T>() -> ColumnPtr {
      using Number = std::conditional_t<std::is_same_v<T, BFloat16>, float, T>;
      return FinishAs<Number>(arrays, elements);
    });
  }

 private:
  template <class T>
  ColumnPtr FinishAs(const ArrayColumn& arrays, const ColumnPtr& elements) const {
    using Result = decltype(Rank::template Compute<T>(nullptr, nullptr, 0));
    const std::span<const T> kept = AsNumbers<T>(*elements).values();
    ChargedVector<T> values;
    AppendLong(values, kept.data(), kept.size());
    NumberBuffer<Result> results(arrays.size() * levels_.size());
    Result* out = results.data();
    for (size_t group = 0; group < arrays.size(); ++group) {
      T* begin = values.data() + arrays.Begin(group);
      T* end = WithoutNaN(begin, values.data() + arrays.End(group));
      for (const double level : levels_) *out++ = Rank::Compute(begin, end, level);
    }
    const bool is_list = result_.is_array();
    const DataType computed = std::is_same_v<Result, double> && !std::is_same_v<T, double>
                                  ? DataType(TypeId::kFloat64)
                                  : elements->type();
    const DataType element = is_list ? result_.element() : result_;
    // Interpolated dates lose their fraction; of no rows at all, they are the default.
    ColumnPtr flat = results.Finish(computed);
    if (element.is_date_or_time() && computed != element) flat = DatesOf(flat, element);
    flat = ConvertFixed(flat, element);
    return is_list ? ArrayColumn::Uniform(flat, levels_.size(), arrays.size()) : flat;
  }

  static ColumnPtr DatesOf(const ColumnPtr& numbers, const DataType& type) {
    const double* values = AsNumbers<double>(*numbers).data();
    const auto value = [=](size_t row) { return std::isnan(values[row]) ? 0.0 : values[row]; };
    return ConvertFixed(FillNumbers<double>(TypeId::kFloat64, numbers->size(), value), type);
  }

  DataType result_;
  std::vector<double> levels_;
};

// Binding

AggregateFunctionPtr BindGroupArray(const AggregateArguments& arguments) {
  arguments.RequireCount(1);
  uint64_t limit = KeepingStates::kNoLimit;
  if (!arguments.parameters.empty()) {
    const Value& parameter = arguments.parameters[0];
    if (arguments.parameters.size() > 1 || !parameter.is_uint() || parameter.as_uint() == 0) {
      throw Error(ErrorCode::kBadArguments,
                  fmt::format("Aggregate function {} takes one parameter, a positive number of "
                              "elements",
                              arguments.name));
    }
    limit = parameter.as_uint();
  }
  const DataType type = arguments.types[0];
  return MakeAggregate(DataType::Array(type),
                       [=] { return std::make_unique<KeepingStates>(type, limit); });
}

AggregateFunctionPtr BindGroupUniqArray(const AggregateArguments& arguments) {
  AggregateFunctionPtr all_values = BindGroupArray(arguments);
  return WithDistinct(std::move(all_values), {arguments.types[0]});
}

AggregateFunctionPtr BindUniqExact(const AggregateArguments& arguments) {
  arguments.RequireNoParameters();
  if (arguments.types.empty()) arguments.RequireCount(1);
  const bool is_number = arguments.types.size() == 1 && arguments.types[0].fixed_bytes() > 0;
  if (is_number) {
    return MakeAggregate(TypeId::kUInt64, [] { return std::make_unique<UniqueNumbers>(); });
  }
  return MakeAggregate(TypeId::kUInt64, [] { return std::make_unique<UniqueRows>(); });
}

double CheckLevel(std::string_view name, const Value& level) {
  const double number = level.is_number() ? level.as_double() : -1;
  if (number >= 0 && number <= 1) return number;
  throw Error(ErrorCode::kBadArguments,
              fmt::format("The parameters of aggregate function {} are levels from 0 to 1", name));
}

std::vector<double> ReadLevels(const AggregateArguments& arguments, bool is_list) {
  std::vector<double> levels;
  for (const Value& level : arguments.parameters) {
    levels.push_back(CheckLevel(arguments.name, level));
  }
  if (levels.empty() && !is_list) levels.push_back(0.5);
  if (levels.empty() || (levels.size() > 1 && !is_list)) {
    throw Error(ErrorCode::kBadArguments,
                fmt::format("Aggregate function {} needs {} level as parameter", arguments.name,
                            is_list ? "at least one" : "one"));
  }
  return levels;
}

template <class Rank>
AggregateBinder QuantileBinder(bool is_list, bool is_median = false, bool keeps_dates = true) {
  return [=](const AggregateArguments& arguments) {
    arguments.RequireCount(1);
    if (is_median) arguments.RequireNoParameters();
    const std::vector<double> levels = ReadLevels(arguments, is_list);
    const DataType type = arguments.types[0];
    if (!type.is_date_or_time()) arguments.RequireNumber(0);
    DataType element = type;
    const bool is_date = type.is_date_or_time() && keeps_dates;
    if (std::is_same_v<Rank, Interpolated> && !is_date) element = TypeId::kFloat64;
    const DataType result = is_list ? DataType::Array(element) : element;
    return MakeAggregate(
        result, [=] { return std::make_unique<QuantileStates<Rank>>(type, result, levels); });
  };
}

}  // namespace

void AddCollectingAggregates(AggregateBinders& binders) {
  binders["groupArray"] = binders["array_agg"] = BindGroupArray;
  binders["groupUniqArray"] = BindGroupUniqArray;
  binders["uniqExact"] = binders["uniq"] = BindUniqExact;
  // Exact, where ClickHouse takes a sample of large groups.
  binders["quantile"] = QuantileBinder<Interpolated>(false);
  binders["quantiles"] = QuantileBinder<Interpolated>(true);
  binders["quantileExactInclusive"] = QuantileBinder<Interpolated>(false, false, false);
  binders["quantilesExactInclusive"] = QuantileBinder<Interpolated>(true, false, false);
  binders["median"] = QuantileBinder<Interpolated>(false, true);
  binders["quantileExact"] = QuantileBinder<NearestRank>(false);
  binders["quantilesExact"] = QuantileBinder<NearestRank>(true);
  binders["medianExact"] = QuantileBinder<NearestRank>(false, true);
}

}  // namespace granary
