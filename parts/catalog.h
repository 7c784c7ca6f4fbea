// Which tables a database has: table name -> directory. CREATE, DROP and RENAME TABLE are records
// of the catalogue's own log, so that each happens whole or not at all.
//
//   <database>/lock           held by whoever has the database open for writing
//   <database>/catalog        the log
//   <database>/tables/<id>/   one TableStore each; ids are never used again
//   <database>/detached/<id>  a table that no record names, but that may be missed
//   <database>/readers/       what readers beside the writer hold (reader_lease.h)
//
// Thread-safe. Names are case-sensitive.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "granary/parts/deferred_removals.h"
#include "granary/parts/file_system.h"
#include "granary/parts/log_format.h"
#include "granary/table/task_context.h"

namespace granary {

// Where a table is, and whose its commit log has to be.
struct CatalogTable {
  std::string directory;
  LogOwner owner;
};

class Catalog {
 public:
  // Opens a database directory; makes it if it does not exist and not read_only. Throws
  // DIRECTORY_IS_LOCKED if it is open for writing elsewhere, FILE_DOESNT_EXIST if read_only finds
  // no database, CORRUPTED_DATA if the catalogue is damaged, or missing where there are tables. The
  // writer deletes table directories that no record names; where the catalogue may have lost the
  // record they go to detached/ in the database's directory, with a warning.
  static std::unique_ptr<Catalog> Open(std::shared_ptr<FileSystem> files,
                                       const std::string& directory, bool read_only,
                                       const TaskContext& context);
  ~Catalog();

  // The name of a table by what its directory says of itself; empty if it says nothing.
  using NameOf = std::function<std::string(const std::string& definition)>;
  // Writes a new catalogue from what can be read of the old one and from the tables' directories,
  // if it cannot be opened as it is; to be called before Open. Tells in sentences what it did;
  // empty: the catalogue is whole, or there is no database. Throws DIRECTORY_IS_LOCKED.
  static std::vector<std::string> Restore(const std::shared_ptr<FileSystem>& files,
                                          const std::string& directory, const NameOf& name_of);

  // Another text once a table has come, gone or got another name.
  static std::string Fingerprint(FileSystem& files, const std::string& directory);

  // Where everything goes that the writer deletes and a reader may need.
  const std::shared_ptr<DeferredRemovals>& removals() const;

  // By name, as of now.
  std::map<std::string, CatalogTable> tables() const;

  // Calls `make` with the place of the new table, whose directory does not exist yet
  // (TableStore::Create), then records the table. Throws TABLE_ALREADY_EXISTS. If anything throws,
  // the table does not exist and its directory goes.
  void Create(const std::string& name, const std::function<void(const CatalogTable& place)>& make);
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
