#include "mapreduce/task/plugin.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <exception>

#include "mapreduce/task/user_code.h"

namespace quern::mr {

namespace {

// Of the first version of API 2: no plugin's structs are smaller.
constexpr size_t kFirstClassBytes = offsetof(quern_class, partition) + sizeof(void*);
constexpr size_t kFirstFoldBytes = offsetof(quern_fold, put) + sizeof(void*);
constexpr size_t kFirstPluginBytes = offsetof(quern_plugin, classes) + sizeof(void*);

// What the kind must have. Kinds that this version does not know are never asked for.
bool IsComplete(const quern_class& each) {
  if (each.name == nullptr) return false;
  switch (each.kind) {
    case QUERN_MAPPER:
      return each.map != nullptr || each.map_batch != nullptr;
    case QUERN_REDUCER:
    case QUERN_COMBINER:
      return each.reduce != nullptr;
    case QUERN_PARTITIONER:
      return each.partition != nullptr;
    case QUERN_FOLD:
      return each.fold != nullptr && each.fold->size >= kFirstFoldBytes &&
             each.fold->init != nullptr && each.fold->add != nullptr &&
             each.fold->merge != nullptr && each.fold->put != nullptr &&
             each.fold->state_bytes <= QUERN_MAX_STATE_BYTES;
    default:
      return true;
  }
}

// The class in this version's layout.
absl::StatusOr<quern_class> ReadClass(const std::string& path, const quern_class* given) {
  if (given == nullptr || given->size < kFirstClassBytes) {
    return InvalidArgumentError("{}: a class of {} bytes, API 2 has at least {}", path,
                                given == nullptr ? 0 : given->size, kFirstClassBytes);
  }
  quern_class known = {};
  std::memcpy(&known, given, std::min<size_t>(given->size, sizeof(known)));
  if (!IsComplete(known)) {
    return InvalidArgumentError("{}: class '{}' lacks the function that its kind needs", path,
                                known.name == nullptr ? "" : known.name);
  }
  return known;
}

// The constructors of the plugin's own statics run here.
absl::StatusOr<void*> Open(const std::string& path) {
  try {
    return dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  } catch (const std::exception& error) {
    return UserError(fmt::format("loading the plugin failed: {}", error.what()));
  } catch (...) {
    return UserError("loading the plugin failed: a static's constructor threw");
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Plugin>> Plugin::Load(const std::string& path) {
  ASSIGN_OR_RETURN(PluginInfo info, ReadPlugin(path));
  ASSIGN_OR_RETURN(void* const handle, Open(path));
  if (handle == nullptr) return FailedPreconditionError("plugin cannot be loaded: {}", dlerror());
  using Entry = const quern_plugin* (*)();
  const auto entry = reinterpret_cast<Entry>(dlsym(handle, "quern_plugin_v2"));
  if (entry == nullptr) return InvalidArgumentError("{}: has no quern_plugin_v2", path);
  return Of(path, std::move(info), entry());
}

absl::StatusOr<std::unique_ptr<Plugin>> Plugin::Of(const std::string& path, PluginInfo info,
                                                   const quern_plugin* table) {
  if (table == nullptr || table->size < kFirstPluginBytes) {
    return InvalidArgumentError("{}: quern_plugin_v2 returns no plugin", path);
  }
  std::unique_ptr<Plugin> plugin(new Plugin(path, std::move(info)));
  for (uint32_t i = 0; i < table->class_count; ++i) {
    ASSIGN_OR_RETURN(plugin->classes_.emplace_back(), ReadClass(path, table->classes[i]));
  }
  return plugin;
}

const quern_class* Plugin::FindIfThere(ClassKind kind, std::string_view name) const {
  for (const quern_class& each : classes_) {
    if (each.kind == static_cast<uint32_t>(kind) && each.name == name) return &each;
  }
  return nullptr;
}

absl::StatusOr<const quern_class*> Plugin::Find(ClassKind kind, std::string_view name) const {
  if (const quern_class* const there = FindIfThere(kind, name)) return there;
  RETURN_IF_ERROR(CheckHasClass(info_, kind, name));
  return InvalidArgumentError("{}: '{}' has a note, but quern_plugin_v2 does not list it", path_,
                              name);
}

}  // namespace quern::mr
