// Which tables a database has: table name -> directory. CREATE, DROP and RENAME TABLE are records
// of the catalogue's own log, so that each happens whole or not at all.
//
//   <database>/lock           held by whoever has the database open for writing
//   <database>/catalog        the log
//   <database>/tables/<id>/   one TableStore each; ids are never used again
//
// Thread-safe. Names are case-sensitive.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "granary/parts/file_system.h"
#include "granary/table/task_context.h"

namespace granary {

class Catalog {
 public:
  // Opens a database directory; makes it if it does not exist and not read_only. Throws
  // DIRECTORY_IS_LOCKED if it is open for writing elsewhere, FILE_DOESNT_EXIST if read_only finds
  // no database. The writer deletes table directories that no record names.
  static std::unique_ptr<Catalog> Open(std::shared_ptr<FileSystem> files,
                                       const std::string& directory, bool read_only,
                                       const TaskContext& context);
  ~Catalog();

  // Table name -> directory of its TableStore, as of now.
  std::map<std::string, std::string> tables() const;

  // Calls `make` with the path of the new table's directory, which does not exist yet
  // (TableStore::Create), then records the table. Throws TABLE_ALREADY_EXISTS. If anything throws,
  // no directory is left. Returns the path.
  std::string Create(const std::string& name,
                     const std::function<void(const std::string& directory)>& make);
  // Records that the table is gone; its directory is the caller's (TableStore::Drop). Throws
  // UNKNOWN_TABLE.
  void Drop(const std::string& name);
  // Throws UNKNOWN_TABLE or TABLE_ALREADY_EXISTS.
  void Rename(const std::string& from, const std::string& to);

 private:
  class Impl;
  explicit Catalog(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace granary
