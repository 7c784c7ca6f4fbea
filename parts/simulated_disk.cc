#include "granary/parts/simulated_disk.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <mutex>
#include <new>
#include <random>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace granary {
namespace {

constexpr size_t kWriteBufferBytes = size_t{1} << 18;
constexpr size_t kTornTailBytes = 4096;

// A growing run of bytes. When it outgrows its memory it moves to new memory, and whoever mapped
// the old keeps it: bytes that were once mapped never change.
class Contents {
 public:
  const std::byte* data() const { return memory_.get(); }
  size_t size() const { return size_; }
  std::shared_ptr<std::byte> memory() const { return memory_; }

  void Append(std::span<const std::byte> bytes) {
    if (size_ + bytes.size() > capacity_) Grow(std::max(size_ + bytes.size(), 2 * capacity_));
    std::copy(bytes.begin(), bytes.end(), memory_.get() + size_);
    size_ += bytes.size();
  }

  // To new memory, so that what is appended later is not seen through old maps.
  void CutBack(size_t size) {
    size_ = std::min(size_, size);
    Grow(capacity_);
  }

  // Moves to new memory, so that a change is not seen through old maps.
  std::byte* MutableCopy() {
    Grow(capacity_);
    return memory_.get();
  }

 private:
  static constexpr std::align_val_t kAlignment{64};

  void Grow(size_t capacity) {
    auto* fresh =
        static_cast<std::byte*>(::operator new(std::max<size_t>(capacity, 64), kAlignment));
    std::copy_n(memory_.get(), size_, fresh);
    memory_ =
        std::shared_ptr<std::byte>(fresh, [](std::byte* p) { ::operator delete(p, kAlignment); });
    capacity_ = capacity;
  }

  std::shared_ptr<std::byte> memory_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

struct Inode;
using InodePtr = std::shared_ptr<Inode>;
using Entries = std::map<std::string, InodePtr>;

// A change of one directory: `removed` goes, then `added` appears as `inode`.
struct DirectoryChange {
  std::string removed;
  std::string added;
  InodePtr inode;

  void Apply(Entries& entries) const {
    if (!removed.empty()) entries.erase(removed);
    if (!added.empty()) entries[added] = inode;
  }
};

struct Inode {
  bool is_directory = false;
  bool is_locked = false;
  Contents contents;
  size_t synced_bytes = 0;
  Entries entries;
  Entries durable_entries;
  std::vector<DirectoryChange> unsynced;
};

std::vector<std::string> Components(std::string_view path) {
  std::vector<std::string> names;
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    if (slash > 0 && path.substr(0, slash) != ".") names.emplace_back(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return names;
}

uint64_t ReachableBytes(const Inode& inode) {
  uint64_t bytes = inode.contents.size();
  for (const auto& [name, child] : inode.entries) bytes += ReachableBytes(*child);
  return bytes;
}

// Copies what survives a power cut.
class Survival {
 public:
  Survival(SimulatedDisk::Survivors survivors, uint64_t seed)
      : survivors_(survivors), random_(seed) {}

  InodePtr Copy(const InodePtr& old) {
    InodePtr& copy = copies_[old.get()];
    if (copy) return copy;
    copy = std::make_shared<Inode>();
    InodePtr result = copy;
    result->is_directory = old->is_directory;
    if (old->is_directory) {
      for (const auto& [name, child] : SurvivingEntries(*old)) result->entries[name] = Copy(child);
      result->durable_entries = result->entries;
    } else {
      CopyContents(*old, *result);
    }
    return result;
  }

 private:
  Entries SurvivingEntries(const Inode& old) {
    if (survivors_ == SimulatedDisk::Survivors::kAll) return old.entries;
    Entries entries = old.durable_entries;
    if (survivors_ == SimulatedDisk::Survivors::kSynced) return entries;
    for (const DirectoryChange& change : old.unsynced) {
      if (random_() % 2 == 0) change.Apply(entries);
    }
    return entries;
  }

  void CopyContents(const Inode& old, Inode& copy) {
    size_t kept = old.contents.size();
    if (survivors_ != SimulatedDisk::Survivors::kAll) kept = old.synced_bytes;
    const size_t unsynced = old.contents.size() - kept;
    if (survivors_ == SimulatedDisk::Survivors::kRandom && unsynced > 0) {
      kept += random_() % (unsynced + 1);
    }
    copy.contents.Append({old.contents.data(), kept});
    if (survivors_ == SimulatedDisk::Survivors::kRandom) {
      Tear(copy.contents, std::min(kept - std::min(kept, old.synced_bytes), kTornTailBytes));
    }
    copy.synced_bytes = kept;
  }

  void Tear(Contents& contents, size_t bytes_at_most) {
    if (bytes_at_most == 0 || random_() % 2 == 0) return;
    const size_t torn = 1 + random_() % bytes_at_most;
    const bool zeros = random_() % 2 == 0;
    std::byte* tail = contents.MutableCopy() + contents.size() - torn;
    for (size_t i = 0; i < torn; ++i) tail[i] = zeros ? std::byte{0} : std::byte(random_() & 0xff);
  }

  const SimulatedDisk::Survivors survivors_;
  std::mt19937_64 random_;
  std::map<const Inode*, InodePtr> copies_;
};

}  // namespace

// Everything below expects `mutex` to be held.
struct SimulatedDisk::State {
  std::mutex mutex;
  Kind kind = Kind::kPlain;
  InodePtr root = std::make_shared<Inode>();
  uint64_t operations = 0;
  std::optional<uint64_t> stop_after;
  std::optional<std::pair<uint64_t, int>> failure;
  std::optional<uint64_t> reads_until_failure;
  std::optional<uint64_t> capacity;

  bool stopped() const { return stop_after && operations >= *stop_after; }

  [[noreturn]] static void ThrowStopped(const std::string& path) {
    throw Error(ErrorCode::kAborted, fmt::format("The simulated disk has stopped: {}", path));
  }

  // Counts an operation; the error number it has to fail with, or 0.
  int Count(const std::string& path) {
    if (stopped()) ThrowStopped(path);
    const uint64_t number = operations++;
    if (!failure || failure->first != number) return 0;
    return std::exchange(failure, std::nullopt)->second;
  }

  void CountOrFail(std::string_view operation, const std::string& path, ErrorCode code) {
    const int error_number = Count(path);
    if (error_number != 0) ThrowFileError(operation, path, error_number, code);
  }

  void CountRead(const std::string& path) {
    if (stopped()) ThrowStopped(path);
    if (!reads_until_failure) return;
    if ((*reads_until_failure)-- > 0) return;
    reads_until_failure.reset();
    ThrowFileError("read", path, EIO, ErrorCode::kCannotReadFile);
  }

  InodePtr Find(const std::string& path) const {
    InodePtr inode = root;
    for (const std::string& name : Components(path)) {
      const auto entry = inode->entries.find(name);
      if (entry == inode->entries.end()) return nullptr;
      inode = entry->second;
    }
    return inode;
  }

  InodePtr Get(std::string_view operation, const std::string& path, ErrorCode code) const {
    InodePtr inode = Find(path);
    if (!inode) ThrowFileError(operation, path, ENOENT, code);
    return inode;
  }

  InodePtr GetFile(std::string_view operation, const std::string& path, ErrorCode code) const {
    InodePtr inode = Get(operation, path, code);
    if (inode->is_directory) ThrowFileError(operation, path, EISDIR, code);
    return inode;
  }

  InodePtr GetDirectory(std::string_view operation, const std::string& path, ErrorCode code) const {
    InodePtr inode = Get(operation, path, code);
    if (!inode->is_directory) ThrowFileError(operation, path, ENOTDIR, code);
    return inode;
  }

  void Change(Inode& directory, DirectoryChange change) {
    change.Apply(directory.entries);
    if (kind == Kind::kForgetful) directory.unsynced.push_back(std::move(change));
  }

  InodePtr Add(std::string_view operation, const std::string& path, InodePtr inode) {
    const ErrorCode code = ErrorCode::kCannotOpenFile;
    const InodePtr parent = GetDirectory(operation, ParentDirectory(path), code);
    if (Find(path)) ThrowFileError(operation, path, EEXIST, code);
    Change(*parent, {"", Components(path).back(), inode});
    return inode;
  }

  void RemoveEntry(std::string_view operation, const std::string& path) {
    const InodePtr parent =
        GetDirectory(operation, ParentDirectory(path), ErrorCode::kCannotWriteFile);
    Change(*parent, {Components(path).back(), "", nullptr});
  }

  void Append(Inode& inode, const std::string& path, std::span<const std::byte> bytes) {
    int error_number = Count(path);
    if (error_number == 0 && capacity && ReachableBytes(*root) + bytes.size() > *capacity) {
      error_number = ENOSPC;
    }
    if (error_number == ENOSPC) bytes = bytes.first(bytes.size() / 2);
    if (error_number == 0 || error_number == ENOSPC) inode.contents.Append(bytes);
    if (error_number != 0) {
      ThrowFileError("write to", path, error_number, ErrorCode::kCannotWriteFile);
    }
  }
};

namespace {

using State = SimulatedDisk::State;
using Lock = std::lock_guard<std::mutex>;

class SimulatedWritableFile final : public WritableFile {
 public:
  SimulatedWritableFile(std::shared_ptr<State> state, std::string path, InodePtr inode)
      : state_(std::move(state)),
        path_(std::move(path)),
        inode_(std::move(inode)),
        size_(inode_->contents.size()) {}

  void Append(std::span<const std::byte> bytes) override {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    size_ += bytes.size();
    if (buffer_.size() >= kWriteBufferBytes) Flush();
  }
  uint64_t size() const override { return size_; }
  void Flush() override {
    if (buffer_.empty()) return;
    const Lock lock(state_->mutex);
    state_->Append(*inode_, path_, buffer_);
    buffer_.clear();
  }
  void StartSync() override { Flush(); }
  void Sync() override {
    Flush();
    const Lock lock(state_->mutex);
    state_->CountOrFail("sync", path_, ErrorCode::kCannotWriteFile);
    inode_->synced_bytes = inode_->contents.size();
  }
  void CutBack(uint64_t size) override {
    buffer_.clear();
    const Lock lock(state_->mutex);
    state_->CountOrFail("cut back", path_, ErrorCode::kCannotWriteFile);
    inode_->contents.CutBack(size);
    inode_->synced_bytes = std::min<size_t>(inode_->synced_bytes, size);
    size_ = size;
  }
  void Close() override { Flush(); }

 private:
  const std::shared_ptr<State> state_;
  const std::string path_;
  const InodePtr inode_;
  uint64_t size_;
  std::vector<std::byte> buffer_;
};

class SimulatedReadableFile final : public ReadableFile {
 public:
  SimulatedReadableFile(std::shared_ptr<State> state, std::string path, InodePtr inode)
      : state_(std::move(state)),
        path_(std::move(path)),
        inode_(std::move(inode)),
        size_(inode_->contents.size()) {}

  uint64_t size() const override { return size_; }
  void ReadAt(uint64_t offset, std::span<std::byte> out) const override {
    const Lock lock(state_->mutex);
    state_->CountRead(path_);
    if (offset > size_ || out.size() > size_ - offset) {
      throw Error(ErrorCode::kCannotReadAllData,
                  fmt::format("Cannot read {} bytes at offset {} of {}: the file ends before",
                              out.size(), offset, path_));
    }
    std::copy_n(inode_->contents.data() + offset, out.size(), out.data());
  }

 private:
  const std::shared_ptr<State> state_;
  const std::string path_;
  const InodePtr inode_;
  const uint64_t size_;
};

class SimulatedFileMap final : public FileMap {
 public:
  SimulatedFileMap(std::shared_ptr<State> state, std::string path, const Contents& contents)
      : state_(std::move(state)), path_(std::move(path)), memory_(contents.memory()) {
    bytes_ = {contents.data(), contents.size()};
  }
  void Populate(uint64_t, uint64_t) const override {
    const Lock lock(state_->mutex);
    state_->CountRead(path_);
  }

 private:
  const std::shared_ptr<State> state_;
  const std::string path_;
  const std::shared_ptr<std::byte> memory_;
};

class SimulatedFileLock final : public FileLock {
 public:
  SimulatedFileLock(std::shared_ptr<State> state, InodePtr inode)
      : state_(std::move(state)), inode_(std::move(inode)) {
    inode_->is_locked = true;
  }
  ~SimulatedFileLock() override {
    const Lock lock(state_->mutex);
    inode_->is_locked = false;
  }

 private:
  const std::shared_ptr<State> state_;
  const InodePtr inode_;
};

InodePtr NewInode(bool is_directory) {
  auto inode = std::make_shared<Inode>();
  inode->is_directory = is_directory;
  return inode;
}

}  // namespace

SimulatedDisk::SimulatedDisk(Kind kind) : state_(std::make_shared<State>()) {
  state_->kind = kind;
  state_->root->is_directory = true;
}

SimulatedDisk::~SimulatedDisk() = default;

uint64_t SimulatedDisk::operations() const {
  const granary::Lock lock(state_->mutex);
  return state_->operations;
}

uint64_t SimulatedDisk::used_bytes() const {
  const granary::Lock lock(state_->mutex);
  return ReachableBytes(*state_->root);
}

void SimulatedDisk::StopAfter(uint64_t count) {
  const granary::Lock lock(state_->mutex);
  state_->stop_after = count;
}

void SimulatedDisk::FailAt(uint64_t operation, int error_number) {
  const granary::Lock lock(state_->mutex);
  state_->failure = {operation, error_number};
}

void SimulatedDisk::FailRead(uint64_t reads_from_now) {
  const granary::Lock lock(state_->mutex);
  state_->reads_until_failure = reads_from_now;
}

void SimulatedDisk::SetCapacity(std::optional<uint64_t> bytes) {
  const granary::Lock lock(state_->mutex);
  state_->capacity = bytes;
}

std::shared_ptr<SimulatedDisk> SimulatedDisk::AfterPowerCut(Survivors survivors,
                                                            uint64_t seed) const {
  const granary::Lock lock(state_->mutex);
  auto disk = std::make_shared<SimulatedDisk>(state_->kind);
  disk->state_->root = Survival(survivors, seed).Copy(state_->root);
  return disk;
}

void SimulatedDisk::Damage(const std::string& path, uint64_t offset, std::byte xor_mask) {
  const granary::Lock lock(state_->mutex);
  const InodePtr inode = state_->GetFile("damage", path, ErrorCode::kCannotOpenFile);
  inode->contents.MutableCopy()[offset] ^= xor_mask;
}

std::unique_ptr<WritableFile> SimulatedDisk::Create(const std::string& path) {
  const granary::Lock lock(state_->mutex);
  state_->CountOrFail("create", path, ErrorCode::kCannotOpenFile);
  return std::make_unique<SimulatedWritableFile>(state_, path,
                                                 state_->Add("create", path, NewInode(false)));
}

std::unique_ptr<WritableFile> SimulatedDisk::OpenForAppend(const std::string& path) {
  const granary::Lock lock(state_->mutex);
  if (state_->stopped()) State::ThrowStopped(path);
  return std::make_unique<SimulatedWritableFile>(
      state_, path, state_->GetFile("open", path, ErrorCode::kCannotOpenFile));
}

void SimulatedDisk::Overwrite(const std::string& path, std::span<const std::byte> bytes) {
  const granary::Lock lock(state_->mutex);
  state_->CountOrFail("overwrite", path, ErrorCode::kCannotWriteFile);
  InodePtr inode = state_->Find(path);
  if (!inode) inode = state_->Add("overwrite", path, NewInode(false));
  Contents contents;
  contents.Append(bytes);
  if (inode->contents.size() > bytes.size()) {
    contents.Append({inode->contents.data() + bytes.size(), inode->contents.size() - bytes.size()});
  }
  inode->contents = std::move(contents);
  inode->synced_bytes = 0;
}

std::unique_ptr<ReadableFile> SimulatedDisk::OpenForRead(const std::string& path) {
  const granary::Lock lock(state_->mutex);
  if (state_->stopped()) State::ThrowStopped(path);
  return std::make_unique<SimulatedReadableFile>(
      state_, path, state_->GetFile("open", path, ErrorCode::kCannotOpenFile));
}

std::shared_ptr<const FileMap> SimulatedDisk::Map(const std::string& path) {
  const granary::Lock lock(state_->mutex);
  state_->CountRead(path);
  const InodePtr inode = state_->GetFile("map", path, ErrorCode::kCannotOpenFile);
  return std::make_shared<SimulatedFileMap>(state_, path, inode->contents);
}

std::vector<std::string> SimulatedDisk::List(const std::string& directory) {
  const granary::Lock lock(state_->mutex);
  if (state_->stopped()) State::ThrowStopped(directory);
  const InodePtr inode = state_->GetDirectory("list", directory, ErrorCode::kCannotReadFile);
  std::vector<std::string> names;
  for (const auto& [name, child] : inode->entries) names.push_back(name);
  return names;
}

bool SimulatedDisk::Exists(const std::string& path) {
  const granary::Lock lock(state_->mutex);
  if (state_->stopped()) State::ThrowStopped(path);
  return state_->Find(path) != nullptr;
}

bool SimulatedDisk::IsDirectory(const std::string& path) {
  const granary::Lock lock(state_->mutex);
  if (state_->stopped()) State::ThrowStopped(path);
  const InodePtr inode = state_->Find(path);
  return inode && inode->is_directory;
}

uint64_t SimulatedDisk::Size(const std::string& path) {
  const granary::Lock lock(state_->mutex);
  if (state_->stopped()) State::ThrowStopped(path);
  return state_->GetFile("read the size of", path, ErrorCode::kCannotReadFile)->contents.size();
}

void SimulatedDisk::Remove(const std::string& path) {
  const granary::Lock lock(state_->mutex);
  state_->CountOrFail("remove", path, ErrorCode::kCannotWriteFile);
  state_->GetFile("remove", path, ErrorCode::kCannotWriteFile);
  state_->RemoveEntry("remove", path);
}

void SimulatedDisk::CreateDirectory(const std::string& path) {
  const granary::Lock lock(state_->mutex);
  state_->CountOrFail("create the directory", path, ErrorCode::kCannotWriteFile);
  state_->Add("create the directory", path, NewInode(true));
}

void SimulatedDisk::RemoveDirectory(const std::string& path) {
  const granary::Lock lock(state_->mutex);
  const std::string_view operation = "remove the directory";
  state_->CountOrFail(operation, path, ErrorCode::kCannotWriteFile);
  const InodePtr inode = state_->GetDirectory(operation, path, ErrorCode::kCannotWriteFile);
  if (!inode->entries.empty()) {
    ThrowFileError(operation, path, ENOTEMPTY, ErrorCode::kCannotWriteFile);
  }
  state_->RemoveEntry(operation, path);
}

// Atomic within one directory, as on journaling file systems; between two directories a power cut
// may keep either half.
void SimulatedDisk::Rename(const std::string& from, const std::string& to) {
  const granary::Lock lock(state_->mutex);
  state_->CountOrFail("rename", from, ErrorCode::kCannotWriteFile);
  const InodePtr inode = state_->Get("rename", from, ErrorCode::kCannotWriteFile);
  const std::string from_parent = ParentDirectory(from);
  const std::string to_parent = ParentDirectory(to);
  const InodePtr target = state_->GetDirectory("rename", to_parent, ErrorCode::kCannotWriteFile);
  const std::string removed = Components(from).back();
  const std::string added = Components(to).back();
  if (from_parent == to_parent) {
    state_->Change(*target, {removed, added, inode});
    return;
  }
  state_->Change(*target, {"", added, inode});
  state_->RemoveEntry("rename", from);
}

void SimulatedDisk::SyncDirectory(const std::string& path) {
  const granary::Lock lock(state_->mutex);
  state_->CountOrFail("sync the directory", path, ErrorCode::kCannotWriteFile);
  const InodePtr inode =
      state_->GetDirectory("sync the directory", path, ErrorCode::kCannotWriteFile);
  if (state_->kind == Kind::kPlain) return;
  inode->durable_entries = inode->entries;
  inode->unsynced.clear();
}

std::unique_ptr<FileLock> SimulatedDisk::Lock(const std::string& path) {
  const granary::Lock lock(state_->mutex);
  InodePtr inode = state_->Find(path);
  if (!inode) {
    state_->CountOrFail("create", path, ErrorCode::kCannotOpenFile);
    inode = state_->Add("create", path, NewInode(false));
  }
  if (inode->is_locked) {
    throw Error(ErrorCode::kLockedDirectory,
                fmt::format("{} is locked: the directory is open for writing elsewhere. Close the "
                            "other user of it, or open it read-only",
                            path));
  }
  return std::make_unique<SimulatedFileLock>(state_, inode);
}

}  // namespace granary
