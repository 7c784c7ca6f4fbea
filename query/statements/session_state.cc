#include "granary/query/statements/session_state.h"

#include <string_view>

namespace granary {
namespace {

constexpr std::string_view kParameterPrefix = "param_";

}  // namespace

QuerySettings SessionState::settings() const {
  std::lock_guard lock(mutex_);
  return settings_;
}

Parameters SessionState::parameters() const {
  std::lock_guard lock(mutex_);
  return parameters_;
}

void SessionState::Change(const std::vector<sql::SettingChange>& changes) {
  std::lock_guard lock(mutex_);
  QuerySettings settings = settings_;
  Parameters parameters = parameters_;
  for (const sql::SettingChange& change : changes) {
    if (!change.name.starts_with(kParameterPrefix)) {
      ApplySetting(settings, change.name, change.value);
      continue;
    }
    const std::string name = change.name.substr(kParameterPrefix.size());
    if (change.value.is_string()) {
      parameters.SetText(name, change.value.as_string());
    } else {
      parameters.Set(name, change.value);
    }
  }
  settings_ = std::move(settings);
  parameters_ = std::move(parameters);
}

void SessionState::Set(std::string_view name, const Value& value) {
  std::lock_guard lock(mutex_);
  ApplySetting(settings_, name, value);
}

void SessionState::SetParameter(std::string_view name, std::string_view text) {
  std::lock_guard lock(mutex_);
  parameters_.SetText(name, text);
}

}  // namespace granary
