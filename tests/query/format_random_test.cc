// Random values through every format and back, and random damage, which must never crash.
#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "granary/query/formats/registry.h"
#include "granary/tests/query/format_testing.h"
#include "granary/tests/random_seed.h"

namespace granary {
namespace {

using testing::MakeHeader;
using testing::Pieces;
using testing::ReadBlocks;
using testing::WriteBlocks;

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  uint64_t Below(uint64_t end) { return random_() % end; }

  // JSON has neither inf nor nan, nor bytes that are not UTF-8.
  Value Make(const DataType& type, bool is_json) {
    switch (type.id()) {
      case TypeId::kArray:
        return MakeArray(type.element(), is_json);
      case TypeId::kString:
        return MakeString(is_json);
      case TypeId::kBool:
        return Value(Below(2));
      case TypeId::kFloat32:
      case TypeId::kBFloat16:
      case TypeId::kFloat64:
        return Value(MakeFloat(type.id(), is_json));
      default:
        return MakeInteger(type);
    }
  }

 private:
  Value MakeArray(const DataType& element, bool is_json) {
    ValueArray values(Below(5));
    for (Value& value : values) value = Make(element, is_json);
    return values;
  }

  Value MakeString(bool is_json) {
    static constexpr std::string_view kPieces[] = {"a",    "\t", "\n",   "\\",  "'", "\"", "\r",
                                                   ",",    "é",  "日",   " ",   "",  "\b", "\\N",
                                                   "\x01", "/",  "NULL", "[1]", "{", ")"};
    std::string text;
    for (uint64_t n = Below(8); n > 0; --n) {
      if (!is_json && Below(10) == 0) text += static_cast<char>(Below(256));
      text += kPieces[Below(std::size(kPieces))];
    }
    return text;
  }

  double MakeFloat(TypeId type, bool is_json) {
    double value = 0;
    if (type == TypeId::kFloat64) {
      value = std::bit_cast<double>(random_());
    } else {
      auto bits = static_cast<uint32_t>(random_());
      if (type == TypeId::kBFloat16) bits &= 0xFFFF0000u;
      value = std::bit_cast<float>(bits);
    }
    if (Below(4) == 0) value = static_cast<double>(Below(1000)) / 8;
    if (is_json && !std::isfinite(value)) value = 0;
    return value;
  }

  Value MakeInteger(const DataType& type) {
    const auto bits = 8 * type.fixed_bytes();
    const uint64_t raw = Below(3) == 0 ? ~uint64_t{0} : random_();
    if (!type.is_signed_integer())
      return Value(bits == 64 ? raw : raw & ((uint64_t{1} << bits) - 1));
    return Value(static_cast<int64_t>(raw << (64 - bits)) >> (64 - bits));
  }

  std::mt19937_64 random_;
};

uint64_t Seed() {
  static const uint64_t seed = SeedOfThisRun();
  return seed;
}

const Header& EveryType() {
  static const Header header = MakeHeader({{"i8", "Int8"},
                                           {"i16", "Int16"},
                                           {"i32", "Int32"},
                                           {"i64", "Int64"},
                                           {"u8", "UInt8"},
                                           {"u16", "UInt16"},
                                           {"u32", "UInt32"},
                                           {"u64", "UInt64"},
                                           {"f32", "Float32"},
                                           {"f64", "Float64"},
                                           {"bf16", "BFloat16"},
                                           {"b", "Bool"},
                                           {"s", "String"},
                                           {"d", "Date"},
                                           {"t", "DateTime"},
                                           {"vf", "Array(Float32)"},
                                           {"vd", "Array(Float64)"},
                                           {"vb", "Array(BFloat16)"},
                                           {"vs", "Array(String)"},
                                           {"vt", "Array(DateTime)"},
                                           {"vbool", "Array(Bool)"},
                                           {"vvi", "Array(Array(Int16))"},
                                           {"vvs", "Array(Array(Array(String)))"}});
  return header;
}

Block RandomBlock(Generator& generator, const Header& header, size_t rows, bool is_json) {
  std::vector<std::vector<Value>> values(rows);
  for (auto& row : values) {
    for (const HeaderColumn& column : header) row.push_back(generator.Make(column.type, is_json));
  }
  return testing::MakeBlock(header, values);
}

class EveryFormat : public ::testing::TestWithParam<const char*> {};

TEST_P(EveryFormat, ReadsBackWhatItWrote) {
  const std::string format = GetParam();
  const uint64_t seed = Seed();
  SCOPED_TRACE("GRANARY_SEED=" + std::to_string(seed));
  Generator generator(seed);
  for (int round = 0; round < 20; ++round) {
    const bool is_json = format == "JSONEachRow";
    const Block block = RandomBlock(generator, EveryType(), 1 + generator.Below(20), is_json);
    const std::string text = WriteBlocks(format, EveryType(), {block});
    const size_t piece = 1 + generator.Below(200);
    const size_t max_rows = 1 + generator.Below(25);
    const auto blocks = ReadBlocks(format, EveryType(), Pieces(text, piece), {}, max_rows);
    const Block read = ConcatenateBlocks(blocks);
    ASSERT_EQ(read.rows(), block.rows());
    for (size_t column = 0; column < block.column_count(); ++column) {
      for (size_t row = 0; row < block.rows(); ++row) {
        ASSERT_EQ(read.column(column)->Compare(row, *block.column(column), row), 0)
            << EveryType()[column].name << ", row " << row << " of\n"
            << text;
      }
    }
  }
}

// Flips, cuts, doubles and swaps pieces of the text.
void Damage(Generator& generator, std::string& text) {
  static constexpr std::string_view kSpecial =
      "'\"\\(){}[],;\t\n\r \0-+.eE0x9/N"
      "\xff\xc3";
  for (uint64_t n = 1 + generator.Below(4); n > 0 && !text.empty(); --n) {
    const size_t at = generator.Below(text.size());
    switch (generator.Below(5)) {
      case 0:
        text[at] = static_cast<char>(generator.Below(256));
        break;
      case 1:
        text.erase(at, 1 + generator.Below(20));
        break;
      case 2:
        text.insert(at, 1, kSpecial[generator.Below(kSpecial.size())]);
        break;
      case 3:
        text.insert(at, text.substr(generator.Below(text.size()), generator.Below(40)));
        break;
      default:
        text.resize(at);
    }
  }
}

TEST_P(EveryFormat, DamagedInputIsReadOrRefusedButNeverCrashes) {
  const std::string format = GetParam();
  const uint64_t seed = Seed();
  SCOPED_TRACE("GRANARY_SEED=" + std::to_string(seed));
  Generator generator(seed);
  InputFormatOptions options;
  options.evaluate = [](std::string_view, const HeaderColumn& column) {
    return DefaultValue(column.type);
  };
  size_t refused = 0;
  constexpr size_t kRounds = 1000;
  for (size_t round = 0; round < kRounds; ++round) {
    const Block block = RandomBlock(generator, EveryType(), 3, format == "JSONEachRow");
    std::string text = WriteBlocks(format, EveryType(), {block});
    Damage(generator, text);
    // An exact copy on the heap, so that a sanitizer sees the first byte read beyond the end.
    const std::vector<char> exact(text.begin(), text.end());
    const bool is_streamed = generator.Below(2) == 0;
    try {
      const std::string_view view(exact.data(), exact.size());
      ReadBlocks(format, EveryType(),
                 is_streamed ? Pieces(text, 1 + generator.Below(99)) : InputBytes(view), options);
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, kRounds / 10);
  EXPECT_LT(refused, kRounds);
}

std::string ParameterName(const ::testing::TestParamInfo<const char*>& info) { return info.param; }

INSTANTIATE_TEST_SUITE_P(Text, EveryFormat,
                         ::testing::Values("TabSeparated", "TabSeparatedWithNames", "CSV",
                                           "CSVWithNames", "JSONEachRow", "Values"),
                         ParameterName);

TEST(ArrayFiles, DamagedOnesAreReadOrRefusedButNeverCrash) {
  const uint64_t seed = Seed();
  SCOPED_TRACE("GRANARY_SEED=" + std::to_string(seed));
  Generator generator(seed);
  std::string npy = "\x93NUMPY\x01";
  npy += '\0';
  const std::string dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }";
  npy += static_cast<char>(dictionary.size());
  npy += '\0';
  npy += dictionary + std::string(24, 'x');
  std::string fvecs;
  for (int i = 0; i < 3; ++i) fvecs += std::string("\2\0\0\0", 4) + std::string(8, 'x');
  size_t read = 0, refused = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string file = round % 2 == 0 ? npy : fvecs;
    Damage(generator, file);
    try {
      ReadBlocks(round % 2 == 0 ? "Npy" : "Fvecs", {}, Pieces(file, 1 + generator.Below(30)));
      ++read;
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(read, 50u);
  EXPECT_GT(refused, 50u);
}

}  // namespace
}  // namespace granary
