#include "mapreduce/cli/plugin_upload.h"

#include "client/file_system.h"
#include "common/storage/file_io.h"

namespace quern::mr {

absl::StatusOr<pb::JobSpec::Plugin> UploadPlugin(const std::vector<std::string>& masters,
                                                 const std::string& local_path,
                                                 const PluginInfo& plugin, Clock* clock) {
  pb::JobSpec::Plugin uploaded;
  uploaded.set_path(fmt::format("/.quern/plugins/{}.so", plugin.hash));
  uploaded.set_size_bytes(plugin.size_bytes);
  uploaded.set_hash(plugin.hash);
  client::ClientOptions options;
  options.masters = masters;
  options.clock = clock;
  const auto dfs = client::FileSystem::Create(options);
  const absl::StatusOr<client::FileStatus> there = dfs->Stat(uploaded.path());
  if (there.ok() && there->length == plugin.size_bytes) {
    // As good as new: the coordinator removes old ones that no job uses. One that it has removed
    // just now is uploaded again.
    client::AttributeChange touch;
    touch.mtime = clock->TimeNow();
    const absl::Status touched = dfs->SetAttributes(uploaded.path(), touch).status();
    if (touched.code() != absl::StatusCode::kNotFound) return uploaded;
  }
  if (!there.ok() && there.status().code() != absl::StatusCode::kNotFound) return there.status();
  ASSIGN_OR_RETURN(const std::string bytes, ReadFileToString(FileSystem::Real(), local_path));
  client::CreateOptions create;
  create.create_parents = true;
  create.overwrite = true;  // another upload of the same bytes may come first
  ASSIGN_OR_RETURN(const auto writer, dfs->Create(uploaded.path(), create));
  RETURN_IF_ERROR(writer->Append(bytes));
  RETURN_IF_ERROR(Annotate(writer->Close().status(), "upload the plugin"));
  return uploaded;
}

}  // namespace quern::mr
