// Whole databases of every format version stay readable and writable.
//
// tests/golden/stores/<version>/ has a database in d/ and, in answers.txt, what it has to answer.
// Both were written by this file: damage_test with GRANARY_WRITE_GOLDEN_STORE=<version> writes
// those of the present formats, which is only right before that version is released.
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "granary/tests/damage/damage.h"
#include "granary/tests/damage/store.h"

namespace granary::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::IsEmpty;

constexpr char kGolden[] = GRANARY_SOURCE_DIR "/tests/golden/stores";

void WriteStore(const Store& store, const fs::path& target) {
  fs::remove_all(target);
  const std::shared_ptr<SimulatedDisk> disk = store.Copy();
  for (const std::string& path : FilesBelow(*disk, "/d")) {
    const fs::path file = target / path.substr(1);
    fs::create_directories(file.parent_path());
    const std::vector<std::byte> contents = ReadWholeFile(*disk, path);
    std::ofstream(file, std::ios::binary)
        .write(reinterpret_cast<const char*>(contents.data()),
               static_cast<std::streamsize>(contents.size()));
  }
  std::ofstream answers(target / "answers.txt");
  for (size_t i = 0; i < store.questions().size(); ++i) {
    answers << "? " << store.questions()[i].sql << "\n";
    for (const std::string& row : store.AnswersWithout({})[i]) answers << "= " << row << "\n";
  }
  for (const auto& [table, directory] : store.table_directories()) {
    answers << "+ " << store.InsertInto(table) << "\n";
  }
}

std::shared_ptr<SimulatedDisk> ReadStore(const fs::path& source) {
  auto disk = std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kPlain);
  for (const auto& entry : fs::recursive_directory_iterator(source / "d")) {
    const std::string path = "/" + fs::relative(entry.path(), source).string();
    if (entry.is_directory()) {
      CreateDirectories(*disk, path);
      continue;
    }
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string contents(std::istreambuf_iterator<char>(in), {});
    CreateDirectories(*disk, ParentDirectory(path));
    const auto file = disk->Create(path);
    file->Append(std::as_bytes(std::span(contents)));
    file->Close();
  }
  return disk;
}

struct Expectations {
  std::vector<std::pair<std::string, std::vector<std::string>>> answers;
  std::vector<std::string> inserts;
};

Expectations ReadExpectations(const fs::path& source) {
  Expectations expected;
  std::ifstream in(source / "answers.txt");
  for (std::string line; std::getline(in, line);) {
    const std::string text = line.substr(2);
    if (line[0] == '?') expected.answers.push_back({text, {}});
    if (line[0] == '=') expected.answers.back().second.push_back(text);
    if (line[0] == '+') expected.inserts.push_back(text);
  }
  return expected;
}

void ExpectAnswers(OpenDatabase& database, const Expectations& expected) {
  for (const auto& [sql, rows] : expected.answers) EXPECT_EQ(database.Ask(sql), rows) << sql;
}

std::vector<std::string> Versions() {
  std::vector<std::string> versions;
  for (const auto& entry : fs::directory_iterator(kGolden)) {
    versions.push_back(entry.path().filename().string());
  }
  return versions;
}

TEST(GoldenStores, AreReadWrittenAndRewritten) {
  if (const char* version = std::getenv("GRANARY_WRITE_GOLDEN_STORE")) {
    WriteStore(StoreOf("golden"), fs::path(kGolden) / version);
  }
  ASSERT_THAT(Versions(), ::testing::Not(IsEmpty()));
  for (const std::string& version : Versions()) {
    SCOPED_TRACE(version);
    const fs::path source = fs::path(kGolden) / version;
    const Expectations expected = ReadExpectations(source);
    ASSERT_THAT(expected.answers, ::testing::SizeIs(::testing::Gt(10u)));
    const std::shared_ptr<SimulatedDisk> disk = ReadStore(source);
    {
      OpenDatabase database(disk, OpenDatabase::Mode::kRead);
      ExpectAnswers(database, expected);
      EXPECT_THAT(database.warnings(), IsEmpty());
    }
    {
      OpenDatabase database(disk);
      ExpectAnswers(database, expected);
      for (const std::string table : {"compact", "wide", "after"}) {
        for (const std::string& line : database.Ask("CHECK TABLE " + table)) {
          EXPECT_THAT(line, ::testing::EndsWith("\t1\t")) << "a part that is not whole";
        }
        database.Run("OPTIMIZE TABLE " + table + " FINAL");
      }
      ExpectAnswers(database, expected);
      for (const std::string& insert : expected.inserts) database.Run(insert);
      EXPECT_THAT(database.warnings(), IsEmpty());
    }
    OpenDatabase database(disk, OpenDatabase::Mode::kRead);
    EXPECT_THAT(database.warnings(), IsEmpty());
    EXPECT_EQ(database.Ask("SELECT count() FROM wide"), std::vector<std::string>{"11"});
  }
}

}  // namespace
}  // namespace granary::testing
