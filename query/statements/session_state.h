// What a Session keeps from statement to statement. Thread-safe.
#pragma once

#include <mutex>
#include <string>

#include "granary/query/expressions/parameters.h"
#include "granary/query/sql/ast.h"
#include "granary/table/settings.h"

namespace granary {

class SessionState {
 public:
  explicit SessionState(QuerySettings settings) : settings_(std::move(settings)) {}

  QuerySettings settings() const;
  Parameters parameters() const;
  // All changes or, if one is wrong, none. Names that begin with "param_" set parameters.
  void Change(const std::vector<sql::SettingChange>& changes);
  void Set(std::string_view name, const Value& value);
  void SetParameter(std::string_view name, std::string_view text);

 private:
  mutable std::mutex mutex_;
  QuerySettings settings_;
  Parameters parameters_;
};

}  // namespace granary
