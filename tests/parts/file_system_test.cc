// Both file systems keep the same promises.
#include "granary/parts/file_system.h"

#include <filesystem>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "granary/parts/simulated_disk.h"

namespace granary::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string Text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void Write(FileSystem& files, const std::string& path, std::string_view text) {
  const auto file = files.Create(path);
  file->Append(Bytes(text));
  file->Close();
}

class FileSystemTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (GetParam()) {
      char pattern[] = "/tmp/granary_files_XXXXXX";
      ASSERT_NE(mkdtemp(pattern), nullptr);
      directory_ = pattern;
      files_ = PosixFileSystem();
    } else {
      files_ = std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kForgetful);
      files_->CreateDirectory("/d");
      directory_ = "/d";
    }
  }
  void TearDown() override {
    if (GetParam()) std::filesystem::remove_all(directory_);
  }

  std::string Path(const std::string& name) const { return JoinPath(directory_, name); }

  void ExpectError(ErrorCode code, const std::string& path,
                   const std::function<void()>& operation) {
    try {
      operation();
      ADD_FAILURE() << "no error for " << path;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_THAT(error.message(), HasSubstr(path));
    }
  }

  std::shared_ptr<FileSystem> files_;
  std::string directory_;
};

TEST_P(FileSystemTest, WhatIsAppendedIsRead) {
  const auto file = files_->Create(Path("a"));
  file->Append(Bytes("hello "));
  file->Append(Bytes(std::string(300000, 'x')));
  EXPECT_EQ(file->size(), 300006u);
  file->Flush();
  const auto map = files_->Map(Path("a"));
  EXPECT_EQ(map->bytes().size(), 300006u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(map->bytes().data()) % 64, 0u);
  file->Append(Bytes(" world"));
  file->Sync();
  file->Close();
  EXPECT_EQ(map->bytes().size(), 300006u);
  EXPECT_EQ(Text(map->bytes().first(6)), "hello ");
  map->Populate(5, 300001);
  const auto reader = files_->OpenForRead(Path("a"));
  EXPECT_EQ(reader->size(), 300012u);
  std::vector<std::byte> tail(6);
  reader->ReadAt(300006, tail);
  EXPECT_EQ(Text(tail), " world");
  ExpectError(ErrorCode::kCannotReadAllData, Path("a"), [&] { reader->ReadAt(300007, tail); });
  const auto more = files_->OpenForAppend(Path("a"));
  EXPECT_EQ(more->size(), 300012u);
  more->Append(Bytes("!"));
  more->Close();
  EXPECT_EQ(files_->Size(Path("a")), 300013u);
}

TEST_P(FileSystemTest, WhatIsCutBackIsGoneAndAppendingGoesOn) {
  Write(*files_, Path("log"), "first");
  const auto file = files_->OpenForAppend(Path("log"));
  file->Append(Bytes(" second"));
  file->Flush();
  file->Append(Bytes(" never written"));
  file->CutBack(5);
  EXPECT_EQ(file->size(), 5u);
  EXPECT_EQ(files_->Size(Path("log")), 5u);
  file->Append(Bytes(" third"));
  file->Close();
  EXPECT_EQ(Text(ReadWholeFile(*files_, Path("log"))), "first third");
}

TEST_P(FileSystemTest, OverwritingMakesAFileAndKeepsWhatLiesBehind) {
  files_->Overwrite(Path("hint"), Bytes("abcdef"));
  EXPECT_EQ(Text(ReadWholeFile(*files_, Path("hint"))), "abcdef");
  files_->Overwrite(Path("hint"), Bytes("xy"));
  EXPECT_EQ(Text(ReadWholeFile(*files_, Path("hint"))), "xycdef");
}

TEST_P(FileSystemTest, MapOutlivesItsFile) {
  Write(*files_, Path("a"), "text");
  const auto map = files_->Map(Path("a"));
  files_->Remove(Path("a"));
  map->Populate(0, 4);
  EXPECT_EQ(Text(map->bytes()), "text");
  Write(*files_, Path("empty"), "");
  EXPECT_TRUE(files_->Map(Path("empty"))->bytes().empty());
}

TEST_P(FileSystemTest, DirectoriesAndRenames) {
  files_->CreateDirectory(Path("x"));
  Write(*files_, Path("x/b"), "b");
  Write(*files_, Path("x/a"), "a");
  EXPECT_THAT(files_->List(Path("x")), ElementsAre("a", "b"));
  EXPECT_TRUE(files_->IsDirectory(Path("x")));
  EXPECT_FALSE(files_->IsDirectory(Path("x/a")));
  files_->Rename(Path("x/a"), Path("x/b"));
  EXPECT_EQ(Text(ReadWholeFile(*files_, Path("x/b"))), "a");
  files_->SyncDirectory(Path("x"));
  files_->Rename(Path("x"), Path("y"));
  EXPECT_FALSE(files_->Exists(Path("x")));
  CreateDirectories(*files_, Path("y/1/2/3"));
  RemoveTree(*files_, Path("y"));
  EXPECT_FALSE(files_->Exists(Path("y")));
  RemoveTree(*files_, Path("y"));
}

TEST_P(FileSystemTest, ErrorsNameTheFile) {
  Write(*files_, Path("a"), "a");
  files_->CreateDirectory(Path("d"));
  Write(*files_, Path("d/a"), "a");
  const auto missing = Path("missing");
  ExpectError(ErrorCode::kFileDoesntExist, missing, [&] { files_->OpenForRead(missing); });
  ExpectError(ErrorCode::kFileDoesntExist, missing, [&] { files_->Map(missing); });
  ExpectError(ErrorCode::kFileDoesntExist, missing, [&] { files_->OpenForAppend(missing); });
  ExpectError(ErrorCode::kFileDoesntExist, missing, [&] { files_->Size(missing); });
  ExpectError(ErrorCode::kFileDoesntExist, missing, [&] { files_->Remove(missing); });
  ExpectError(ErrorCode::kFileDoesntExist, missing, [&] { files_->List(missing); });
  ExpectError(ErrorCode::kFileDoesntExist, missing, [&] { files_->Create(missing + "/a"); });
  ExpectError(ErrorCode::kCannotOpenFile, Path("a"), [&] { files_->Create(Path("a")); });
  ExpectError(ErrorCode::kCannotWriteFile, Path("d"), [&] { files_->RemoveDirectory(Path("d")); });
}

TEST_P(FileSystemTest, LocksExclude) {
  auto lock = files_->Lock(Path("lock"));
  ExpectError(ErrorCode::kLockedDirectory, Path("lock"), [&] { files_->Lock(Path("lock")); });
  lock.reset();
  EXPECT_NE(files_->Lock(Path("lock")), nullptr);
}

INSTANTIATE_TEST_SUITE_P(Systems, FileSystemTest, ::testing::Values(true, false),
                         [](const auto& info) { return info.param ? "Posix" : "Simulated"; });

// Opening one for reading would wait for a writer for ever.
TEST(FileSystemErrors, APipeIsNotWaitedFor) {
  char pattern[] = "/tmp/granary_pipe_XXXXXX";
  ASSERT_NE(mkdtemp(pattern), nullptr);
  const std::string path = std::string(pattern) + "/pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const auto files = PosixFileSystem();
  EXPECT_TRUE(files->Map(path)->bytes().empty());
  EXPECT_TRUE(ReadWholeFile(*files, path).empty());
  std::filesystem::remove_all(pattern);
}

TEST(FileSystemErrors, FullDiskOfTheSystem) {
  const auto files = PosixFileSystem();
  const auto full = files->OpenForAppend("/dev/full");
  full->Append(Bytes("x"));
  try {
    full->Flush();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotEnoughSpace);
    EXPECT_THAT(error.message(), HasSubstr("/dev/full"));
  }
}

TEST(SimulatedDiskTest, ForgetsWhatWasNotSynced) {
  SimulatedDisk disk(SimulatedDisk::Kind::kForgetful);
  disk.CreateDirectory("/d");
  disk.SyncDirectory("/");
  const auto file = disk.Create("/d/a");
  file->Append(Bytes("synced"));
  file->Sync();
  file->Append(Bytes(" not"));
  file->Flush();
  using Survivors = SimulatedDisk::Survivors;
  EXPECT_FALSE(disk.AfterPowerCut(Survivors::kSynced)->Exists("/d/a")) << "no directory entry";
  EXPECT_EQ(disk.AfterPowerCut(Survivors::kAll)->Size("/d/a"), 10u);
  disk.SyncDirectory("/d");
  EXPECT_EQ(disk.AfterPowerCut(Survivors::kSynced)->Size("/d/a"), 6u);
  bool tore = false;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const auto after = disk.AfterPowerCut(Survivors::kRandom, seed);
    const std::string text = Text(ReadWholeFile(*after, "/d/a"));
    EXPECT_EQ(text.substr(0, 6), "synced");
    tore = tore || (text.size() > 6 && text != std::string("synced not").substr(0, text.size()));
  }
  EXPECT_TRUE(tore);
}

TEST(SimulatedDiskTest, StopsAndFails) {
  SimulatedDisk disk(SimulatedDisk::Kind::kForgetful);
  disk.FailAt(1, 5);
  disk.CreateDirectory("/a");
  EXPECT_THROW(disk.CreateDirectory("/b"), Error);
  EXPECT_FALSE(disk.Exists("/b"));
  disk.StopAfter(3);
  disk.CreateDirectory("/c");
  EXPECT_THROW(disk.CreateDirectory("/e"), Error);
  EXPECT_THROW(disk.List("/"), Error);
  EXPECT_TRUE(disk.AfterPowerCut(SimulatedDisk::Survivors::kAll)->Exists("/c"));
}

}  // namespace
}  // namespace granary::testing
