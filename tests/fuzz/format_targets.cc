// Bytes as each input format takes them. What is read whole must be read the same in pieces, and
// rows that were written must read back.
#include <algorithm>
#include <cstring>

#include "granary/query/expressions/expression_compiler.h"
#include "granary/query/formats/value_writer.h"
#include "granary/query/sql/parser.h"
#include "granary/tests/fuzz/targets.h"
#include "granary/tests/query/format_testing.h"

namespace granary::fuzz {
namespace {

using testing::MakeBlock;
using testing::MakeHeader;
using testing::Pieces;
using testing::ReadBlocks;
using testing::WriteBlocks;

const Header& FewColumns() {
  static const Header header =
      MakeHeader({{"i", "Int32"}, {"s", "String"}, {"v", "Array(Float32)"}});
  return header;
}

const Header& EveryType() {
  static const Header header = MakeHeader({{"i8", "Int8"},
                                           {"i64", "Int64"},
                                           {"u16", "UInt16"},
                                           {"u64", "UInt64"},
                                           {"f32", "Float32"},
                                           {"f64", "Float64"},
                                           {"bf16", "BFloat16"},
                                           {"b", "Bool"},
                                           {"s", "String"},
                                           {"d", "Date"},
                                           {"t", "DateTime"},
                                           {"vd", "Array(Float64)"},
                                           {"vs", "Array(String)"},
                                           {"vvi", "Array(Array(Int16))"}});
  return header;
}

Value EvaluateText(std::string_view text, const HeaderColumn& column) {
  ExpressionScope scope;
  scope.context.now = std::chrono::system_clock::time_point(std::chrono::seconds(1714521600));
  return EvaluateConstantAs(*sql::ParseExpression(text), column.type, scope)->ValueAt(0);
}

InputFormatOptions Options() {
  InputFormatOptions options;
  options.evaluate = EvaluateText;
  return options;
}

// The rows, or nothing where the input is refused.
std::optional<Block> Read(std::string_view format, const Header& header, InputBytes bytes,
                          size_t rows_max) {
  try {
    const auto blocks = ReadBlocks(format, header, std::move(bytes), Options(), rows_max);
    if (blocks.empty()) return Block();
    return ConcatenateBlocks(blocks);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kLogicalError) throw;
    return std::nullopt;
  }
}

void ExpectSame(const Block& a, const Block& b, std::string_view what) {
  Expect(a.rows() == b.rows() && a.column_count() == b.column_count(),
         [&] { return std::string(what) + ": another number of rows"; });
  for (size_t column = 0; column < a.column_count(); ++column) {
    for (size_t row = 0; row < a.rows(); ++row) {
      Expect(a.column(column)->Compare(row, *b.column(column), row) == 0, [&] {
        return std::string(what) + ": row " + std::to_string(row) + " of " +
               a.columns()[column].name;
      });
    }
  }
}

// JSON has neither nan nor bytes that are not UTF-8.
bool WritesEverything(std::string_view format) { return format != "JSONEachRow"; }

bool ReadAs(std::string_view format, const Header& header, std::string_view text) {
  const std::optional<Block> whole = Read(format, header, InputBytes(text), 1000);
  const size_t piece = 1 + text.size() % 17;
  const auto pieces = Read(format, header, Pieces(std::string(text), piece), 2);
  Expect(whole.has_value() == pieces.has_value(), [&] {
    return std::string(format) + (whole ? ": refused in pieces" : ": taken in pieces only");
  });
  if (!whole) return false;
  ExpectSame(*whole, *pieces, std::string(format).append(" in pieces"));
  if (whole->rows() == 0 || !WritesEverything(format)) return true;
  const std::string written = WriteBlocks(format, header, {*whole});
  const auto again = Read(format, header, InputBytes(written), 1000);
  Expect(again.has_value(), [&] { return "what was written does not read back: " + written; });
  ExpectSame(*whole, *again, std::string(format).append(" read back"));
  return true;
}

template <bool kWithNames>
bool ReadText(std::string_view format, Input input) {
  const std::string_view text = ToText(input);
  bool is_taken = false;
  for (const Header* header : {&FewColumns(), &EveryType()}) {
    is_taken |= ReadAs(format, *header, text);
    if constexpr (kWithNames) {
      is_taken |= ReadAs(std::string(format) + "WithNames", *header, text);
    }
  }
  return is_taken;
}

bool ReadCsv(Input input) { return ReadText<true>("CSV", input); }
bool ReadTabSeparated(Input input) { return ReadText<true>("TabSeparated", input); }
bool ReadJson(Input input) { return ReadText<false>("JSONEachRow", input); }
bool ReadValues(Input input) { return ReadText<false>("Values", input); }

Block FewRows() {
  return MakeBlock(FewColumns(), {{Value(int64_t{-7}), Value("a'\"\\,\t\n"), ValueArray{1.5, -2.0}},
                                  {Value(int64_t{0}), Value(""), ValueArray{}}});
}

Block RowsOfEveryType() {
  const double inf = std::numeric_limits<double>::infinity();
  auto row = [](int64_t small, int64_t large, uint64_t u16, uint64_t u64, double f, uint64_t b,
                const char* s, uint64_t date, uint64_t time) -> std::vector<Value> {
    return {small,
            large,
            u16,
            u64,
            f,
            f,
            1.5,
            b,
            Value(s),
            date,
            time,
            ValueArray{f, 0.25},
            ValueArray{Value(s), Value("x]")},
            ValueArray{ValueArray{small}, ValueArray{}}};
  };
  return MakeBlock(EveryType(),
                   {row(-128, INT64_MIN, 65535, UINT64_MAX, 0.1f, 1, "it's", 65535, 4294967295),
                    row(1, 2, 3, 4, inf, 0, "", 19000, 1700000000)});
}

std::vector<Seed> TextSeeds(std::string_view format, bool with_names,
                            std::vector<std::string_view> more) {
  std::vector<Seed> seeds;
  auto write = [&](const std::string& name, const std::string& as, const Header& header,
                   const Block& block) {
    seeds.push_back({name, ToBytes(std::string_view(WriteBlocks(as, header, {block})))});
  };
  const std::string plain(format);
  write("few", plain, FewColumns(), FewRows());
  write("every_type", plain, EveryType(), RowsOfEveryType());
  if (with_names) write("few_names", plain + "WithNames", FewColumns(), FewRows());
  if (with_names) write("every_name", plain + "WithNames", EveryType(), RowsOfEveryType());
  for (const std::string_view text : more) {
    seeds.push_back({"text_" + std::to_string(seeds.size()), ToBytes(text)});
  }
  return seeds;
}

std::vector<Seed> CsvSeeds() {
  return TextSeeds("CSV", true,
                   {"1,abc,\"[1, 2]\"\r\n,,\n", "s,i\nx,1\n\"y\"\"z\",2", "1,'a',\"['x']\"\n"});
}
std::vector<Seed> TabSeparatedSeeds() {
  return TextSeeds("TabSeparated", true,
                   {"1\ta\\tb\\\\\\x41\\N\t[1,nan,-inf]\r\n", "v\ti\n[]\t1\n"});
}
std::vector<Seed> JsonSeeds() {
  return TextSeeds("JSONEachRow", false,
                   {"{\"s\": \"\\u00e9\\ud83d\\ude00\", \"v\": [1e3, \"2\"]}\n\n{\"i\": null}",
                    "[{\"i\": 1, \"other\": {\"a\": [1]}}, {\"i\": true}]"});
}
std::vector<Seed> ValuesSeeds() {
  return TextSeeds("Values", false,
                   {"(1 + 1, concat('a', 'b'), [1, toFloat32(2)]), (DEFAULT, 'x', [])",
                    " ( -0x1F , 'a\\'b' , array(1., .5) ) ;", "(1, $t$x$t$, range(3))"});
}

std::vector<std::string> TextWords() {
  return {"\"",
          "'",
          "\\",
          "\\N",
          "\r\n",
          "\n",
          "\t",
          ",",
          "[",
          "]",
          "[]",
          "{",
          "}",
          "(",
          ")",
          ":",
          "nan",
          "inf",
          "-inf",
          "NULL",
          "null",
          "true",
          "false",
          "DEFAULT",
          "1e5",
          "0x1F",
          "-",
          "+",
          ".",
          "e",
          "2024-02-29",
          "2024-02-29 23:59:58",
          "1970-01-01",
          "2149-06-06",
          "18446744073709551615",
          "-9223372036854775808",
          "\\u00e9",
          "\\ud83d\\ude00",
          "\xc3\xa9",
          "\xff",
          "toDate(",
          "\"i\":",
          "\"v\":",
          "''"};
}

// ---- Binary arrays ----

bool ReadArrays(std::string_view format, Input input) {
  const std::string_view text = ToText(input);
  const auto whole = Read(format, {}, InputBytes(text), 1000);
  const auto pieces = Read(format, {}, Pieces(std::string(text), 1 + text.size() % 13), 99);
  Expect(whole.has_value() == pieces.has_value(), [] { return "another answer in pieces"; });
  if (!whole) return false;
  ExpectSame(*whole, *pieces, "in pieces");
  return true;
}

bool ReadNpy(Input input) { return ReadArrays("Npy", input); }
// The three differ in their elements only.
bool ReadVecs(Input input) {
  bool is_taken = false;
  for (const char* format : {"Fvecs", "Ivecs", "Bvecs"}) is_taken |= ReadArrays(format, input);
  return is_taken;
}

std::string Npy(int version, std::string dictionary, size_t data_bytes) {
  std::string file = "\x93NUMPY";
  file += static_cast<char>(version);
  file += '\0';
  const auto length = static_cast<uint32_t>(dictionary.size());
  file.append(reinterpret_cast<const char*>(&length), version == 1 ? 2 : 4);
  file += dictionary;
  for (size_t i = 0; i < data_bytes; ++i) file += static_cast<char>(i * 7);
  return file;
}

std::vector<Seed> NpySeeds() {
  std::vector<Seed> seeds;
  auto add = [&](const char* name, const std::string& file) {
    seeds.push_back({name, ToBytes(std::string_view(file))});
  };
  add("floats", Npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }\n", 24));
  add("doubles", Npy(2, "{'descr': '<f8', 'fortran_order': False, 'shape': (4,), }", 32));
  add("bytes", Npy(3, "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 5), }", 10));
  add("bools", Npy(1, "{'descr': '|b1', 'fortran_order': False, 'shape': (5,), }", 5));
  add("none", Npy(1, "{'descr': '<i8', 'fortran_order': False, 'shape': (0, 3), }", 0));
  return seeds;
}

std::vector<std::string> NpyWords() {
  return {
      "\x93NUMPY", "'descr'", "'fortran_order'", "'shape'",  "True",     "False",
      "'<f4'",     "'<f8'",   "'|i1'",           "'<i2'",    "'<i4'",    "'<i8'",
      "'|u1'",     "'<u2'",   "'<u4'",           "'<u8'",    "'|b1'",    "(3, 2)",
      "(3,)",      "()",      "(0, 0)",          "16777216", "16777217", "18446744073709551615"};
}

std::vector<Seed> VecsSeeds() {
  std::vector<Seed> seeds;
  auto add = [&](const char* name, int32_t dimension, size_t element_bytes) {
    Bytes file;
    for (uint8_t row = 0; row < 3; ++row) {
      const auto* const prefix = reinterpret_cast<const uint8_t*>(&dimension);
      file.insert(file.end(), prefix, prefix + sizeof(dimension));
      file.insert(file.end(), static_cast<size_t>(dimension) * element_bytes, row);
    }
    seeds.push_back({name, file});
  };
  add("fvecs", 3, 4);
  add("bvecs", 5, 1);
  return seeds;
}

}  // namespace

void AddFormatTargets(std::vector<Target>& targets) {
  targets.push_back({"csv", ReadCsv, CsvSeeds, TextWords, 1024});
  targets.push_back({"tab_separated", ReadTabSeparated, TabSeparatedSeeds, TextWords, 1024});
  targets.push_back({"json_each_row", ReadJson, JsonSeeds, TextWords, 1024});
  targets.push_back({"values", ReadValues, ValuesSeeds, TextWords, 1024});
  targets.push_back({"npy", ReadNpy, NpySeeds, NpyWords, 1024});
  targets.push_back({"vecs", ReadVecs, VecsSeeds, NoWords, 1024});
}

}  // namespace granary::fuzz
