// What input formats accept, and what they say about the rest.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "granary/query/formats/date_text.h"
#include "granary/query/formats/number_text.h"
#include "granary/tests/query/format_testing.h"

namespace granary {
namespace {

using namespace std::string_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::MakeHeader;
using testing::Pieces;
using testing::ReadAsTabSeparated;
using testing::ReadBlocks;

// The error of reading `text`, as "code: message".
std::string ErrorOf(std::string_view format, const Header& header, std::string_view text,
                    const InputFormatOptions& options = {}) {
  try {
    ReadBlocks(format, header, InputBytes(text), options);
  } catch (const Error& error) {
    return std::string(ErrorName(error.code())) + ": " + error.message();
  }
  return "no error";
}

InputFormatOptions StrictOptions() {
  InputFormatOptions options;
  options.settings.input_format_skip_unknown_fields = false;
  return options;
}

template <class T>
std::pair<ParseStatus, T> Parsed(std::string_view text) {
  T value{};
  const NumberEnd result = ParseNumber(text.data(), text.data() + text.size(), value);
  return {result.status, value};
}

TEST(ParseNumber, IntegersAreCheckedAgainstTheirRange) {
  EXPECT_EQ(Parsed<uint8_t>("255"), std::pair(ParseStatus::kOk, uint8_t{255}));
  EXPECT_EQ(Parsed<uint8_t>("+7").second, 7);
  EXPECT_EQ(Parsed<uint8_t>("256").first, ParseStatus::kOutOfRange);
  EXPECT_EQ(Parsed<uint8_t>("-1").first, ParseStatus::kOutOfRange);
  EXPECT_EQ(Parsed<uint8_t>("-0"), std::pair(ParseStatus::kOk, uint8_t{0}));
  EXPECT_EQ(Parsed<int8_t>("-128").second, -128);
  EXPECT_EQ(Parsed<int64_t>("9223372036854775808").first, ParseStatus::kOutOfRange);
  for (const char* bad : {"", "-", "+", "+-1", "x", "--1"}) {
    EXPECT_EQ(Parsed<int32_t>(bad).first, ParseStatus::kBadText) << bad;
    EXPECT_EQ(Parsed<uint32_t>(bad).first, ParseStatus::kBadText) << bad;
  }
}

TEST(ParseNumber, FloatsBeyondTheRangeBecomeInfiniteOrZero) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(Parsed<float>("0.1").second, 0.1f);
  EXPECT_EQ(Parsed<float>("1e39").second, static_cast<float>(kInf));
  EXPECT_EQ(Parsed<float>("-1e39").second, static_cast<float>(-kInf));
  EXPECT_EQ(Parsed<float>("1e-60"), std::pair(ParseStatus::kOk, 0.0f));
  EXPECT_EQ(Parsed<double>("1e400").second, kInf);
  EXPECT_EQ(Parsed<double>("1e-400"), std::pair(ParseStatus::kOk, 0.0));
  EXPECT_EQ(Parsed<double>("+.5").second, 0.5);
  EXPECT_EQ(Parsed<double>("-INF").second, -kInf);
  EXPECT_EQ(Parsed<double>("+-1").first, ParseStatus::kBadText);
  // Parsed as a double first, this rounds the other way.
  EXPECT_EQ(Parsed<float>("1.00000005960464478").second, 1.0000001f);
}

TEST(ParseDate, AcceptsTheCalendarOnly) {
  const auto date = [](std::string_view text) {
    uint16_t days = 0;
    return std::pair(ParseDate(text, days), days);
  };
  EXPECT_EQ(date("1970-01-01"), std::pair(ParseStatus::kOk, uint16_t{0}));
  EXPECT_EQ(date("2024-2-29"), std::pair(ParseStatus::kOk, uint16_t{19782}));
  EXPECT_EQ(date("2149-06-06"), std::pair(ParseStatus::kOk, uint16_t{65535}));
  EXPECT_EQ(date("2149-06-07").first, ParseStatus::kOutOfRange);
  EXPECT_EQ(date("1969-12-31").first, ParseStatus::kOutOfRange);
  for (const char* bad : {"", "2024", "2023-02-29", "2024-13-01", "2024-01-01x", "24-01-01",
                          "2024-01-01 00:00:00", "2024--1-01"}) {
    EXPECT_EQ(date(bad).first, ParseStatus::kBadText) << bad;
  }
}

TEST(ParseDateTime, AcceptsTextAndSeconds) {
  const auto time = [](std::string_view text) {
    uint32_t seconds = 0;
    return std::pair(ParseDateTime(text, seconds), seconds);
  };
  EXPECT_EQ(time("2024-01-02 03:04:05").second, 1704164645u);
  EXPECT_EQ(time("2024-01-02T03:04:05Z").second, 1704164645u);
  EXPECT_EQ(time("2024-01-02").second, 1704153600u);
  EXPECT_EQ(time("1704164645").second, 1704164645u);
  EXPECT_EQ(time("2106-02-07 06:28:15").second, 4294967295u);
  EXPECT_EQ(time("2106-02-07 06:28:16").first, ParseStatus::kOutOfRange);
  EXPECT_EQ(time("4294967296").first, ParseStatus::kOutOfRange);
  for (const char* bad : {"", "2024-01-02 25:00:00", "2024-01-02 03:04", "2024-01-02 03:04:05+01",
                          "2024-01-02x03:04:05", "17041646x5"}) {
    EXPECT_EQ(time(bad).first, ParseStatus::kBadText) << bad;
  }
}

const Header& PairHeader() {
  static const Header header = MakeHeader({{"id", "UInt8"}, {"s", "String"}});
  return header;
}

TEST(TabSeparatedInput, ResolvesEscapesAndLineEnds) {
  EXPECT_EQ(ReadAsTabSeparated("TSV", PairHeader(), InputBytes("1\ta\\tb\\x41\\\\\r\n2\t")),
            "1\ta\\tbA\\\\\n2\t\n");
  EXPECT_EQ(ReadAsTabSeparated("TSV", PairHeader(),
                               InputBytes("\xef\xbb\xbf"
                                          "7\tx\n")),
            "7\tx\n");
  EXPECT_EQ(ReadAsTabSeparated("TSV", PairHeader(), InputBytes("")), "");
  const Header arrays = MakeHeader({{"v", "Array(Float32)"}, {"a", "Array(Array(String))"}});
  EXPECT_EQ(
      ReadAsTabSeparated("TSV", arrays, InputBytes("[0, 2.1,-inf]\t[['it\\'s','''']  ,[]]\n")),
      "[0,2.1,-inf]\t[['it\\'s','\\''],[]]\n");
}

TEST(TabSeparatedInput, NamesMapFieldsToColumns) {
  const auto input =
      InputFormat::Create("TabSeparatedWithNames", PairHeader(), InputBytes("s\nx\n\\N\n"));
  const auto block = input->ReadBlock(10);
  ASSERT_TRUE(block.has_value());
  EXPECT_EQ(block->column(1)->ValueAt(0), Value(std::string("x")));
  EXPECT_THAT(input->absent()[0], ElementsAre(1, 1));
  EXPECT_THAT(input->absent()[1], ElementsAre(0, 1));
  EXPECT_EQ(input->ReadBlock(10), std::nullopt);
  EXPECT_EQ(ReadAsTabSeparated("TSVWithNames", PairHeader(), InputBytes("s\tz\tid\nx\t?\t7\n")),
            "7\tx\n");
  EXPECT_EQ(ReadAsTabSeparated("CSVWithNames", PairHeader(), InputBytes("s,z,id\nx,\"a,b\",7\n")),
            "7\tx\n");
  EXPECT_EQ(ErrorOf("TSVWithNames", PairHeader(), "s\tz\n", StrictOptions()),
            "NO_SUCH_COLUMN_IN_TABLE: TabSeparated: the line of names has 'z', which is not among "
            "the columns to insert: id, s; input_format_skip_unknown_fields = 1 skips it");
  EXPECT_THAT(ErrorOf("TSVWithNames", PairHeader(), "s\ts\n"), HasSubstr("DUPLICATE_COLUMN"));
}

TEST(TabSeparatedInput, ErrorsNameRowColumnAndText) {
  EXPECT_EQ(
      ErrorOf("TSV", PairHeader(), "1\ta\nx\tb\n"),
      "CANNOT_PARSE_INPUT_ASSERTION_FAILED: TabSeparated, row 2, column id: 'x' is not a value "
      "of type UInt8");
  EXPECT_EQ(ErrorOf("TSV", PairHeader(), "1\ta\n256\tb\n"),
            "ARGUMENT_OUT_OF_BOUND: TabSeparated, row 2, column id: '256' is out of the range of "
            "UInt8");
  EXPECT_EQ(ErrorOf("TSV", PairHeader(), "1\n"),
            "CANNOT_PARSE_INPUT_ASSERTION_FAILED: TabSeparated, row 1: 1 fields, expected 2");
  EXPECT_EQ(
      ErrorOf("TSV", PairHeader(), "1\ta\tb\n"),
      "CANNOT_PARSE_INPUT_ASSERTION_FAILED: TabSeparated, row 1: more than 2 fields, first too "
      "many: 'b'");
  EXPECT_THAT(ErrorOf("TSV", PairHeader(), "1\ta\\"), HasSubstr("CANNOT_PARSE_ESCAPE_SEQUENCE"));
  EXPECT_THAT(ErrorOf("TSV", PairHeader(), "1\ta\n\n"), HasSubstr("row 2"));
  EXPECT_THAT(ErrorOf("TSV", MakeHeader({{"v", "Array(Float32)"}}), "[1,2]\n[1,x]\n"),
              HasSubstr("CANNOT_READ_ARRAY_FROM_TEXT: TabSeparated, row 2, column v: '[1,x]' is "
                        "not a value of type Array(Float32)"));
  EXPECT_THAT(ErrorOf("TSV", MakeHeader({{"f", "Float32"}}), "zz"),
              HasSubstr("CANNOT_PARSE_NUMBER"));
  EXPECT_THAT(ErrorOf("TSV", MakeHeader({{"b", "Bool"}}), "2"), HasSubstr("CANNOT_PARSE_BOOL"));
  EXPECT_THAT(ErrorOf("TSV", MakeHeader({{"d", "Date"}}), "zz"), HasSubstr("CANNOT_PARSE_DATE:"));
  EXPECT_THAT(ErrorOf("TSV", MakeHeader({{"d", "DateTime"}}), "zz"),
              HasSubstr("CANNOT_PARSE_DATETIME:"));
}

TEST(CsvInput, QuotedFieldsHoldAnything) {
  EXPECT_EQ(ReadAsTabSeparated("CSV", PairHeader(),
                               InputBytes("1,\"a,\"\"b\"\"\nc\"\r\n 2 , d e \r\n\"3\" ,\"\"")),
            "1\ta,\"b\"\\nc\n2\td e\n3\t\n");
  const Header arrays = MakeHeader({{"v", "Array(String)"}, {"b", "Bool"}});
  EXPECT_EQ(ReadAsTabSeparated("CSV", arrays, InputBytes("\"['a','\"\"b']\",TRUE\n")),
            "['a','\"b']\ttrue\n");
}

TEST(CsvInput, EmptyFieldsAreAbsent) {
  const auto input = InputFormat::Create("CSV", PairHeader(), InputBytes(",\"\"\n5,\n"));
  ASSERT_EQ(input->ReadBlock(10)->rows(), 2u);
  EXPECT_THAT(input->absent()[0], ElementsAre(1, 0));
  EXPECT_THAT(input->absent()[1], ElementsAre(0, 1));
}

TEST(CsvInput, TheDelimiterIsASetting) {
  InputFormatOptions options;
  options.settings.format_csv_delimiter = ";";
  EXPECT_EQ(
      ReadAsTabSeparated("CSVWithNames", PairHeader(), InputBytes("s;id\n\"a;b\";1\n"), options),
      "1\ta;b\n");
  options.settings.format_csv_delimiter = "ab";
  EXPECT_THAT(ErrorOf("CSV", PairHeader(), "", options), HasSubstr("BAD_ARGUMENTS"));
}

TEST(CsvInput, ErrorsNameTheRow) {
  EXPECT_THAT(ErrorOf("CSV", PairHeader(), "1,a\n2,\"b\n"),
              HasSubstr("CANNOT_PARSE_QUOTED_STRING: CSV, row 2: the quote before 'b\\n'"));
  EXPECT_THAT(ErrorOf("CSV", PairHeader(), "1,\"a\"b\n"), HasSubstr("row 1: 'b' after a closing"));
  EXPECT_THAT(ErrorOf("CSV", PairHeader(), "1\n"), HasSubstr("1 fields, expected 2"));
  EXPECT_THAT(ErrorOf("CSV", PairHeader(), "1,a,b\n"), HasSubstr("more than 2 fields"));
  EXPECT_THAT(ErrorOf("CSV", PairHeader(), "1,a\n300,b"), HasSubstr("row 2, column id: '300'"));
}

TEST(JsonInput, ReadsObjectsLinesAndArrays) {
  const Header header = MakeHeader({{"id", "UInt64"}, {"s", "String"}, {"v", "Array(Float32)"}});
  const std::string expected = "1\ta\\nb\t[0.1,2]\n18446744073709551615\té\t[]\n";
  const std::string first = R"({"id":1,"s":"a\nb","v":[0.1, 2]})";
  const std::string second =
      "{ \"v\" : [ ] ,\n \"s\" : \"\\u00e9\" , \"id\" : \"18446744073709551615\" }";
  for (const std::string& text : {first + "\n" + second, first + second, first + "," + second,
                                  "[" + first + ",\n" + second + "]\n"}) {
    EXPECT_EQ(ReadAsTabSeparated("JSONEachRow", header, InputBytes(text)), expected) << text;
    for (size_t piece : {1, 7, 64}) {
      EXPECT_EQ(ReadAsTabSeparated("JSONEachRow", header, Pieces(text, piece)), expected);
    }
  }
}

TEST(JsonInput, MissingKeysAndNullAreAbsent) {
  const auto input = InputFormat::Create("JSONEachRow", PairHeader(),
                                         InputBytes("{\"id\":null,\"s\":\"x\"}{}{\"id\":2}"));
  ASSERT_EQ(input->ReadBlock(10)->rows(), 3u);
  EXPECT_THAT(input->absent()[0], ElementsAre(1, 1, 0));
  EXPECT_THAT(input->absent()[1], ElementsAre(0, 1, 1));
}

TEST(JsonInput, StringsTakeNumbersAndDatesTakeStrings) {
  const Header header = MakeHeader({{"s", "String"}, {"d", "Date"}, {"b", "Bool"}});
  EXPECT_EQ(ReadAsTabSeparated("JSONEachRow", header,
                               InputBytes(R"({"s": 1.50 ,"d":"2024-01-02","b":true})")),
            "1.50\t2024-01-02\ttrue\n");
}

TEST(JsonInput, ArraysMixNumbersAndQuotedNumbers) {
  const Header header = MakeHeader({{"v", "Array(Int64)"}, {"id", "UInt8"}});
  EXPECT_EQ(ReadAsTabSeparated("JSONEachRow", header,
                               InputBytes(R"({"v":[1,"-2" , 3],"id":4}{"v":[ 5 ],"id":"6"})")),
            "[1,-2,3]\t4\n[5]\t6\n");
}

TEST(JsonInput, ErrorsNameRowAndKey) {
  const auto error = [](std::string_view text) {
    return ErrorOf("JSONEachRow", PairHeader(), text);
  };
  EXPECT_EQ(
      ReadAsTabSeparated("JSONEachRow", PairHeader(),
                         InputBytes(R"({"ix":{"s":["}",1]},"id":1,"s":{"k": [1]} } {"id":2})")),
      "1\t{\"k\": [1]}\n2\t\n");
  EXPECT_EQ(ErrorOf("JSONEachRow", PairHeader(), "{\"id\":1}\n{\"ix\":2}", StrictOptions()),
            "INCORRECT_DATA: JSONEachRow, row 2: key 'ix' is not among the columns to insert; "
            "input_format_skip_unknown_fields = 1 skips it");
  EXPECT_THAT(error("{\"id\":1,\"id\":2}"), HasSubstr("key 'id' occurs twice"));
  EXPECT_THAT(error("{\"id\":300}"),
              HasSubstr("ARGUMENT_OUT_OF_BOUND: JSONEachRow, row 1, column id"));
  EXPECT_THAT(error("{\"id\":1.5}"), HasSubstr("'1.5' is not a value of type UInt8"));
  EXPECT_THAT(error("{\"id\":[1]}"), HasSubstr("column id"));
  EXPECT_THAT(error("{\"id\":1"), HasSubstr("CANNOT_READ_ALL_DATA"));
  EXPECT_THAT(error("{\"id\" 1}"), HasSubstr("not JSON"));
  EXPECT_THAT(error("{\"s\":\"\xff\"}"), HasSubstr("row 1"));
  EXPECT_THAT(error("[{\"id\":1}"), HasSubstr("not closed"));
  EXPECT_THAT(error("1"), HasSubstr("expected an object, found '1'"));
  EXPECT_THAT(ErrorOf("JSONEachRow", MakeHeader({{"v", "Array(Float32)"}}), "{\"v\":[1,null]}"),
              HasSubstr("column v"));
}

InputFormatOptions WithEvaluate(std::vector<std::string>* texts) {
  InputFormatOptions options;
  options.evaluate = [texts](std::string_view text, const HeaderColumn& column) -> Value {
    texts->push_back(column.name + "=" + std::string(text));
    if (text == "bad") throw Error(ErrorCode::kUnknownIdentifier, "Unknown identifier bad");
    if (column.type.is_string()) return Value(std::string("<") + std::string(text) + ">");
    return Value(uint64_t{42});
  };
  return options;
}

TEST(ValuesInput, LiteralsNeedNoEvaluation) {
  const Header header =
      MakeHeader({{"id", "Int32"}, {"s", "String"}, {"v", "Array(Float32)"}, {"d", "Date"}});
  EXPECT_EQ(ReadAsTabSeparated("Values", header,
                               InputBytes("(1, 'a', [0, 2.1], '2024-01-02') -- note (\n"
                                          "( -2 ,'it''s \\'x\\' )', [] , '2024-01-03' ) /* , */,\n"
                                          "(3,'',[1e3],'1970-01-01',) ; (4")),
            "1\ta\t[0,2.1]\t2024-01-02\n-2\tit\\'s \\'x\\' )\t[]\t2024-01-03\n"
            "3\t\t[1000]\t1970-01-01\n");
}

TEST(ValuesInput, ExpressionsGoToTheCaller) {
  std::vector<std::string> texts;
  EXPECT_EQ(ReadAsTabSeparated("Values", PairHeader(),
                               InputBytes("(1 + 1, concat('a,)', '('))(f([1, 2], (3)), 'x' || 'y' )"
                                          "(1.5, 2)"),
                               WithEvaluate(&texts)),
            "42\t<concat(\\'a,)\\', \\'(\\')>\n42\t<\\'x\\' || \\'y\\'>\n42\t<2>\n");
  EXPECT_THAT(texts, ElementsAre("id=1 + 1", "s=concat('a,)', '(')", "id=f([1, 2], (3))",
                                 "s='x' || 'y'", "id=1.5", "s=2"));
}

TEST(ValuesInput, NullAndDefaultAreAbsent) {
  const auto input =
      InputFormat::Create("Values", PairHeader(), InputBytes("(default, 'x'), (3, NULL)"));
  ASSERT_EQ(input->ReadBlock(10)->rows(), 2u);
  EXPECT_THAT(input->absent()[0], ElementsAre(1, 0));
  EXPECT_THAT(input->absent()[1], ElementsAre(0, 1));
}

TEST(ValuesInput, ErrorsNameRowColumnAndText) {
  std::vector<std::string> texts;
  const auto error = [&](std::string_view text) {
    return ErrorOf("Values", PairHeader(), text, WithEvaluate(&texts));
  };
  EXPECT_EQ(error("(1, 'a'), (bad, 'b')"),
            "UNKNOWN_IDENTIFIER: Unknown identifier bad: while reading row 2 of Values, column id: "
            "'bad'");
  EXPECT_EQ(error("(256, 'a')"),
            "ARGUMENT_OUT_OF_BOUND: Values, row 1, column id: '256' is out of the range of UInt8");
  EXPECT_THAT(error("(-1, 'a')"), HasSubstr("'-1' is out of the range"));
  EXPECT_THAT(error("(1)"), HasSubstr("row 1: 1 values, expected 2"));
  EXPECT_THAT(error("(1, 'a', 3)"), HasSubstr("row 1: more than 2 values"));
  EXPECT_THAT(error("()"), HasSubstr("no value for column id; expected 2 values"));
  EXPECT_THAT(error("(1, 'a') x"), HasSubstr("row 2: expected '(', found 'x'"));
  EXPECT_THAT(error("(1, 'a"), HasSubstr("a parenthesis or quote is not closed"));
  EXPECT_THAT(ErrorOf("Values", PairHeader(), "(1 + 1, 'a')"),
              HasSubstr("'1 + 1' is not a value of type UInt8"));
}

TEST(InputFormat, BlocksEndAfterMaxRowsAndRowsSpanPieces) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += std::to_string(i) + "\tvalue " + std::to_string(i) + "\n";
  for (size_t piece : {1, 3, 1000}) {
    const auto blocks = ReadBlocks("TSV", PairHeader(), Pieces(text, piece), {}, 30);
    ASSERT_EQ(blocks.size(), 4u);
    EXPECT_EQ(blocks[3].rows(), 10u);
    EXPECT_EQ(testing::WriteBlocks("TSV", PairHeader(), blocks), text);
  }
}

TEST(InputFormat, TextInMemoryMayBeFollowedByAStream) {
  std::string rest = "\n2\ty\n";
  InputBytes bytes("1\tx", [&](std::span<char> buffer) {
    const size_t size = rest.copy(buffer.data(), buffer.size());
    rest.clear();
    return size;
  });
  EXPECT_EQ(ReadAsTabSeparated("TSV", PairHeader(), std::move(bytes)), "1\tx\n2\ty\n");
}

std::string Npy(std::string dictionary, std::string_view data) {
  dictionary.append(118 - dictionary.size() % 64, ' ');
  std::string file = "\x93NUMPY\x01"s + '\0';
  file += static_cast<char>(dictionary.size());
  file += static_cast<char>(dictionary.size() >> 8);
  return file + dictionary + std::string(data);
}

template <class T>
std::string Bytes(std::initializer_list<T> values) {
  return {reinterpret_cast<const char*>(std::data(values)), values.size() * sizeof(T)};
}

std::string ReadArrayFile(std::string_view format, const std::string& file) {
  const auto input = InputFormat::Create(format, {}, Pieces(file, 5));
  std::string text = input->header()[0].name + " " + input->header()[0].type.name() + ":";
  while (auto block = input->ReadBlock(2)) {
    text += " " + testing::WriteBlocks("Values", input->header(), {*block});
  }
  return text;
}

std::string ArrayFileError(std::string_view format, const std::string& file) {
  try {
    return ReadArrayFile(format, file);
  } catch (const Error& error) {
    return std::string(ErrorName(error.code())) + ": " + error.message();
  }
}

TEST(NpyInput, OneDimensionIsAColumnOfNumbersTwoAreVectors) {
  EXPECT_EQ(ReadArrayFile("Npy", Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }",
                                     Bytes<float>({1, 2, 3.5, 4, 5, 6}))),
            "v Array(Float32): ([1,2]),([3.5,4]) ([5,6])");
  EXPECT_EQ(ReadArrayFile("Npy", Npy("{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }",
                                     Bytes<uint8_t>({1, 2, 255}))),
            "v UInt8: (1),(2) (255)");
  EXPECT_EQ(ReadArrayFile("Npy", Npy("{'descr': '<i8', 'fortran_order': False, 'shape': (1, 1), }",
                                     Bytes<int64_t>({-7}))),
            "v Array(Int64): ([-7])");
  EXPECT_EQ(
      ReadArrayFile("Npy", Npy("{'descr': '<f8', 'fortran_order': False, 'shape': (0, 4), }", "")),
      "v Array(Float64):");
}

TEST(NpyInput, RefusesWhatItCannotRead) {
  const auto error = [](const char* dictionary) {
    return ArrayFileError("Npy", Npy(dictionary, ""));
  };
  EXPECT_THAT(error("{'descr': '>f4', 'fortran_order': False, 'shape': (3, 2), }"),
              HasSubstr("INCORRECT_DATA: Npy: unknown element type '\\'>f4\\''"));
  EXPECT_THAT(error("{'descr': '<f4', 'fortran_order': True, 'shape': (3, 2), }"),
              HasSubstr("Fortran order"));
  EXPECT_THAT(error("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2, 1), }"),
              HasSubstr("3 dimensions"));
  EXPECT_THAT(error("{'descr': '<f4', 'fortran_order': False, 'shape': (), }"),
              HasSubstr("0 dimensions"));
  EXPECT_THAT(error("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 99999999999), }"),
              HasSubstr("elements per row"));
  // Rows that take no bytes would never end.
  EXPECT_THAT(error("{'descr': '<f4', 'fortran_order': False, 'shape': (1048577, 0), }"),
              HasSubstr("INCORRECT_DATA: Npy: 1048577 rows without elements"));
  EXPECT_EQ(error("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 0), }"),
            "v Array(Float32): ([]),([])");
  EXPECT_THAT(error("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }"),
              HasSubstr("CANNOT_READ_ALL_DATA: Npy: the file ends in row 1"));
  EXPECT_THAT(error("{'fortran_order': False, 'shape': (3, 2), }"), HasSubstr("no 'descr'"));
  EXPECT_THAT(ArrayFileError("Npy", "not a file of numpy"), HasSubstr("does not begin"));
  EXPECT_THAT(ArrayFileError("Npy", "\x93NUM"), HasSubstr("CANNOT_READ_ALL_DATA"));
}

TEST(VecsInput, EveryVectorCarriesTheDimension) {
  const std::string two =
      Bytes<int32_t>({2}) + Bytes<float>({1, 2.5}) + Bytes<int32_t>({2}) + Bytes<float>({3, 4});
  EXPECT_EQ(ReadArrayFile("Fvecs", two), "v Array(Float32): ([1,2.5]),([3,4])");
  EXPECT_EQ(ReadArrayFile("Ivecs", Bytes<int32_t>({1, 7})), "v Array(Int32): ([7])");
  EXPECT_EQ(ReadArrayFile("Bvecs", Bytes<int32_t>({2}) + Bytes<uint8_t>({7, 8})),
            "v Array(UInt8): ([7,8])");
  EXPECT_EQ(ReadArrayFile("Fvecs", ""), "v Array(Float32):");
  EXPECT_EQ(ArrayFileError("Fvecs", two + Bytes<int32_t>({3})),
            "INCORRECT_DATA: Fvecs: row 3 has dimension 3, the first one has 2");
  EXPECT_EQ(ArrayFileError("Fvecs", two.substr(0, two.size() - 1)),
            "CANNOT_READ_ALL_DATA: Fvecs: the file ends in row 2");
  EXPECT_THAT(ArrayFileError("Fvecs", Bytes<int32_t>({-1})), HasSubstr("row 1 has dimension -1"));
  EXPECT_THAT(ArrayFileError("Fvecs", Bytes<int32_t>({1 << 30})), HasSubstr("elements per row"));
  EXPECT_THROW(InputFormat::Create("Fvecs", PairHeader(), InputBytes(two)), Error);
}

TEST(VecsInput, LongVectorsAreReadInSteps) {
  constexpr int32_t kDimension = 200'000;
  std::string file;
  for (char row = 1; row <= 2; ++row)
    file += Bytes<int32_t>({kDimension}) + std::string(kDimension, row);
  const auto blocks = testing::ReadBlocks("Bvecs", {}, Pieces(file, 70'001));
  ASSERT_EQ(blocks.size(), 1u);
  const auto& rows = AsArrays(*blocks[0].column(0));
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows.Length(0), size_t{kDimension});
  const auto elements = AsNumbers<uint8_t>(*rows.elements()).values();
  EXPECT_EQ(std::count(elements.begin(), elements.begin() + kDimension, 1), kDimension);
  EXPECT_EQ(std::count(elements.begin() + kDimension, elements.end(), 2), kDimension);
  EXPECT_THAT(ArrayFileError("Bvecs", file.substr(0, file.size() - 1)),
              HasSubstr("the file ends in row 2"));
}

}  // namespace
}  // namespace granary
