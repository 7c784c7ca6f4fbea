// min, max, any, anyLast and argMin, argMax: those that keep one of the values they see.
#include <cmath>

#include "granary/query/functions/aggregate_families.h"

namespace granary {
namespace {

// How the values of a type are read from columns, kept, and written.

template <class T>
struct NumberCells {
  using View = NumberView<T>;
  using Kept = T;
  static Value ToValue(T value) {
    if constexpr (std::is_integral_v<T>) {
      using Wide = std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>;
      return static_cast<Wide>(value);
    } else {
      return static_cast<double>(value);
    }
  }
  static bool IsLess(T a, T b) { return a < b; }
  static bool IsNan(T value) {
    if constexpr (std::is_integral_v<T>) return false;
    return std::isnan(static_cast<float>(value));
  }
};

struct StringCells {
  using View = StringView;
  using Kept = std::string;
  static Value ToValue(const std::string& value) { return value; }
  static bool IsLess(std::string_view a, std::string_view b) { return a < b; }
  static bool IsNan(std::string_view) { return false; }
};

class ArrayValueView {
 public:
  explicit ArrayValueView(const Column& column) : column_(column) {}
  Value operator[](size_t row) const { return column_.ValueAt(row); }

 private:
  const Column& column_;
};

struct ArrayCells {
  using View = ArrayValueView;
  using Kept = Value;
  static Value ToValue(const Value& value) { return value; }
  static bool IsLess(const Value& a, const Value& b) { return CompareValues(a, b) < 0; }
  static bool IsNan(const Value&) { return false; }
};

// Whether a new value takes the place of the one that is kept. NaN gives way to numbers.

struct KeepMin {
  template <class Cells, class A, class B>
  static bool Replaces(const A& value, const B& kept) {
    return Cells::IsLess(value, kept) || (Cells::IsNan(kept) && !Cells::IsNan(value));
  }
};
struct KeepMax {
  template <class Cells, class A, class B>
  static bool Replaces(const A& value, const B& kept) {
    return Cells::IsLess(kept, value) || (Cells::IsNan(kept) && !Cells::IsNan(value));
  }
};
struct KeepFirst {
  template <class Cells, class A, class B>
  static bool Replaces(const A&, const B&) {
    return false;
  }
};
struct KeepLast {
  template <class Cells, class A, class B>
  static bool Replaces(const A&, const B&) {
    return true;
  }
};

// The value kept by each group; argMin and argMax keep another argument beside it.
template <class Cells, class Policy, bool has_payload>
class ChoosingStates final : public AggregateStates {
 public:
  explicit ChoosingStates(DataType result) : result_(std::move(result)) {}

  size_t groups() const override { return kept_.size(); }
  void Resize(size_t groups) override {
    if (groups <= kept_.size()) return;
    kept_.resize(groups);
    has_value_.resize(groups);
    if (has_payload) payload_.resize(groups);
  }

  void Add(std::span<const uint32_t> group_of_row, std::span<const ColumnPtr> arguments) override {
    const typename Cells::View values(*arguments.back());
    for (size_t row = 0; row < group_of_row.size(); ++row) {
      Offer(group_of_row[row], values[row], *arguments[0], row);
    }
  }

  void AddAll(uint32_t group, size_t rows, std::span<const ColumnPtr> arguments) override {
    const typename Cells::View values(*arguments.back());
    for (size_t row = 0; row < rows; ++row) Offer(group, values[row], *arguments[0], row);
  }

  void Merge(const AggregateStates& other, std::span<const uint32_t> group_map) override {
    const auto& from = static_cast<const ChoosingStates&>(other);
    for (size_t group = 0; group < from.groups(); ++group) {
      const uint32_t to = group_map[group];
      if (!from.has_value_[group] || !IsBetter(to, from.kept_[group])) continue;
      kept_[to] = from.kept_[group];
      has_value_[to] = 1;
      if (has_payload) payload_[to] = from.payload_[group];
    }
  }

  ColumnPtr Finish() const override {
    const auto builder = ColumnBuilder::Create(result_);
    for (size_t group = 0; group < groups(); ++group) {
      if (!has_value_[group]) {
        builder->AppendDefault();
      } else {
        builder->Append(has_payload ? payload_[group] : Cells::ToValue(kept_[group]));
      }
    }
    return builder->Finish();
  }

  size_t byte_size() const override {
    return kept_.capacity() * sizeof(kept_[0]) + payload_.capacity() * sizeof(Value) +
           has_value_.capacity() + text_bytes_;
  }

 private:
  template <class V>
  bool IsBetter(uint32_t group, const V& value) const {
    return !has_value_[group] || Policy::template Replaces<Cells>(value, kept_[group]);
  }

  template <class V>
  void Offer(uint32_t group, const V& value, const Column& payload, size_t row) {
    if (!IsBetter(group, value)) return;
    if constexpr (std::is_same_v<V, std::string_view>) text_bytes_ += value.size();
    kept_[group] = typename Cells::Kept(value);
    has_value_[group] = 1;
    if (has_payload) payload_[group] = payload.ValueAt(row);
  }

  DataType result_;
  std::vector<typename Cells::Kept> kept_;
  std::vector<uint8_t> has_value_;
  std::vector<Value> payload_;
  size_t text_bytes_ = 0;  // an upper bound
};

template <class Policy, bool has_payload>
AggregateFunctionPtr MakeChoosing(const DataType& chosen_by, const DataType& result) {
  const auto make = [&]<class Cells>() {
    return MakeAggregate(result, [result] {
      return std::make_unique<ChoosingStates<Cells, Policy, has_payload>>(result);
    });
  };
  if (chosen_by.is_string()) return make.template operator()<StringCells>();
  if (chosen_by.is_array()) return make.template operator()<ArrayCells>();
  return VisitFixedType(chosen_by.id(),
                        [&]<class T>() { return make.template operator()<NumberCells<T>>(); });
}

template <class Policy>
AggregateFunctionPtr BindChoosing(const AggregateArguments& arguments) {
  arguments.RequireNoParameters();
  arguments.RequireCount(1);
  return MakeChoosing<Policy, false>(arguments.types[0], arguments.types[0]);
}

template <class Policy>
AggregateFunctionPtr BindArgument(const AggregateArguments& arguments) {
  arguments.RequireNoParameters();
  arguments.RequireCount(2);
  return MakeChoosing<Policy, true>(arguments.types[1], arguments.types[0]);
}

}  // namespace

void AddChoosingAggregates(AggregateBinders& binders) {
  binders["min"] = BindChoosing<KeepMin>;
  binders["max"] = BindChoosing<KeepMax>;
  binders["any"] = binders["first_value"] = binders["any_value"] = BindChoosing<KeepFirst>;
  binders["anyLast"] = binders["last_value"] = BindChoosing<KeepLast>;
  binders["argMin"] = BindArgument<KeepMin>;
  binders["argMax"] = BindArgument<KeepMax>;
}

}  // namespace granary
