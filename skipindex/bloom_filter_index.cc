#include "granary/skipindex/bloom_filter_index.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numbers>

#include <fmt/format.h>
#include <xxhash.h>

namespace granary {
namespace {

constexpr uint8_t kVersion = 1;
constexpr double kDefaultFalsePositives = 0.025;
constexpr size_t kHashesMax = 30;
constexpr size_t kWordBits = 64;

enum NumberKind : uint64_t { kNotNegative, kNegative, kFraction };

uint64_t HashBits(uint64_t bits, NumberKind kind) {
  return XXH3_64bits_withSeed(&bits, sizeof(bits), kind);
}

// Equal numbers have equal hashes, whatever type they are of.
template <class T>
uint64_t Hash(T number) {
  if constexpr (std::is_integral_v<T>) {
    return HashBits(static_cast<uint64_t>(number), number < 0 ? kNegative : kNotNegative);
  } else {
    const double value = static_cast<double>(number);
    if (value != std::trunc(value) || value < -0x1p63 || value >= 0x1p64) {
      return HashBits(std::bit_cast<uint64_t>(value), kFraction);
    }
    return value < 0 ? Hash(static_cast<int64_t>(value)) : Hash(static_cast<uint64_t>(value));
  }
}

uint64_t Hash(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

uint64_t HashValue(const Value& value) {
  if (value.is_string()) return Hash(std::string_view(value.as_string()));
  if (value.is_uint()) return Hash(value.as_uint());
  if (value.is_int()) return Hash(value.as_int());
  return Hash(value.as_double());
}

void AppendHashes(const Column& values, size_t first, size_t end, std::vector<uint64_t>& out) {
  if (values.type().is_string()) {
    const StringColumn& strings = AsStrings(values);
    for (size_t row = first; row < end; ++row) out.push_back(Hash(strings.At(row)));
    return;
  }
  VisitFixedType(values.type().id(), [&]<class T>() {
    const T* data = AsNumbers<T>(values).data();
    for (size_t row = first; row < end; ++row) {
      if constexpr (std::is_same_v<T, BFloat16>) {
        out.push_back(Hash(static_cast<float>(data[row])));
      } else {
        out.push_back(Hash(data[row]));
      }
    }
  });
}

// Calls use(bit) for each bit of a value, by double hashing (Kirsch and Mitzenmacher, 2006), until
// it returns false.
template <class Use>
bool ForEachBit(uint64_t hash, size_t hashes, size_t bits, Use&& use) {
  const uint64_t step = std::rotl(hash, 32) | 1;
  for (size_t i = 0; i < hashes; ++i, hash += step) {
    const auto scaled = static_cast<unsigned __int128>(hash) * bits;
    if (!use(static_cast<uint64_t>(scaled >> 64))) return false;
  }
  return true;
}

bool AsksForValues(PredicateOp op) {
  return op == PredicateOp::kEqual || op == PredicateOp::kIn || op == PredicateOp::kHas;
}

class BloomFilterSubIndex final : public SubIndex, public Pruner {
 public:
  // `words` stays valid as long as the sub-index.
  BloomFilterSubIndex(std::string expression, size_t hashes, std::span<const std::byte> words)
      : expression_(std::move(expression)), hashes_(hashes), words_(words) {}

  const Pruner* pruner() const override { return this; }
  size_t heap_bytes() const override { return sizeof(*this) + expression_.capacity(); }

  bool MayMatch(const Predicate& predicate) const override {
    return predicate
        .Judge([&](const PredicateAtom& atom) {
          return atom.expression == expression_ ? Judge(atom) : Verdict{};
        })
        .can_be_true;
  }

 private:
  Verdict Judge(const PredicateAtom& atom) const {
    if (!AsksForValues(atom.op)) return {};
    const bool may_hold = std::any_of(atom.constants.begin(), atom.constants.end(),
                                      [this](const Value& value) { return MayHold(value); });
    return {.can_be_true = may_hold, .can_be_false = true};
  }

  bool MayHold(const Value& value) const {
    if (value.is_array()) {
      return std::all_of(value.as_array().begin(), value.as_array().end(),
                         [this](const Value& element) { return MayHold(element); });
    }
    if (words_.empty()) return false;
    return ForEachBit(HashValue(value), hashes_, words_.size() * 8,
                      [this](uint64_t bit) { return IsSet(bit); });
  }

  bool IsSet(uint64_t bit) const {
    return (static_cast<uint8_t>(words_[bit / 8]) >> (bit % 8)) & 1;
  }

  const std::string expression_;
  const size_t hashes_;
  const std::span<const std::byte> words_;
};

// Bytes: version uint8, number of hash functions uint8, then the bits in whole 64-bit words, bit i
// in byte i / 8.
class BloomFilterBuilder final : public SubIndexBuilder {
 public:
  explicit BloomFilterBuilder(double false_positives) : false_positives_(false_positives) {}

  void AddGranule(const Column& values) override {
    if (!values.type().is_array()) {
      AppendHashes(values, 0, values.size(), hashes_);
    } else if (const ArrayColumn& arrays = AsArrays(values); arrays.size() > 0) {
      AppendHashes(*arrays.elements(), arrays.Begin(0), arrays.End(arrays.size() - 1), hashes_);
    }
    KeepDistinct();
  }

  void Finish(const SubIndexInput&, ByteSink& out) override {
    // The fewest bits, and the number of hash functions that goes with them.
    const double bits_per_value = -std::log2(false_positives_) / std::numbers::ln2;
    const size_t functions = std::clamp<size_t>(
        static_cast<size_t>(std::lround(bits_per_value * std::numbers::ln2)), 1, kHashesMax);
    const double bits = std::ceil(bits_per_value * static_cast<double>(hashes_.size()));
    std::vector<std::byte> words((static_cast<size_t>(bits) + kWordBits - 1) / kWordBits *
                                 sizeof(uint64_t));
    for (const uint64_t hash : hashes_) {
      ForEachBit(hash, functions, words.size() * 8, [&](uint64_t bit) {
        words[bit / 8] |= std::byte{1} << (bit % 8);
        return true;
      });
    }
    ByteWriter head;
    head.Write(kVersion);
    head.Write(static_cast<uint8_t>(functions));
    out.Append(head.bytes());
    out.Append(words);
  }

 private:
  void KeepDistinct() {
    std::sort(hashes_.begin() + static_cast<ptrdiff_t>(distinct_), hashes_.end());
    std::inplace_merge(hashes_.begin(), hashes_.begin() + static_cast<ptrdiff_t>(distinct_),
                       hashes_.end());
    hashes_.erase(std::unique(hashes_.begin(), hashes_.end()), hashes_.end());
    distinct_ = hashes_.size();
  }

  const double false_positives_;
  std::vector<uint64_t> hashes_;  // of the values so far, ascending
  size_t distinct_ = 0;
};

class BloomFilterIndex final : public SkipIndex {
 public:
  BloomFilterIndex(std::string expression, double false_positives)
      : expression_(std::move(expression)), false_positives_(false_positives) {}

  bool CanPrune(const Predicate& predicate) const override {
    if (predicate.kind() == Predicate::Kind::kAtom) {
      const PredicateAtom& atom = predicate.atom();
      return atom.expression == expression_ && AsksForValues(atom.op);
    }
    return std::any_of(predicate.children().begin(), predicate.children().end(),
                       [this](const Predicate& child) { return CanPrune(child); });
  }
  std::string description() const override {
    return fmt::format("bloom_filter({})", false_positives_);
  }

  std::unique_ptr<SubIndexBuilder> NewBuilder() const override {
    return std::make_unique<BloomFilterBuilder>(false_positives_);
  }

  std::shared_ptr<const SubIndex> Open(std::span<const std::byte> bytes,
                                       const SubIndexInput&) const override {
    ByteReader in(bytes, "bloom_filter index");
    if (const auto version = in.Read<uint8_t>(); version != kVersion) {
      throw Error(ErrorCode::kUnknownFormatVersion,
                  fmt::format("bloom_filter sub-index of version {}; this library reads {}",
                              version, kVersion));
    }
    const size_t hashes = in.Read<uint8_t>();
    if (hashes == 0 || hashes > kHashesMax) in.ThrowCorrupted("impossible number of hashes");
    if (in.remaining() % sizeof(uint64_t) != 0) in.ThrowCorrupted("its bits are not whole words");
    return std::make_shared<BloomFilterSubIndex>(expression_, hashes, in.ReadBytes(in.remaining()));
  }

 private:
  const std::string expression_;
  const double false_positives_;
};

void CheckType(const IndexDeclaration& declaration) {
  const DataType& type = declaration.expression->type();
  const bool is_nested = type.is_array() && type.element().is_array();
  if (is_nested || type.is_nothing()) {
    throw Error(ErrorCode::kBadArguments,
                fmt::format("bloom_filter index {} is over {}; it takes numbers, strings, dates "
                            "and arrays of these",
                            declaration.name, type.name()));
  }
}

double FalsePositives(const IndexDeclaration& declaration) {
  const auto& arguments = declaration.arguments;
  if (arguments.empty()) return kDefaultFalsePositives;
  if (arguments.size() > 1) {
    throw Error(ErrorCode::kNumberOfArgumentsDoesntMatch,
                fmt::format("a bloom_filter index takes at most one argument, but {} has {}",
                            declaration.name, arguments.size()));
  }
  const Value& value = arguments[0].value;
  const double share = value.is_number() ? value.as_double() : 0;
  if (!(share > 0 && share < 1)) {
    throw Error(ErrorCode::kBadArguments,
                fmt::format("the argument of bloom_filter index {} must be a number between 0 and "
                            "1, the share of false positives",
                            declaration.name));
  }
  return share;
}

}  // namespace

std::shared_ptr<const SkipIndex> BloomFilterKind::Declare(const IndexDeclaration& declaration,
                                                          const TableSettings&) const {
  CheckType(declaration);
  return std::make_shared<BloomFilterIndex>(declaration.expression->text(),
                                            FalsePositives(declaration));
}

}  // namespace granary
