#include "granary/tests/damage/damage.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <stdexcept>

namespace granary::testing {
namespace {

constexpr std::array kNames = {"flip",    "blank",  "noise",  "cut",  "zeros",
                               "garbage", "repeat", "delete", "swap", "copy"};

using Bytes = std::vector<std::byte>;

void Write(SimulatedDisk& disk, const std::string& path, const Bytes& contents) {
  if (disk.Exists(path)) disk.Remove(path);
  const auto file = disk.Create(path);
  file->Append(contents);
  file->Close();
}

Bytes Noise(uint64_t bytes, uint64_t seed) {
  std::mt19937_64 random(seed);
  Bytes noise(bytes);
  for (std::byte& byte : noise) byte = std::byte(random() & 0xff);
  return noise;
}

void CopyTree(SimulatedDisk& disk, const std::string& from, const std::string& to) {
  if (!disk.IsDirectory(from)) return Write(disk, to, ReadWholeFile(disk, from));
  RemoveTree(disk, to);
  disk.CreateDirectory(to);
  for (const std::string& name : disk.List(from)) {
    CopyTree(disk, JoinPath(from, name), JoinPath(to, name));
  }
}

Bytes Changed(const Damage& damage, Bytes contents) {
  using Kind = Damage::Kind;
  const uint64_t begin = std::min<uint64_t>(contents.size(), damage.offset);
  const uint64_t end = std::min<uint64_t>(contents.size(), begin + damage.amount);
  const Bytes noise = Noise(damage.amount, damage.offset + damage.amount);
  switch (damage.kind) {
    case Kind::kBlank:
      for (uint64_t i = begin; i < end; ++i) contents[i] = std::byte{0};
      break;
    case Kind::kNoise:
      for (uint64_t i = begin; i < end; ++i) contents[i] = noise[i - begin];
      break;
    case Kind::kCut:
      contents.resize(begin);
      break;
    case Kind::kZeros:
      contents.resize(contents.size() + damage.amount);
      break;
    case Kind::kGarbage:
      contents.insert(contents.end(), noise.begin(), noise.end());
      break;
    default: {  // kRepeat
      const Bytes again(contents.begin() + static_cast<ptrdiff_t>(begin),
                        contents.begin() + static_cast<ptrdiff_t>(end));
      contents.insert(contents.end(), again.begin(), again.end());
    }
  }
  return contents;
}

bool IsBelow(const std::string& path, const std::string& place) {
  return path == place || path.starts_with(place + "/");
}

template <class T>
const T& OneOf(const std::vector<T>& choices, std::mt19937_64& random) {
  return choices[random() % choices.size()];
}

// Like this one, but another: of the same kind and, if it is one of many of its part, number.
std::vector<std::string> Likes(const std::vector<std::string>& files, const std::string& path) {
  const std::string name = path.substr(path.rfind('/'));
  std::vector<std::string> likes;
  for (const std::string& file : files) {
    if (file != path && file.ends_with(name)) likes.push_back(file);
  }
  return likes;
}

}  // namespace

void Damage::Apply(SimulatedDisk& disk) const {
  switch (kind) {
    case Kind::kFlip:
      return disk.Damage(path, offset, std::byte(amount));
    case Kind::kDelete:
      return RemoveTree(disk, path);
    case Kind::kSwap:
      disk.Rename(path, "/aside");
      disk.Rename(other, path);
      return disk.Rename("/aside", other);
    case Kind::kCopy:
      return CopyTree(disk, path, other);
    default:
      return Write(disk, path, Changed(*this, ReadWholeFile(disk, path)));
  }
}

std::string Damage::text() const {
  std::string text = std::string(kNames[static_cast<size_t>(kind)]) + " " + path;
  if (kind == Kind::kSwap || kind == Kind::kCopy) return text + " " + other;
  if (kind == Kind::kDelete) return text;
  return text + " " + std::to_string(offset) + " " + std::to_string(amount);
}

Damage Damage::Parse(const std::string& text) {
  std::istringstream in(text);
  std::string name;
  Damage damage;
  in >> name >> damage.path;
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) throw std::invalid_argument("no kind of damage: " + text);
  damage.kind = static_cast<Kind>(found - kNames.begin());
  if (damage.kind == Kind::kSwap || damage.kind == Kind::kCopy) {
    in >> damage.other;
  } else if (damage.kind != Kind::kDelete) {
    in >> damage.offset >> damage.amount;
  }
  if (!in) throw std::invalid_argument("incomplete damage: " + text);
  return damage;
}

bool Damage::Touches(const std::string& place) const {
  const bool is_source_only = kind == Kind::kCopy;
  return (!is_source_only && (IsBelow(path, place) || IsBelow(place, path))) ||
         (!other.empty() && (IsBelow(other, place) || IsBelow(place, other)));
}

FileKind KindOf(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  if (name == "catalog") return FileKind::kCatalog;
  if (name == "commit_log") return FileKind::kLog;
  if (name == "manifest") return FileKind::kManifest;
  if (name.starts_with("column_")) return FileKind::kColumn;
  if (name.starts_with("index_")) return FileKind::kIndex;
  return name == "lock" ? FileKind::kLock : FileKind::kBeside;
}

std::vector<std::string> FilesBelow(SimulatedDisk& disk, const std::string& directory) {
  std::vector<std::string> files;
  for (const std::string& name : disk.List(directory)) {
    const std::string path = JoinPath(directory, name);
    if (!disk.IsDirectory(path)) {
      files.push_back(path);
      continue;
    }
    for (std::string& file : FilesBelow(disk, path)) files.push_back(std::move(file));
  }
  return files;
}

std::vector<std::string> DirectoriesBelow(SimulatedDisk& disk, const std::string& directory) {
  std::vector<std::string> directories;
  for (const std::string& name : disk.List(directory)) {
    const std::string path = JoinPath(directory, name);
    if (!disk.IsDirectory(path)) continue;
    directories.push_back(path);
    for (std::string& below : DirectoriesBelow(disk, path)) directories.push_back(std::move(below));
  }
  return directories;
}

Damage RandomDamage(SimulatedDisk& disk, std::mt19937_64& random) {
  using Kind = Damage::Kind;
  std::vector<std::string> files = FilesBelow(disk, "/d");
  std::erase_if(files, [](const std::string& path) { return KindOf(path) == FileKind::kLock; });
  Damage damage;
  damage.path = OneOf(files, random);
  const uint64_t bytes = disk.Size(damage.path);
  damage.offset = bytes == 0 ? 0 : random() % bytes;
  // Half of them are flips; the others each as often.
  damage.kind = random() % 2 == 0 ? Kind::kFlip : static_cast<Kind>(1 + random() % 9);
  if (damage.kind == Kind::kFlip) damage.amount = uint64_t{1} << random() % 8;
  if (damage.kind != Kind::kFlip) damage.amount = 1 + random() % (random() % 2 == 0 ? 16 : 4096);
  if (damage.kind == Kind::kDelete && random() % 4 == 0) {
    damage.path = OneOf(DirectoriesBelow(disk, "/d"), random);
  }
  if (damage.kind == Kind::kSwap || damage.kind == Kind::kCopy) {
    if (random() % 4 == 0) {
      files = DirectoriesBelow(disk, "/d/tables");
      damage.path = OneOf(files, random);
    }
    const std::vector<std::string> likes = Likes(files, damage.path);
    if (likes.empty()) {
      damage.kind = Kind::kDelete;
    } else {
      damage.other = OneOf(likes, random);
    }
  }
  return damage;
}

}  // namespace granary::testing
