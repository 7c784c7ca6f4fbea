// Hash functions, equal to ClickHouse's, and random numbers.
#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>

#define XXH_STATIC_LINKING_ONLY  // for states on the stack
#include <xxhash.h>

#include "granary/query/functions/column_access.h"
#include "granary/query/functions/families.h"
#include "granary/query/functions/numeric_conversion.h"
#include "granary/query/functions/type_rules.h"

namespace granary {
namespace {

// SipHash-2-4 by Aumasson and Bernstein (2012), with a key of zeros.
class SipHash {
 public:
  static uint64_t Hash(std::string_view bytes) {
    SipHash state;
    const size_t words = bytes.size() / 8;
    ForStretches(words, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        uint64_t word;
        std::memcpy(&word, bytes.data() + 8 * i, 8);
        state.Compress(word);
      }
    });
    const size_t done = 8 * words;
    uint64_t last = static_cast<uint64_t>(bytes.size()) << 56;
    for (size_t i = 0; done + i < bytes.size(); ++i) {
      last |= static_cast<uint64_t>(static_cast<uint8_t>(bytes[done + i])) << (8 * i);
    }
    state.Compress(last);
    state.v2_ ^= 0xFF;
    for (int round = 0; round < 4; ++round) state.Round();
    return state.v0_ ^ state.v1_ ^ state.v2_ ^ state.v3_;
  }

 private:
  void Compress(uint64_t word) {
    v3_ ^= word;
    Round();
    Round();
    v0_ ^= word;
  }
  void Round() {
    v0_ += v1_;
    v1_ = std::rotl(v1_, 13) ^ v0_;
    v0_ = std::rotl(v0_, 32);
    v2_ += v3_;
    v3_ = std::rotl(v3_, 16) ^ v2_;
    v0_ += v3_;
    v3_ = std::rotl(v3_, 21) ^ v0_;
    v2_ += v1_;
    v1_ = std::rotl(v1_, 17) ^ v2_;
    v2_ = std::rotl(v2_, 32);
  }

  uint64_t v0_ = 0x736f6d6570736575, v1_ = 0x646f72616e646f6d;
  uint64_t v2_ = 0x6c7967656e657261, v3_ = 0x7465646279746573;
};

// Longer texts are hashed in steps of so many bytes.
constexpr size_t kStepBytes = size_t{1} << 20;

// update(state, data, bytes) for each step of the text.
template <class State, class Update>
void UpdateInSteps(State* state, std::string_view bytes, Update update) {
  for (; !bytes.empty(); bytes.remove_prefix(std::min(kStepBytes, bytes.size()))) {
    update(state, bytes.data(), std::min(kStepBytes, bytes.size()));
    CheckTaskCancelled();
  }
}

uint64_t XxHash64(std::string_view bytes) {
  if (bytes.size() <= kStepBytes) return XXH64(bytes.data(), bytes.size(), 0);
  XXH64_state_t state;
  XXH64_reset(&state, 0);
  UpdateInSteps(&state, bytes, XXH64_update);
  return XXH64_digest(&state);
}

uint32_t XxHash32(std::string_view bytes) {
  if (bytes.size() <= kStepBytes) return XXH32(bytes.data(), bytes.size(), 0);
  XXH32_state_t state;
  XXH32_reset(&state, 0);
  UpdateInSteps(&state, bytes, XXH32_update);
  return XXH32_digest(&state);
}

uint64_t XxHash3(std::string_view bytes) {
  if (bytes.size() <= kStepBytes) return XXH3_64bits(bytes.data(), bytes.size());
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  UpdateInSteps(&state, bytes, XXH3_64bits_update);
  return XXH3_64bits_digest(&state);
}

// Of the bytes of a string, or of a number or date in memory order.
template <class T, T (*Hash)(std::string_view)>
FunctionBinder HashBinder(std::string name) {
  return [name](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    const DataType argument = arguments[0].type;
    if (argument.is_array() || argument.is_nothing()) {
      ThrowIllegalType(name, 0, argument, "String, a number or a date");
    }
    const DataType type = IntegerType(false, sizeof(T));
    return Function(type, [=](std::span<const ColumnPtr> values, size_t rows) {
      if (argument.is_string()) {
        const StringView texts(*values[0]);
        return FillNumbers<T>(type, rows, [&](size_t row) { return Hash(texts[row]); });
      }
      return VisitFixedType(argument.id(), [&]<class Number>() {
        const NumberView<Number> numbers(*values[0]);
        return FillNumbers<T>(type, rows, [&](size_t row) {
          const Number number = numbers[row];
          return Hash({reinterpret_cast<const char*>(&number), sizeof(number)});
        });
      });
    });
  };
}

// Random numbers

// The number `position` of a sequence (splitmix64 by Steele, Lea and Flood, 2014).
uint64_t RandomAt(uint64_t seed, uint64_t position) {
  uint64_t z = seed + (position + 1) * 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

// Blocks take the next stretch of one sequence per call in the statement. Arguments only tell
// calls apart: rand(1), rand(2).
template <class T, class F>
FunctionBinder RandomBinder(DataType type, F f) {
  return [=](std::span<const FunctionArgument> arguments, const FunctionContext& context) {
    uint64_t seed = context.seed;
    for (const FunctionArgument& argument : arguments) {
      if (argument.constant == nullptr) continue;
      uint64_t hash = 0;
      argument.constant->HashInto({&hash, 1});
      seed = RandomAt(seed ^ hash, arguments.size());
    }
    const auto next = std::make_shared<std::atomic<uint64_t>>(0);
    return Function(type, [=](std::span<const ColumnPtr>, size_t rows) {
      const uint64_t first = next->fetch_add(rows);
      return FillNumbers<T>(
          type, rows, [&](size_t row) { return static_cast<T>(f(RandomAt(seed, first + row))); });
    });
  };
}

double UnitInterval(uint64_t random) { return static_cast<double>(random >> 11) * 0x1p-53; }

Function BindRandUniform(std::span<const FunctionArgument> arguments,
                         const FunctionContext& context) {
  double ends[2];
  for (size_t i = 0; i < 2; ++i) {
    RequireNumber("randUniform", arguments, i);
    ends[i] = RequireConstant("randUniform", i, arguments[i])->ValueAt(0).as_double();
  }
  const double low = ends[0], width = ends[1] - ends[0];
  return RandomBinder<double>(TypeId::kFloat64, [=](uint64_t random) {
    return low + width * UnitInterval(random);
  })(arguments.subspan(2), context);
}

}  // namespace

void RegisterHashes(FunctionRegistry& registry) {
  constexpr size_t kAnyNumber = FunctionDefinition::kAnyNumber;
  constexpr auto kPerRow = FunctionKind::kPerRow;
  registry.Add({"sipHash64", 1, 1, HashBinder<uint64_t, SipHash::Hash>("sipHash64")});
  registry.Add({"xxHash64", 1, 1, HashBinder<uint64_t, XxHash64>("xxHash64")});
  registry.Add({"xxHash32", 1, 1, HashBinder<uint32_t, XxHash32>("xxHash32")});
  registry.Add({"xxh3", 1, 1, HashBinder<uint64_t, XxHash3>("xxh3")});
  registry.Add(
      {"rand", 0, kAnyNumber,
       RandomBinder<uint32_t>(TypeId::kUInt32, [](uint64_t random) { return random >> 32; }),
       kPerRow, true});
  registry.AddAlias("rand32", "rand");
  registry.Add({"rand64", 0, kAnyNumber,
                RandomBinder<uint64_t>(TypeId::kUInt64, [](uint64_t random) { return random; }),
                kPerRow});
  registry.Add({"randCanonical", 0, kAnyNumber,
                RandomBinder<double>(TypeId::kFloat64, UnitInterval), kPerRow});
  registry.Add({"randUniform", 2, kAnyNumber, BindRandUniform, kPerRow});
}

}  // namespace granary
