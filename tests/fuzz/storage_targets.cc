// Files as a damaged disk, another program or a bug could leave them. Each input is tried twice: as
// it is, and with its checksums made right. What opens must open again the same.
#include <algorithm>

#include "granary/parts/commit_log.h"
#include "granary/parts/frame.h"
#include "granary/parts/manifest.h"
#include "granary/parts/sub_index_frame.h"
#include "granary/tests/fuzz/checksum_repair.h"
#include "granary/tests/fuzz/small_database.h"
#include "granary/tests/fuzz/targets.h"

namespace granary::fuzz {
namespace {

const std::string kCatalog = JoinPath(kDatabasePath, "catalog");
const std::string kCommitLog = JoinPath(kDatabasePath, "tables/1/commit_log");
const std::string kManifest = JoinPath(kDatabasePath, "tables/1/1_1_1_0/manifest");

// Both attempts; an Error of the one does not keep the other from being made.
bool TryBoth(Input input, const Bytes& repaired, bool (*run)(Input)) {
  bool is_taken = false;
  try {
    is_taken = run(input);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kLogicalError) throw;
  }
  if (std::ranges::equal(input, repaired)) return is_taken;
  return run(repaired) || is_taken;
}

// ---- Frames and headers ----

constexpr uint64_t kSeedOfFrames = 7;

bool DecodeOneFrame(Input input) {
  // At an odd place as well, where the payload has to be copied.
  Bytes shifted(input.size() + 8);
  std::copy(input.begin(), input.end(), shifted.begin() + 4);
  const FramePtr frame = DecodeFrame(nullptr, ToStorage(input), kSeedOfFrames, "frame");
  const FramePtr copy =
      DecodeFrame(nullptr, ToStorage(Input(shifted).subspan(4)), kSeedOfFrames, "frame");
  Expect(std::ranges::equal(frame->raw, copy->raw), [] { return "another payload when shifted"; });
  try {
    const SubIndexHeader header = DecodeSubIndexHeader(frame->raw, "header");
    Expect(header.page_checksums.size() <= frame->raw.size(), [] { return "more than there is"; });
  } catch (const Error&) {
    return true;  // a frame of something else
  }
  return true;
}

bool ReadFrame(Input input) {
  Bytes repaired(input.begin(), input.end());
  RepairFrame(repaired, 0, kSeedOfFrames);
  return TryBoth(input, repaired, DecodeOneFrame);
}

Bytes FrameOf(std::span<const std::byte> raw) {
  ByteWriter out;
  FrameEncoder().Write(raw, kSeedOfFrames, out);
  return ToBytes(out.bytes());
}

std::vector<Seed> FrameSeeds() {
  Bytes repeating(300);
  for (size_t i = 0; i < repeating.size(); ++i) repeating[i] = static_cast<uint8_t>(i % 7);
  const SubIndexHeader header{"minmax", "i TYPE minmax", 3, 7, 100, {1, 2}};
  return {{"empty", FrameOf({})},
          {"raw", FrameOf(ToStorage(Input(repeating).first(13)))},
          {"lz4", FrameOf(ToStorage(repeating))},
          {"header", FrameOf(EncodeSubIndexHeader(header))}};
}

// ---- Manifests ----

bool DecodeOneManifest(Input input) {
  const DecodedManifest decoded = DecodeManifest(ToStorage(input), input.size(), "manifest");
  const std::vector<std::byte> own = EncodeManifest(decoded.manifest);
  const uint64_t file_bytes = own.size() + decoded.manifest.stream_bytes;
  const DecodedManifest again = DecodeManifest(own, file_bytes, "manifest");
  Expect(EncodeManifest(again.manifest) == own,
         [] { return "another manifest when written again"; });
  return true;
}

bool ReadManifest(Input input) { return TryBoth(input, RepairManifest(input), DecodeOneManifest); }

std::vector<Seed> PartSeeds() { return {{"part", ToBytes(FileOf(*DiskWithHistory(), kManifest))}}; }

std::vector<Seed> ManifestSeeds() { return PartSeeds(); }

// ---- Databases with one strange file ----

using Questions = std::span<const char* const>;

constexpr const char* kQuestionsOfRows[] = {
    "SELECT * FROM t",
    "SELECT id, L2Distance(v, [4., 1.]) AS x FROM t ORDER BY x, id LIMIT 3",
    "SELECT id FROM t WHERE id % 3 = 1 ORDER BY L2Distance(v, [4., 1.]) LIMIT 2",
    "SELECT id FROM t WHERE i = -5",
    "SELECT count() FROM t WHERE s IN ('n1', 'n4')",
    "SELECT id, w FROM t WHERE id > 2 AND id < 7 AND length(w) > 0",
    "SELECT * FROM system.parts",
    "SELECT * FROM system.columns",
    "SELECT * FROM system.data_skipping_indices",
};

constexpr const char* kQuestionsOfTables[] = {
    "SELECT * FROM t",
    "SELECT * FROM system.parts",
    "SELECT * FROM system.tables",
};

struct Answers {
  std::string text;  // errors are answers, too
  bool has_rows = false;
  bool is_cut_short = false;  // by a limit of time
};

Answers AskAll(Database& database, Questions statements) {
  Answers answers;
  for (const char* sql : statements) {
    try {
      const std::string rows = Run(database, sql);
      answers.has_rows |= !rows.empty();
      answers.text += rows;
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kLogicalError) throw;
      answers.is_cut_short |= IsOfTime(error);
      answers.text += ErrorName(error.code());
    }
    answers.text += '\n';
  }
  return answers;
}

// By a reader, by a writer, and by another one afterwards, which must find what the first left.
// Where no writer can open the database, restoring it has to.
bool AskEveryone(const std::shared_ptr<SimulatedDisk>& disk, Questions questions) {
  const Questions first_one = questions.first(1);
  Answers all;
  for (const Opening opening : {Opening::kReader, Opening::kWriter}) {
    try {
      const auto database = OpenSmall(disk, opening);
      all = AskAll(*database, opening == Opening::kReader ? first_one : questions);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kCorruptedData) throw;
      if (opening == Opening::kWriter) all = AskAll(*OpenSmall(disk, Opening::kRestore), questions);
    }
  }
  const auto database = OpenSmall(disk);
  const Answers again = AskAll(*database, first_one);
  Expect(all.text.starts_with(again.text) || all.is_cut_short || again.is_cut_short,
         [&] { return "other answers when opened again:\n" + all.text + "\nand\n" + again.text; });
  static constexpr const char* kMend[] = {"CHECK TABLE t", "SYSTEM RESTORE TABLE t",
                                          "SELECT count() FROM t"};
  AskAll(*database, kMend);
  return all.has_rows;
}

template <const std::string* kPath>
bool AskWith(Input input, Questions questions) {
  const auto disk = DiskWithHistory();
  ReplaceFile(*disk, *kPath, ToStorage(input));
  return AskEveryone(disk, questions);
}

bool AskWithPart(Input input) { return AskWith<&kManifest>(input, kQuestionsOfRows); }
bool ReadPart(Input input) { return TryBoth(input, RepairPart(input), AskWithPart); }

void ReadBareLog(Input input) {
  const std::string path = JoinPath("/log", "log");
  SimulatedDisk disk(SimulatedDisk::Kind::kPlain);
  disk.CreateDirectory("/log");
  ReplaceFile(disk, path, ToStorage(input));
  CommitLog::Salvage(disk, path, std::nullopt);
  const CommitLog::Contents contents = CommitLog::Read(disk, path, std::nullopt);
  Expect(!contents.records.empty(), [] { return "a log of no records"; });
  Expect(contents.whole_bytes + contents.torn_bytes == input.size(),
         [] { return "bytes of a log that are neither whole nor torn"; });
}

// The log by itself, then in its place, with and without the durable point beside it.
template <const std::string* kPath>
bool ReadLog(Input input) {
  try {
    ReadBareLog(input);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kLogicalError) throw;
  }
  const auto disk = DiskWithHistory();
  ReplaceFile(*disk, *kPath, ToStorage(input));
  disk->Remove(*kPath + kDurablePointSuffix);
  const bool has_rows = AskEveryone(disk, kQuestionsOfTables);
  return AskWith<kPath>(input, kQuestionsOfTables) || has_rows;
}

template <const std::string* kPath>
bool ReadBothLogs(Input input) {
  static const std::vector<std::byte> model = FileOf(*DiskWithHistory(), *kPath);
  return TryBoth(input, RepairLog(input, model), ReadLog<kPath>);
}

// Whole, and with its first records only.
std::vector<Seed> LogSeeds(const std::string& path) {
  const Bytes log = ToBytes(FileOf(*DiskWithHistory(), path));
  return {{"whole", log}, {"torn", Bytes(log.begin(), log.end() - 9)}};
}

std::vector<Seed> CommitLogSeeds() { return LogSeeds(kCommitLog); }
std::vector<Seed> CatalogSeeds() { return LogSeeds(kCatalog); }

std::vector<std::string> StorageWords() {
  return {"GRPT",
          "GRFR",
          "GRIX",
          "GRLG",
          "GRRC",
          "1_1_1_0",
          "all",
          "String",
          "Array(Float32)",
          "UInt64",
          std::string(8, '\0'),
          std::string(8, '\xff'),
          std::string("\x01\0\0\0", 4)};
}

}  // namespace

void AddStorageTargets(std::vector<Target>& targets) {
  targets.push_back({"frame", ReadFrame, FrameSeeds, StorageWords, 2048});
  targets.push_back({"manifest", ReadManifest, ManifestSeeds, StorageWords, 8192});
  targets.push_back({"part", ReadPart, PartSeeds, StorageWords, 16384});
  targets.push_back({"commit_log", ReadBothLogs<&kCommitLog>, CommitLogSeeds, StorageWords, 4096});
  targets.push_back({"catalog", ReadBothLogs<&kCatalog>, CatalogSeeds, StorageWords, 2048});
}

}  // namespace granary::fuzz
