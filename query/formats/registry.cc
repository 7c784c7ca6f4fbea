#include "granary/query/formats/registry.h"

#include <algorithm>

#include <fmt/format.h>

#include "granary/query/formats/array_file_input.h"
#include "granary/query/formats/csv_input.h"
#include "granary/query/formats/json_input.h"
#include "granary/query/formats/pretty_output.h"
#include "granary/query/formats/row_output.h"
#include "granary/query/formats/tab_separated_input.h"
#include "granary/query/formats/text_scan.h"
#include "granary/query/formats/values_input.h"

namespace granary {
namespace {

using Input = std::unique_ptr<InputFormat>;
using Output = std::unique_ptr<OutputFormat>;
using MakeInput = Input (*)(Header, InputBytes, const InputFormatOptions&);
using MakeOutput = Output (*)(Header, ByteSink&, const QuerySettings&);

template <bool kHasNames>
Input TabSeparatedReader(Header header, InputBytes bytes, const InputFormatOptions& options) {
  return std::make_unique<TabSeparatedInput>(std::move(header), std::move(bytes), options.settings,
                                             kHasNames);
}
template <bool kHasNames>
Input CsvReader(Header header, InputBytes bytes, const InputFormatOptions& options) {
  return std::make_unique<CsvInput>(std::move(header), std::move(bytes), options.settings,
                                    kHasNames);
}
Input JsonReader(Header header, InputBytes bytes, const InputFormatOptions& options) {
  return std::make_unique<JsonEachRowInput>(std::move(header), std::move(bytes), options.settings);
}
Input ValuesReader(Header header, InputBytes bytes, const InputFormatOptions& options) {
  return std::make_unique<ValuesInput>(std::move(header), std::move(bytes), options);
}
Input NpyReader(Header header, InputBytes bytes, const InputFormatOptions&) {
  return ArrayFileInput::OpenNpy(std::move(header), std::move(bytes));
}
Input FvecsReader(Header header, InputBytes bytes, const InputFormatOptions&) {
  return ArrayFileInput::OpenVecs("Fvecs", TypeId::kFloat32, std::move(header), std::move(bytes));
}
Input IvecsReader(Header header, InputBytes bytes, const InputFormatOptions&) {
  return ArrayFileInput::OpenVecs("Ivecs", TypeId::kInt32, std::move(header), std::move(bytes));
}
Input BvecsReader(Header header, InputBytes bytes, const InputFormatOptions&) {
  return ArrayFileInput::OpenVecs("Bvecs", TypeId::kUInt8, std::move(header), std::move(bytes));
}

template <class Writer>
Output RowWriter(Header header, ByteSink& sink, const QuerySettings& settings) {
  return std::make_unique<Writer>(std::move(header), sink, settings);
}

struct Format {
  std::string_view name;
  std::string_view alias;
  std::string_view extensions;  // between spaces
  MakeInput make_input;
  MakeOutput make_output;
};

constexpr Format kFormats[] = {
    {"Bvecs", "", " bvecs ", BvecsReader, nullptr},
    {"CSV", "", " csv ", CsvReader<false>, RowWriter<CsvOutput>},
    {"CSVWithNames", "", "", CsvReader<true>, RowWriter<CsvWithNamesOutput>},
    {"Fvecs", "", " fvecs ", FvecsReader, nullptr},
    {"Ivecs", "", " ivecs ", IvecsReader, nullptr},
    {"JSONEachRow", "NDJSON", " jsonl ndjson ", JsonReader, RowWriter<JsonEachRowOutput>},
    {"Npy", "", " npy ", NpyReader, nullptr},
    {"Null", "", "", nullptr, RowWriter<NullOutput>},
    {"PrettyCompact", "", "", nullptr, RowWriter<PrettyCompactOutput>},
    {"TabSeparated", "TSV", " tsv tab ", TabSeparatedReader<false>, RowWriter<TabSeparatedOutput>},
    {"TabSeparatedWithNames", "TSVWithNames", "", TabSeparatedReader<true>,
     RowWriter<TabSeparatedWithNamesOutput>},
    {"Values", "", "", ValuesReader, RowWriter<ValuesOutput>},
    {"Vertical", "", "", nullptr, RowWriter<VerticalOutput>},
};

const Format& FindFormat(std::string_view name) {
  for (const Format& format : kFormats) {
    if (EqualsIgnoringCase(name, format.name)) return format;
    if (!format.alias.empty() && EqualsIgnoringCase(name, format.alias)) return format;
  }
  std::string names;
  for (const Format& format : kFormats) {
    if (!names.empty()) names += ", ";
    names += format.name;
  }
  throw Error(ErrorCode::kUnknownFormat,
              fmt::format("Unknown format {}; there are {}", name, names));
}

[[noreturn]] void ThrowWrongDirection(const Format& format, std::string_view direction) {
  throw Error(ErrorCode::kUnknownFormat,
              fmt::format("Format {} is not for {}", format.name, direction));
}

}  // namespace

std::vector<FormatInfo> ListFormats() {
  std::vector<FormatInfo> formats;
  for (const Format& format : kFormats) {
    formats.push_back({format.name, format.make_input != nullptr, format.make_output != nullptr});
  }
  return formats;
}

std::string_view CanonicalFormat(std::string_view name) { return FindFormat(name).name; }

std::optional<std::string_view> FormatOfFile(std::string_view path) {
  const size_t dot = path.rfind('.');
  if (dot == path.npos) return std::nullopt;
  std::string key = fmt::format(" {} ", path.substr(dot + 1));
  std::ranges::transform(key, key.begin(), [](char c) { return static_cast<char>(c | 0x20); });
  for (const Format& format : kFormats) {
    if (format.extensions.find(key) != key.npos) return format.name;
  }
  return std::nullopt;
}

std::unique_ptr<InputFormat> InputFormat::Create(std::string_view name, Header header,
                                                 InputBytes bytes,
                                                 const InputFormatOptions& options) {
  const Format& format = FindFormat(name);
  if (format.make_input == nullptr) ThrowWrongDirection(format, "input");
  return format.make_input(std::move(header), std::move(bytes), options);
}

std::unique_ptr<OutputFormat> OutputFormat::Create(std::string_view name, Header header,
                                                   ByteSink& sink, const QuerySettings& settings) {
  const Format& format = FindFormat(name);
  if (format.make_output == nullptr) ThrowWrongDirection(format, "output");
  return format.make_output(std::move(header), sink, settings);
}

}  // namespace granary
