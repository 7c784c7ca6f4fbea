// Reads the tree as text and fails where it breaks its own rules; CONTRIBUTING.md states them.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace granary {
namespace {

namespace fs = std::filesystem;
using ::testing::IsEmpty;
using ::testing::Not;

const fs::path kRoot = GRANARY_SOURCE_DIR;
// From the lowest layer to the highest.
const std::vector<std::string> kLayers = {"table", "skipindex", "parts", "merge", "query"};
// The same within query/. Files that lie in none of its folders are the face (database) above all
// of them, and what the face is asked with (options) above what it is made of.
const std::vector<std::string> kQueryFolders = {
    "sql",  "formats", "functions", "expressions", "options",    "plan",    "engine",
    "read", "search",  "steps",     "planning",    "statements", "database"};

std::string ReadText(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> ReadLines(const fs::path& path) {
  std::istringstream text(ReadText(path));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

// Files of the folder and below, with one of the extensions, as paths below kRoot.
std::vector<std::string> FilesBelow(const std::string& folder,
                                    const std::set<std::string>& extensions) {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder)) {
    if (entry.is_regular_file() && extensions.contains(entry.path().extension().string())) {
      files.push_back(fs::relative(entry.path(), kRoot).string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

struct Include {
  std::string spelling;  // with its quotes or brackets
  std::string target;
};

std::vector<Include> IncludesOf(const fs::path& path) {
  static const std::regex kInclude(R"(^\s*#\s*include\s*(["<]([^">]+)[">]).*)");
  std::vector<Include> includes;
  for (const std::string& line : ReadLines(path)) {
    std::smatch match;
    if (std::regex_match(line, match, kInclude)) includes.push_back({match[1], match[2]});
  }
  return includes;
}

// Where the include may not be, or nothing.
std::string UpwardInclude(const std::string& layer, const Include& include) {
  if (include.spelling[0] != '"') return "";
  const auto own = std::find(kLayers.begin(), kLayers.end(), layer);
  const std::string folder = include.target.starts_with("granary/")
                                 ? include.target.substr(8, include.target.find('/', 8) - 8)
                                 : "";
  const auto other = std::find(kLayers.begin(), kLayers.end(), folder);
  if (other == kLayers.end()) return "is not \"granary/<layer>/...\"";
  return other > own ? "goes up from " + layer + " to " + folder : "";
}

TEST(Structure, NoIncludeGoesUp) {
  size_t checked = 0;
  for (const std::string& layer : kLayers) {
    for (const std::string& file : FilesBelow(layer, {".h", ".cc", ".re"})) {
      for (const Include& include : IncludesOf(kRoot / file)) {
        EXPECT_EQ(UpwardInclude(layer, include), "") << file << " includes " << include.spelling;
        ++checked;
      }
    }
  }
  EXPECT_GT(checked, 100u);
}

// The folder of query/ that a path of the tree lies in, or the name of a file that lies in none.
std::string QueryFolder(const std::string& path) {
  const std::string below = path.substr(path.find("query/") + 6);
  return below.substr(0, below.find_first_of("/."));
}

// Where the include of a file of query/ may not be, or nothing.
std::string UpwardIncludeWithinQuery(const std::string& file, const Include& include) {
  if (!include.target.starts_with("granary/query/")) return "";
  const auto own = std::find(kQueryFolders.begin(), kQueryFolders.end(), QueryFolder(file));
  const auto other =
      std::find(kQueryFolders.begin(), kQueryFolders.end(), QueryFolder(include.target));
  if (own == kQueryFolders.end()) return "lies in no folder of query/ that is known";
  if (other == kQueryFolders.end()) return "is in no folder of query/ that is known";
  return other > own ? "goes up from " + *own + " to " + *other : "";
}

TEST(Structure, NoIncludeGoesUpWithinQuery) {
  size_t checked = 0;
  for (const std::string& file : FilesBelow("query", {".h", ".cc", ".re"})) {
    for (const Include& include : IncludesOf(kRoot / file)) {
      EXPECT_EQ(UpwardIncludeWithinQuery(file, include), "")
          << file << " includes " << include.spelling;
      ++checked;
    }
  }
  EXPECT_GT(checked, 500u);
}

TEST(Structure, UpwardIncludesAreSeen) {
  EXPECT_EQ(UpwardInclude("parts", {"\"granary/table/block.h\"", "granary/table/block.h"}), "");
  EXPECT_NE(UpwardInclude("parts", {"\"granary/merge/x.h\"", "granary/merge/x.h"}), "");
  EXPECT_NE(UpwardInclude("parts", {"\"parts/part.h\"", "parts/part.h"}), "");
  const Include plan = {"\"granary/query/plan/plan.h\"", "granary/query/plan/plan.h"};
  EXPECT_EQ(UpwardIncludeWithinQuery("query/steps/sort.h", plan), "");
  EXPECT_NE(UpwardIncludeWithinQuery("query/sql/ast.h", plan), "");
  EXPECT_NE(UpwardIncludeWithinQuery("query/loose.h", plan), "");
}

std::vector<std::string> PublicHeaders() {
  std::istringstream list(GRANARY_PUBLIC_HEADERS);
  std::vector<std::string> headers;
  for (std::string header; std::getline(list, header, ',');) headers.push_back(header);
  return headers;
}

// That each of them compiles alone is tried by the build of this test.
TEST(Structure, PublicHeadersIncludeOnlyTheStandardLibraryAndEachOther) {
  const std::vector<std::string> headers = PublicHeaders();
  EXPECT_THAT(headers, ::testing::IsSupersetOf({"query/database.h", "skipindex/skip_index.h"}));
  static const std::regex kStandardHeader("[a-z_0-9]+");
  for (const std::string& header : headers) {
    for (const Include& include : IncludesOf(kRoot / header)) {
      const bool standard =
          include.spelling[0] == '<' && std::regex_match(include.target, kStandardHeader);
      const bool own = include.target.starts_with("granary/");
      EXPECT_TRUE(standard || own) << header << " includes " << include.spelling;
    }
  }
}

// The text outside of fenced blocks.
std::string Prose(const fs::path& path) {
  std::string prose;
  bool fenced = false;
  for (const std::string& line : ReadLines(path)) {
    if (line.starts_with("```"))
      fenced = !fenced;
    else if (!fenced)
      prose += line + '\n';
  }
  return prose;
}

std::vector<std::string> BackquotedIn(const std::string& prose) {
  static const std::regex kBackquoted("`([^`\n]+)`");
  std::vector<std::string> found;
  for (std::sregex_iterator it(prose.begin(), prose.end(), kBackquoted), end; it != end; ++it) {
    found.push_back((*it)[1]);
  }
  return found;
}

// Every identifier in a source or build file of the project.
std::set<std::string> AllIdentifiers() {
  static const std::regex kIdentifier("[A-Za-z_][A-Za-z_0-9]*");
  std::set<std::string> identifiers;
  std::vector<std::string> folders = kLayers;
  folders.insert(folders.end(), {"tests", "bench", "examples", "cmake"});
  for (const std::string& folder : folders) {
    for (const std::string& file :
         FilesBelow(folder, {".h", ".cc", ".re", ".txt", ".cmake", ".sh", ".test"})) {
      const std::string text = ReadText(kRoot / file);
      for (std::sregex_iterator it(text.begin(), text.end(), kIdentifier), end; it != end; ++it) {
        identifiers.insert(it->str());
      }
    }
  }
  return identifiers;
}

bool IsPath(const std::string& text) {
  static const std::regex kPath(R"([A-Za-z_0-9.-]+(/[A-Za-z_0-9.-]+)*/?)");
  static const std::regex kExtension(R"(.*\.(h|cc|re|md|sh|js|cmake|txt|json|test|fvecs|tsv))");
  return std::regex_match(text, kPath) &&
         (text.find('/') != std::string::npos || std::regex_match(text, kExtension));
}

// Below the source directory, or as an include spells it.
bool PathExists(std::string path) {
  if (path.starts_with("granary/")) path.erase(0, 8);
  if (fs::exists(kRoot / path) || fs::exists(kRoot / (path + ".h"))) return true;
  // Built things are named where the build puts them.
  return path.starts_with("build/");
}

// `Name`, `Outer::Name`, `Name()`: its identifiers; anything else: none.
std::vector<std::string> IdentifiersNamedBy(const std::string& text) {
  static const std::regex kName(R"([A-Za-z_]\w*(::~?[A-Za-z_]\w*)*(\(\))?)");
  static const std::regex kIdentifier(R"([A-Za-z_]\w*)");
  std::vector<std::string> names;
  if (!std::regex_match(text, kName)) return names;
  for (std::sregex_iterator it(text.begin(), text.end(), kIdentifier), end; it != end; ++it) {
    names.push_back(it->str());
  }
  return names;
}

TEST(Structure, EveryPathAndSymbolOfTheArchitecturePagesExists) {
  const std::set<std::string> identifiers = AllIdentifiers();
  for (const char* page : {"ARCHITECTURE.md", "docs/internals.md"}) {
    const std::vector<std::string> named = BackquotedIn(Prose(kRoot / page));
    ASSERT_THAT(named, Not(IsEmpty()));
    for (const std::string& text : named) {
      if (IsPath(text)) {
        EXPECT_TRUE(PathExists(text)) << page << " names the path " << text;
        continue;
      }
      for (const std::string& name : IdentifiersNamedBy(text)) {
        EXPECT_TRUE(identifiers.contains(name)) << page << " names " << text;
      }
    }
  }
}

TEST(Structure, TheArchitecturePageStaysShort) {
  std::istringstream page(ReadText(kRoot / "ARCHITECTURE.md"));
  size_t words = 0;
  for (std::string word; page >> word;) ++words;
  EXPECT_LE(words, 1500u);
}

// The pages that a user reads, as paths below kRoot.
std::vector<std::string> UserPages() {
  std::vector<std::string> pages = FilesBelow("docs", {".md"});
  pages.insert(pages.end(), {"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "bench/README.md"});
  return pages;
}

// Whether text that looks like a path means one of this repository: its first folder is there.
// (Other paths are those of a database, or of the reader's own files.)
bool NamesRepository(const std::string& text) {
  const size_t slash = text.find('/');
  return slash != std::string::npos && slash > 0 && fs::is_directory(kRoot / text.substr(0, slash));
}

TEST(Structure, EveryPathOfTheManualExists) {
  size_t checked = 0;
  for (const std::string& page : UserPages()) {
    for (const std::string& text : BackquotedIn(Prose(kRoot / page))) {
      if (!IsPath(text) || !NamesRepository(text)) continue;
      EXPECT_TRUE(PathExists(text)) << page << " names the path " << text;
      ++checked;
    }
  }
  EXPECT_GT(checked, 20u);
}

// As web pages make them of headings: lower case, spaces to hyphens, punctuation left out.
std::set<std::string> AnchorsOf(const fs::path& path) {
  std::set<std::string> anchors;
  std::istringstream prose(Prose(path));
  for (std::string line; std::getline(prose, line);) {
    if (!line.starts_with("#")) continue;
    std::string anchor;
    for (const char c : line.substr(std::min(line.find(' ') + 1, line.size()))) {
      const auto byte = static_cast<unsigned char>(c);
      if (std::isalnum(byte) || c == '-' || c == '_') {
        anchor += static_cast<char>(std::tolower(byte));
      } else if (c == ' ') {
        anchor += '-';
      }
    }
    anchors.insert(anchor);
  }
  return anchors;
}

TEST(Structure, EveryLinkOfTheManualLeadsSomewhere) {
  static const std::regex kLink(R"(\]\(([^)#\s]*)(#([^)\s]*))?\))");
  size_t checked = 0;
  for (const std::string& page : UserPages()) {
    const std::string prose = Prose(kRoot / page);
    for (std::sregex_iterator it(prose.begin(), prose.end(), kLink), end; it != end; ++it) {
      const std::string target = (*it)[1];
      const std::string anchor = (*it)[3];
      if (target.starts_with("http")) continue;
      const fs::path path = target.empty() ? kRoot / page : (kRoot / page).parent_path() / target;
      EXPECT_TRUE(fs::exists(path)) << page << " links to " << target;
      if (!anchor.empty()) {
        EXPECT_TRUE(AnchorsOf(path).contains(anchor))
            << page << " links to #" << anchor << ", which " << path << " does not have";
      }
      ++checked;
    }
  }
  EXPECT_GT(checked, 50u);
}

std::vector<std::string> CppBlocksOf(const fs::path& path) {
  std::vector<std::string> blocks;
  bool inside = false;
  for (const std::string& line : ReadLines(path)) {
    if (!inside && line == "```cpp") {
      inside = true;
      blocks.emplace_back();
    } else if (inside && line == "```") {
      inside = false;
    } else if (inside) {
      blocks.back() += line + '\n';
    }
  }
  return blocks;
}

// Example code in the comments of a header: runs of lines with three spaces or more behind `//`,
// indented as in a function body.
std::vector<std::string> ExamplesInComments(const fs::path& path) {
  static const std::regex kCode(R"(\s*// (  .*))");
  std::vector<std::string> examples;
  bool inside = false;
  for (const std::string& line : ReadLines(path)) {
    std::smatch match;
    const bool is_code = std::regex_match(line, match, kCode);
    if (is_code && !inside) examples.emplace_back();
    if (is_code) examples.back() += match[1].str() + '\n';
    inside = is_code;
  }
  return examples;
}

// The text of everything in examples/ that is compiled.
std::string CompiledExamples() {
  std::string text;
  for (const std::string& file : FilesBelow("examples", {".h", ".cc"})) {
    text += ReadText(kRoot / file);
  }
  return text;
}

TEST(Structure, CppBlocksOfThePagesAreCompiledExamples) {
  const std::string examples = CompiledExamples();
  EXPECT_THAT(CppBlocksOf(kRoot / "README.md"), Not(IsEmpty()));
  for (const std::string& page : UserPages()) {
    for (const std::string& block : CppBlocksOf(kRoot / page)) {
      EXPECT_NE(examples.find(block), std::string::npos)
          << "no file of examples/ contains these lines of " << page << ":\n"
          << block;
    }
  }
}

TEST(Structure, ExamplesInTheCommentsOfTheFaceAreCompiledExamples) {
  const std::string examples = CompiledExamples();
  const std::vector<std::string> found = ExamplesInComments(kRoot / "query/database.h");
  EXPECT_GE(found.size(), 3u);
  for (const std::string& block : found) {
    EXPECT_NE(examples.find(block), std::string::npos)
        << "no file of examples/ contains these lines of query/database.h:\n"
        << block;
  }
}

}  // namespace
}  // namespace granary
