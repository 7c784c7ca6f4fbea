// What the tests of the Database façade share: a database in memory, and results as text.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "granary/query/database.h"
#include "granary/query/formats/output_format.h"

namespace granary {

// In memory, two threads, no merges by itself; graphs are walked although they are small.
inline std::unique_ptr<Database> OpenInMemory(DatabaseOptions options = {}) {
  options.settings.vector_search_method = VectorSearchMethod::kGraph;
  options.threads = 2;
  options.background_merges = false;
  return Database::Open(std::move(options));
}

// The rows as TabSeparated text.
inline std::string TextOf(Result result) {
  ByteWriter text;
  const auto format = OutputFormat::Create("TabSeparated", result.columns(), text);
  while (std::optional<Block> block = result.Next()) format->WriteBlock(*block);
  format->Finish();
  return {reinterpret_cast<const char*>(text.bytes().data()), text.size()};
}

inline std::string Query(Database& database, std::string_view sql) {
  return TextOf(database.Execute(sql));
}

// The code of the error that the statement fails with, or nothing.
inline std::optional<ErrorCode> FailureOf(Database& database, std::string_view sql) {
  try {
    TextOf(database.Execute(sql));
    return std::nullopt;
  } catch (const Error& error) {
    return error.code();
  }
}

}  // namespace granary
