// A file system that calls back before every mutating operation, so that a test can do something
// else at each step of a merge: cancel it, truncate the table, or fail.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "granary/parts/file_system.h"

namespace granary::testing {

class HookedFiles final : public FileSystem {
 public:
  explicit HookedFiles(std::shared_ptr<FileSystem> files) : files_(std::move(files)) {}

  // Called with the number of the operation since SetHook, from 0, on the thread that makes it. Not
  // to be set while others use the files.
  void SetHook(std::function<void(uint64_t)> hook) {
    operations_ = 0;
    hook_ = std::move(hook);
  }
  uint64_t operations() const { return operations_; }

  std::unique_ptr<WritableFile> Create(const std::string& path) override {
    Step();
    return std::make_unique<File>(*this, files_->Create(path));
  }
  std::unique_ptr<WritableFile> OpenForAppend(const std::string& path) override {
    return std::make_unique<File>(*this, files_->OpenForAppend(path));
  }
  void Overwrite(const std::string& path, std::span<const std::byte> bytes) override {
    Step();
    files_->Overwrite(path, bytes);
  }
  std::unique_ptr<ReadableFile> OpenForRead(const std::string& path) override {
    return files_->OpenForRead(path);
  }
  std::shared_ptr<const FileMap> Map(const std::string& path) override { return files_->Map(path); }
  std::vector<std::string> List(const std::string& directory) override {
    return files_->List(directory);
  }
  bool Exists(const std::string& path) override { return files_->Exists(path); }
  bool IsDirectory(const std::string& path) override { return files_->IsDirectory(path); }
  uint64_t Size(const std::string& path) override { return files_->Size(path); }
  void Remove(const std::string& path) override {
    Step();
    files_->Remove(path);
  }
  void CreateDirectory(const std::string& path) override {
    Step();
    files_->CreateDirectory(path);
  }
  void RemoveDirectory(const std::string& path) override {
    Step();
    files_->RemoveDirectory(path);
  }
  void Rename(const std::string& from, const std::string& to) override {
    Step();
    files_->Rename(from, to);
  }
  void SyncDirectory(const std::string& path) override {
    Step();
    files_->SyncDirectory(path);
  }
  std::unique_ptr<FileLock> Lock(const std::string& path) override { return files_->Lock(path); }

 private:
  class File final : public WritableFile {
   public:
    File(HookedFiles& files, std::unique_ptr<WritableFile> file)
        : files_(files), file_(std::move(file)) {}

    void Append(std::span<const std::byte> bytes) override {
      files_.Step();
      file_->Append(bytes);
    }
    uint64_t size() const override { return file_->size(); }
    void Flush() override {
      files_.Step();
      file_->Flush();
    }
    void StartSync() override {
      files_.Step();
      file_->StartSync();
    }
    void Sync() override {
      files_.Step();
      file_->Sync();
    }
    void CutBack(uint64_t size) override {
      files_.Step();
      file_->CutBack(size);
    }
    void Close() override {
      files_.Step();
      file_->Close();
    }

   private:
    HookedFiles& files_;
    std::unique_ptr<WritableFile> file_;
  };

  void Step() {
    const uint64_t operation = operations_.fetch_add(1);
    if (hook_) hook_(operation);
  }

  const std::shared_ptr<FileSystem> files_;
  std::function<void(uint64_t)> hook_;
  std::atomic<uint64_t> operations_{0};
};

}  // namespace granary::testing
