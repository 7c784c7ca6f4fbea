// The one list of formats: every name that FORMAT, --format and file() accept. To add a format, add
// its reader or writer and a line in registry.cc.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace granary {

struct FormatInfo {
  std::string_view name;  // canonical, for example "TabSeparated"
  bool is_input = false;
  bool is_output = false;
};

// Every format, in alphabetical order, without aliases.
std::vector<FormatInfo> ListFormats();
// The canonical name of a format or alias in any case ("tsv" is "TabSeparated"). Throws
// UNKNOWN_FORMAT, which lists the formats there are.
std::string_view CanonicalFormat(std::string_view name);
// The format of a file by its extension (.tsv, .csv, .jsonl, .ndjson, .npy, .fvecs, .ivecs,
// .bvecs), or nothing.
std::optional<std::string_view> FormatOfFile(std::string_view path);

}  // namespace granary
