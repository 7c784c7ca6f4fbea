// A disk in memory: for databases that live in memory, and for tests that stop, fail or unplug it.
//
// The disk knows what would survive a power cut: of a file the bytes up to its last Sync, of a
// directory the entries as of its last SyncDirectory. Every mutating call (create, append, cut
// back, overwrite, sync, remove, make and remove directory, rename, sync directory) is one
// operation, counted from 0; tests run a workload once to count them, then again for each i with
// StopAfter(i) or FailAt(i, ...).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "granary/parts/file_system.h"

namespace granary {

class SimulatedDisk final : public FileSystem {
 public:
  // kForgetful keeps track of what was not synced; kPlain does not, and frees removed files at
  // once.
  enum class Kind { kPlain, kForgetful };
  explicit SimulatedDisk(Kind kind);
  ~SimulatedDisk() override;

  // Mutating operations so far.
  uint64_t operations() const;
  // Bytes of all files that can be reached.
  uint64_t used_bytes() const;

  // Operations [0, count) succeed, all later ones, and all reads then, throw ABORTED.
  void StopAfter(uint64_t count);
  // The operation with this number fails with an errno (EIO, ENOSPC); once. An append that fails
  // with ENOSPC leaves half of its bytes.
  void FailAt(uint64_t operation, int error_number);
  // The read (ReadAt, Map, Populate) with this number from now on fails with EIO; once.
  void FailRead(uint64_t reads_from_now);
  // From now on opening and mapping the file, and asking for its size if `also_size`, fail with an
  // errno (EIO, EACCES).
  void Break(const std::string& path, int error_number, bool also_size);
  // Beyond this many used bytes every append fails with ENOSPC.
  void SetCapacity(std::optional<uint64_t> bytes);

  // What is found when the machine comes up again. The new disk has no locks and counts from 0; no
  // change of one of the two is seen by the other. With kAll it is made without copying contents.
  enum class Survivors { kAll, kSynced, kRandom };
  // kAll: the process was killed. kSynced: whatever was not synced is gone. kRandom: each un-synced
  // directory change happened or not, each file keeps a random length of its un-synced bytes, of
  // which the last up to 4096 may be zeros or noise; by `seed`.
  std::shared_ptr<SimulatedDisk> AfterPowerCut(Survivors survivors, uint64_t seed = 0) const;

  // Flips bits of a byte of a file, as a failing disk would.
  void Damage(const std::string& path, uint64_t offset, std::byte xor_mask);

  std::unique_ptr<WritableFile> Create(const std::string& path) override;
  std::unique_ptr<WritableFile> OpenForAppend(const std::string& path) override;
  void Overwrite(const std::string& path, std::span<const std::byte> bytes) override;
  std::unique_ptr<ReadableFile> OpenForRead(const std::string& path) override;
  std::shared_ptr<const FileMap> Map(const std::string& path) override;
  std::vector<std::string> List(const std::string& directory) override;
  bool Exists(const std::string& path) override;
  bool IsDirectory(const std::string& path) override;
  uint64_t Size(const std::string& path) override;
  void Remove(const std::string& path) override;
  void CreateDirectory(const std::string& path) override;
  void RemoveDirectory(const std::string& path) override;
  void Rename(const std::string& from, const std::string& to) override;
  void SyncDirectory(const std::string& path) override;
  std::unique_ptr<FileLock> Lock(const std::string& path) override;

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace granary
