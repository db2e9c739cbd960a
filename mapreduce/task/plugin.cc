#include "mapreduce/task/plugin.h"

#include <dlfcn.h>

namespace quern::mr {

absl::StatusOr<std::unique_ptr<Plugin>> Plugin::Load(const std::string& path) {
  ASSIGN_OR_RETURN(PluginInfo info, ReadPlugin(path));
  void* const handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return FailedPreconditionError("plugin cannot be loaded: {}", dlerror());
  using Entry = const internal::PluginTable* (*)();
  const auto entry = reinterpret_cast<Entry>(dlsym(handle, "quern_plugin_v1"));
  if (entry == nullptr) return InvalidArgumentError("{}: has no quern_plugin_v1", path);
  const internal::PluginTable* const table = entry();
  if (table->api_version != QUERN_API_VERSION) {
    return InvalidArgumentError("{}: built for API version {}, this is {}", path,
                                table->api_version, QUERN_API_VERSION);
  }
  return std::unique_ptr<Plugin>(new Plugin(path, std::move(info), table));
}

template <typename Base>
absl::StatusOr<std::unique_ptr<Base>> Plugin::New(ClassKind kind, std::string_view name) const {
  for (uint32_t i = 0; i < table_->class_count; ++i) {
    const internal::PluginClass& entry = table_->classes[i];
    if (static_cast<ClassKind>(entry.kind) == kind && entry.name == name) {
      return std::unique_ptr<Base>(static_cast<Base*>(entry.create()));
    }
  }
  RETURN_IF_ERROR(CheckHasClass(info_, kind, name));
  return InternalError("{}: '{}' has a note but no factory", path_, name);
}

absl::StatusOr<std::unique_ptr<Mapper>> Plugin::NewMapper(std::string_view name) const {
  return New<Mapper>(ClassKind::kMapper, name);
}
absl::StatusOr<std::unique_ptr<Reducer>> Plugin::NewReducer(std::string_view name) const {
  return New<Reducer>(ClassKind::kReducer, name);
}
absl::StatusOr<std::unique_ptr<Reducer>> Plugin::NewCombiner(std::string_view name) const {
  return New<Reducer>(ClassKind::kCombiner, name);
}
absl::StatusOr<std::unique_ptr<Partitioner>> Plugin::NewPartitioner(std::string_view name) const {
  return New<Partitioner>(ClassKind::kPartitioner, name);
}

}  // namespace quern::mr
