// count, sum, avg, variances and standard deviations, bitwise aggregates.
#include <cmath>
#include <limits>

#include "granary/query/functions/aggregate_families.h"
#include "granary/query/functions/numeric_conversion.h"

namespace granary {
namespace {

class CountStates final : public AggregateStates {
 public:
  size_t groups() const override { return counts_.size(); }
  void Resize(size_t groups) override {
    if (groups > counts_.size()) counts_.resize(groups);
  }
  void Add(std::span<const uint32_t> group_of_row, std::span<const ColumnPtr>) override {
    for (const uint32_t group : group_of_row) ++counts_[group];
  }
  void AddAll(uint32_t group, size_t rows, std::span<const ColumnPtr>) override {
    counts_[group] += rows;
  }
  void Merge(const AggregateStates& other, std::span<const uint32_t> group_map) override {
    const auto& from = static_cast<const CountStates&>(other).counts_;
    for (size_t group = 0; group < from.size(); ++group) counts_[group_map[group]] += from[group];
  }
  ColumnPtr Finish() const override {
    return std::make_shared<NumberColumn<uint64_t>>(TypeId::kUInt64, counts_);
  }

 private:
  ChargedVector<uint64_t> counts_;
};

// Integers wrap at 64 bits.
template <class Total>
struct Sum {
  using Wrapping = std::conditional_t<std::is_floating_point_v<Total>, double, uint64_t>;
  Wrapping total = 0;

  template <class T>
  void Add(T value) {
    total += static_cast<Wrapping>(static_cast<Total>(value));
  }
  void Merge(const Sum& other) { total += other.total; }
  Total Finish() const { return static_cast<Total>(total); }
};

// Exact for integers of up to 64 bits.
template <class Total>
struct Average {
  Total total = 0;
  uint64_t count = 0;

  template <class T>
  void Add(T value) {
    total += static_cast<Total>(value);
    ++count;
  }
  void Merge(const Average& other) {
    total += other.total;
    count += other.count;
  }
  double Finish() const {
    return count == 0 ? std::numeric_limits<double>::quiet_NaN()
                      : static_cast<double>(total) / static_cast<double>(count);
  }
};

// Welford's running mean and squared deviations; merged as Chan, Golub and LeVeque do (1979).
struct Moments {
  uint64_t count = 0;
  double mean = 0;
  double squares = 0;

  template <class T>
  void Add(T value) {
    const double x = static_cast<double>(value);
    ++count;
    const double delta = x - mean;
    mean += delta / static_cast<double>(count);
    squares += delta * (x - mean);
  }
  void Merge(const Moments& other) {
    if (other.count == 0) return;
    const double total = static_cast<double>(count + other.count);
    const double delta = other.mean - mean;
    squares += other.squares + delta * delta * static_cast<double>(count) *
                                   static_cast<double>(other.count) / total;
    mean += delta * static_cast<double>(other.count) / total;
    count += other.count;
  }
  double Variance(bool of_sample) const {
    const uint64_t divisor = of_sample ? count - 1 : count;
    if (count == 0 || divisor == 0) return std::numeric_limits<double>::quiet_NaN();
    return squares / static_cast<double>(divisor);
  }
};

template <bool of_sample, bool root>
struct Deviation : Moments {
  double Finish() const {
    const double variance = Variance(of_sample);
    return root ? std::sqrt(variance) : variance;
  }
};

struct BitAnd {
  uint64_t bits = ~uint64_t{0};
  template <class T>
  void Add(T value) {
    bits &= static_cast<uint64_t>(value);
  }
  void Merge(const BitAnd& other) { bits &= other.bits; }
  uint64_t Finish() const { return bits; }
};
struct BitOr {
  uint64_t bits = 0;
  template <class T>
  void Add(T value) {
    bits |= static_cast<uint64_t>(value);
  }
  void Merge(const BitOr& other) { bits |= other.bits; }
  uint64_t Finish() const { return bits; }
};
struct BitXor {
  uint64_t bits = 0;
  template <class T>
  void Add(T value) {
    bits ^= static_cast<uint64_t>(value);
  }
  void Merge(const BitXor& other) { bits ^= other.bits; }
  uint64_t Finish() const { return bits; }
};

// The numeric type that holds a T.
template <class T>
DataType TypeOf() {
  if constexpr (std::is_same_v<T, double>) return TypeId::kFloat64;
  return IntegerType(std::is_signed_v<T>, sizeof(T));
}

template <class State, class T>
class NumericStates final : public ValueStates<State, T> {
 public:
  explicit NumericStates(DataType result) : result_(std::move(result)) {}

  ColumnPtr Finish() const override {
    using Result = decltype(State().Finish());
    const auto finish = [&](size_t group) { return this->states_[group].Finish(); };
    return ConvertFixed(FillNumbers<Result>(TypeOf<Result>(), this->states_.size(), finish),
                        result_);
  }

 private:
  DataType result_;
};

// Over arguments that are first converted to `Number`, for states that work in one type anyway.
template <class State, class Number>
class ConvertingStates final : public AggregateStates {
 public:
  explicit ConvertingStates(DataType result) : states_(std::move(result)) {}

  size_t groups() const override { return states_.groups(); }
  void Resize(size_t groups) override { states_.Resize(groups); }
  void Add(std::span<const uint32_t> group_of_row, std::span<const ColumnPtr> arguments) override {
    const ColumnPtr numbers = ConvertFixed(arguments[0], TypeOf<Number>());
    states_.Add(group_of_row, {&numbers, 1});
  }
  void AddAll(uint32_t group, size_t rows, std::span<const ColumnPtr> arguments) override {
    const ColumnPtr numbers = ConvertFixed(arguments[0], TypeOf<Number>());
    states_.AddAll(group, rows, {&numbers, 1});
  }
  void Merge(const AggregateStates& other, std::span<const uint32_t> group_map) override {
    states_.Merge(static_cast<const ConvertingStates&>(other).states_, group_map);
  }
  ColumnPtr Finish() const override { return states_.Finish(); }

 private:
  NumericStates<State, Number> states_;
};

template <class State>
AggregateFunctionPtr MakeNumeric(const DataType& argument, const DataType& result) {
  return VisitFixedType(argument.id(), [&]<class T>() {
    return MakeAggregate(result,
                         [result] { return std::make_unique<NumericStates<State, T>>(result); });
  });
}

template <class State, class Number>
AggregateFunctionPtr MakeConverting(const DataType& result) {
  return MakeAggregate(
      result, [result] { return std::make_unique<ConvertingStates<State, Number>>(result); });
}

AggregateFunctionPtr BindCount(const AggregateArguments& arguments) {
  arguments.RequireNoParameters();
  if (arguments.types.size() > 1) arguments.RequireCount(1);
  return MakeAggregate(TypeId::kUInt64, [] { return std::make_unique<CountStates>(); });
}

void RequireOneNumber(const AggregateArguments& arguments) {
  arguments.RequireNoParameters();
  arguments.RequireCount(1);
  arguments.RequireNumber(0);
}

AggregateFunctionPtr BindSum(const AggregateArguments& arguments) {
  RequireOneNumber(arguments);
  const DataType& type = arguments.types[0];
  if (type.is_float()) return MakeNumeric<Sum<double>>(type, TypeId::kFloat64);
  return IsSigned(type) ? MakeNumeric<Sum<int64_t>>(type, TypeId::kInt64)
                        : MakeNumeric<Sum<uint64_t>>(type, TypeId::kUInt64);
}

AggregateFunctionPtr BindAverage(const AggregateArguments& arguments) {
  RequireOneNumber(arguments);
  const DataType& type = arguments.types[0];
  return type.is_float() ? MakeNumeric<Average<double>>(type, TypeId::kFloat64)
                         : MakeNumeric<Average<__int128>>(type, TypeId::kFloat64);
}

template <bool of_sample, bool root>
AggregateFunctionPtr BindDeviation(const AggregateArguments& arguments) {
  RequireOneNumber(arguments);
  const DataType& type = arguments.types[0];
  const DataType result = type.id() == TypeId::kFloat32 ? type : DataType(TypeId::kFloat64);
  return MakeConverting<Deviation<of_sample, root>, double>(result);
}

template <class State>
AggregateFunctionPtr BindBits(const AggregateArguments& arguments) {
  RequireOneNumber(arguments);
  const DataType& type = arguments.types[0];
  if (!type.is_integer()) {
    ThrowIllegalType(arguments.name, 0, type, "an integer");
  }
  return MakeConverting<State, uint64_t>(type);
}

}  // namespace

void AddNumericAggregates(AggregateBinders& binders) {
  binders["count"] = BindCount;
  binders["sum"] = BindSum;
  binders["avg"] = BindAverage;
  binders["varPop"] = binders["var_pop"] = BindDeviation<false, false>;
  binders["varSamp"] = binders["var_samp"] = BindDeviation<true, false>;
  binders["stddevPop"] = binders["stddev_pop"] = BindDeviation<false, true>;
  binders["stddevSamp"] = binders["stddev_samp"] = BindDeviation<true, true>;
  binders["groupBitAnd"] = BindBits<BitAnd>;
  binders["groupBitOr"] = BindBits<BitOr>;
  binders["groupBitXor"] = BindBits<BitXor>;
}

}  // namespace granary
