#include "granary/query/formats/array_file_input.h"

#include <charconv>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "granary/query/formats/row_input_format.h"
#include "granary/query/formats/text_scan.h"

namespace granary {
namespace {

// Larger rows are damage, not data.
constexpr uint64_t kRowElementsMax = uint64_t{1} << 24;
// Rows without elements take no bytes: there may be so many of them.
constexpr uint64_t kEmptyRowsMax = uint64_t{1} << 20;
// Memory grows with the bytes that come, not with what a row promises.
constexpr uint64_t kElementsAtOnce = uint64_t{1} << 16;

[[noreturn]] void ThrowBadFile(std::string_view format, std::string_view problem) {
  throw Error(ErrorCode::kIncorrectData, fmt::format("{}: {}", format, problem));
}

void NeedBytes(InputBytes& bytes, size_t count, std::string_view format) {
  while (bytes.window().size() < count) {
    if (!bytes.More()) {
      throw Error(ErrorCode::kCannotReadAllData,
                  fmt::format("{}: the file ends after {} bytes of its header, expected {}", format,
                              bytes.window().size(), count));
    }
  }
}

// The text behind `'key':` in the Python dictionary that an .npy header is.
std::string_view DictionaryValue(std::string_view dictionary, std::string_view key) {
  const std::string quoted = fmt::format("'{}'", key);
  const size_t found = dictionary.find(quoted);
  if (found == dictionary.npos) ThrowBadFile("Npy", "the header has no " + quoted);
  std::string_view rest = dictionary.substr(found + quoted.size());
  rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(" :")));
  return rest;
}

TypeId NpyElement(std::string_view dictionary) {
  struct Descr {
    std::string_view text;
    TypeId type;
  };
  static constexpr Descr kDescrs[] = {
      {"'<f4'", TypeId::kFloat32}, {"'<f8'", TypeId::kFloat64}, {"'|i1'", TypeId::kInt8},
      {"'<i2'", TypeId::kInt16},   {"'<i4'", TypeId::kInt32},   {"'<i8'", TypeId::kInt64},
      {"'|u1'", TypeId::kUInt8},   {"'<u2'", TypeId::kUInt16},  {"'<u4'", TypeId::kUInt32},
      {"'<u8'", TypeId::kUInt64},  {"'|b1'", TypeId::kBool}};
  const std::string_view value = DictionaryValue(dictionary, "descr");
  for (const Descr& descr : kDescrs) {
    if (value.starts_with(descr.text)) return descr.type;
  }
  ThrowBadFile("Npy", "unknown element type " + Excerpt(value.substr(0, value.find(','))));
}

std::vector<uint64_t> NpyShape(std::string_view dictionary) {
  std::string_view value = DictionaryValue(dictionary, "shape");
  const std::string_view shape = value.substr(0, value.find(')'));
  std::vector<uint64_t> sizes;
  const char* const end = shape.data() + shape.size();
  const char* in = shape.data();
  if (in != end && *in == '(') ++in;
  while ((in = std::find_if_not(in, end, [](char c) { return c == ',' || IsSpace(c); })) != end) {
    uint64_t size = 0;
    const auto [next, error] = std::from_chars(in, end, size);
    if (error != std::errc()) ThrowBadFile("Npy", "unknown shape " + Excerpt(shape));
    sizes.push_back(size);
    in = next;
  }
  return sizes;
}

// Takes the dictionary off the front of the input.
std::string TakeNpyHeader(InputBytes& bytes) {
  constexpr std::string_view kMagic = "\x93NUMPY";
  constexpr size_t kPrefixBytes = 12;
  NeedBytes(bytes, kPrefixBytes, "Npy");
  const std::string_view window = bytes.window();
  const int version = window[6];
  if (!window.starts_with(kMagic) || version < 1 || version > 3) {
    ThrowBadFile("Npy", "the file does not begin as an .npy file of version 1, 2 or 3");
  }
  uint32_t length = 0;
  std::memcpy(&length, window.data() + 8, version == 1 ? 2 : 4);
  bytes.Skip(version == 1 ? 10 : 12);
  NeedBytes(bytes, length, "Npy");
  std::string dictionary(bytes.window().substr(0, length));
  bytes.Skip(length);
  return dictionary;
}

}  // namespace

ArrayFileInput::ArrayFileInput(Layout layout, Header header, InputBytes bytes)
    : InputFormat(std::move(header), std::move(bytes)), layout_(layout) {
  const DataType element = layout_.element;
  const DataType type = layout_.is_array ? DataType::Array(element) : element;
  if (header_.empty()) header_ = {{"v", type}};
  if (header_.size() != 1 || header_[0].type != type) {
    throw Error(ErrorCode::kTypeMismatch, fmt::format("{}: the file holds one column of type {}",
                                                      layout_.format, type.name()));
  }
  if (layout_.row_elements > kRowElementsMax) {
    ThrowBadFile(layout_.format, fmt::format("{} elements per row", layout_.row_elements));
  }
  if (layout_.row_elements == 0 && layout_.rows.value_or(0) > kEmptyRowsMax) {
    ThrowBadFile(layout_.format, fmt::format("{} rows without elements", *layout_.rows));
  }
  absent_.resize(1);
}

std::unique_ptr<InputFormat> ArrayFileInput::OpenNpy(Header header, InputBytes bytes) {
  const std::string dictionary = TakeNpyHeader(bytes);
  if (DictionaryValue(dictionary, "fortran_order").starts_with("True")) {
    ThrowBadFile("Npy", "the array is in Fortran order; save it in C order");
  }
  const std::vector<uint64_t> shape = NpyShape(dictionary);
  if (shape.empty() || shape.size() > 2) {
    ThrowBadFile("Npy", fmt::format("the array has {} dimensions, expected 1 or 2", shape.size()));
  }
  const Layout layout{.format = "Npy",
                      .element = NpyElement(dictionary),
                      .is_array = shape.size() == 2,
                      .row_elements = shape.size() == 2 ? shape[1] : 1,
                      .rows = shape[0]};
  return std::unique_ptr<InputFormat>(
      new ArrayFileInput(layout, std::move(header), std::move(bytes)));
}

std::unique_ptr<InputFormat> ArrayFileInput::OpenVecs(std::string_view format, TypeId element,
                                                      Header header, InputBytes bytes) {
  Layout layout{.format = format, .element = element, .row_elements = 0, .prefix_bytes = 4};
  if (!bytes.window().empty() || bytes.More()) {
    NeedBytes(bytes, layout.prefix_bytes, format);
    int32_t dimension = 0;
    std::memcpy(&dimension, bytes.window().data(), sizeof(dimension));
    if (dimension <= 0) ThrowBadFile(format, fmt::format("row 1 has dimension {}", dimension));
    layout.row_elements = static_cast<uint64_t>(dimension);
  }
  return std::unique_ptr<InputFormat>(
      new ArrayFileInput(layout, std::move(header), std::move(bytes)));
}

void ArrayFileInput::ReadExactly(void* out, size_t bytes) {
  auto* to = static_cast<char*>(out);
  while (bytes > 0) {
    if (bytes_.window().empty() && !bytes_.More()) {
      throw Error(ErrorCode::kCannotReadAllData,
                  fmt::format("{}: the file ends in row {}", layout_.format, rows_read_ + 1));
    }
    const size_t step = std::min(bytes, bytes_.window().size());
    std::memcpy(to, bytes_.window().data(), step);
    bytes_.Skip(step);
    to += step;
    bytes -= step;
  }
}

void ArrayFileInput::CheckPrefix() {
  int32_t dimension = 0;
  ReadExactly(&dimension, sizeof(dimension));
  if (dimension < 0 || static_cast<uint64_t>(dimension) != layout_.row_elements) {
    ThrowBadFile(layout_.format, fmt::format("row {} has dimension {}, the first one has {}",
                                             rows_read_ + 1, dimension, layout_.row_elements));
  }
}

template <class T>
void ArrayFileInput::AppendRow(std::vector<T>& values) {
  for (uint64_t left = layout_.row_elements; left > 0;) {
    const uint64_t step = std::min(left, kElementsAtOnce);
    const size_t begin = values.size();
    values.resize(begin + step);
    ReadExactly(values.data() + begin, step * sizeof(T));
    left -= step;
  }
}

template <class T>
ColumnPtr ArrayFileInput::ReadRows(size_t max_rows, size_t& rows) {
  const uint64_t left = layout_.rows.value_or(std::numeric_limits<uint64_t>::max()) - rows_read_;
  const auto wanted = static_cast<size_t>(std::min<uint64_t>(max_rows, left));
  std::vector<T> values;
  for (rows = 0; rows < wanted; ++rows, ++rows_read_) {
    if (layout_.prefix_bytes > 0) {
      if (bytes_.window().empty() && !bytes_.More()) break;
      CheckPrefix();
    }
    AppendRow(values);
  }
  auto numbers = std::make_shared<NumberColumn<T>>(layout_.element, std::move(values));
  if (!layout_.is_array) return numbers;
  return ArrayColumn::Uniform(std::move(numbers), layout_.row_elements, rows);
}

std::optional<Block> ArrayFileInput::ReadBlock(size_t max_rows) {
  size_t rows = 0;
  const ColumnPtr column =
      VisitFixedType(layout_.element, [&]<class T>() { return ReadRows<T>(max_rows, rows); });
  if (rows == 0) return std::nullopt;
  return Block({{header_[0].name, column}});
}

}  // namespace granary
