#include "deploy/local/cluster_dir.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "common/storage/file_io.h"

namespace quern::local {
namespace {

using nlohmann::json;

std::string HomeDir() {
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') return home;
  const passwd* user = getpwuid(getuid());
  return user == nullptr ? "/" : user->pw_dir;
}

json ToJson(const ProcessIdentity& process) {
  return {{"pid", process.pid}, {"start_ticks", process.start_ticks}};
}
ProcessIdentity IdentityFrom(const json& value) {
  return {value.at("pid").get<pid_t>(), value.at("start_ticks").get<uint64_t>()};
}

json ToJson(const ServerRecord& server) {
  return {{"role", server.role},
          {"name", server.name},
          {"node", server.node},
          {"rpc", server.rpc},
          {"http", server.http},
          {"dir", server.dir},
          {"log", server.log},
          {"state", server.state},
          {"process", ToJson(server.process)},
          {"restarts", server.restarts},
          {"last_exit", server.last_exit}};
}
ServerRecord ServerFrom(const json& value) {
  ServerRecord server;
  server.role = value.at("role");
  server.name = value.at("name");
  server.node = value.at("node");
  server.rpc = value.at("rpc");
  server.http = value.at("http");
  server.dir = value.at("dir");
  server.log = value.at("log");
  server.state = value.at("state");
  server.process = IdentityFrom(value.at("process"));
  server.restarts = value.at("restarts");
  server.last_exit = value.at("last_exit");
  return server;
}

// nlohmann-json throws on bad text; nothing of it leaves this file.
template <typename T, typename Parse>
absl::StatusOr<std::optional<T>> LoadJson(const std::string& path, Parse parse) {
  const auto text = ReadFileToString(FileSystem::Real(), path);
  if (absl::IsNotFound(text.status())) return std::optional<T>();
  RETURN_IF_ERROR(text.status());
  try {
    return std::optional<T>(parse(json::parse(*text)));
  } catch (const json::exception& error) {
    return DataLossError("{}: not readable: {}. Try: move it away; the servers' data are beside it",
                         path, error.what());
  }
}

std::string ToText(const json& value) {
  return value.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

// Readers see the old file or the new one. Not synced: no process outlives the machine.
absl::Status ReplaceFile(const std::string& path, std::string_view bytes) {
  const std::string temporary = path + ".new";
  std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
  out << bytes;
  out.close();
  if (!out || rename(temporary.c_str(), path.c_str()) != 0) return ErrnoStatus(errno, path);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ClusterDir> ClusterDir::At(std::string_view dir) {
  std::error_code error;
  const std::filesystem::path path =
      std::filesystem::absolute(dir.empty() ? HomeDir() + "/.quern" : std::string(dir), error);
  if (error) return ErrnoStatus(error.value(), dir);
  std::string text = path.lexically_normal().string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return ClusterDir(std::move(text));
}

std::string ClusterDir::file(std::string_view name) const {
  return fmt::format("{}/{}", path_, name);
}

absl::Status ClusterDir::Make() const { return FileSystem::Real()->MakeDirs(file("logs")); }

absl::StatusOr<std::optional<ClusterConfig>> ClusterDir::LoadConfig() const {
  return LoadJson<ClusterConfig>(file("cluster.json"), [](const json& value) {
    ClusterConfig config;
    config.chunkservers = value.at("chunkservers");
    config.workers = value.at("workers");
    config.replication = value.at("replication");
    config.port_base = value.at("port_base");
    for (const auto& [name, ports] : value.at("ports").items()) {
      config.ports[name] = {ports.at("rpc"), ports.at("http")};
    }
    return config;
  });
}

absl::Status ClusterDir::SaveConfig(const ClusterConfig& config) const {
  json ports = json::object();
  for (const auto& [name, pair] : config.ports) {
    ports[name] = {{"rpc", pair.rpc}, {"http", pair.http}};
  }
  const json value = {{"chunkservers", config.chunkservers},
                      {"workers", config.workers},
                      {"replication", config.replication},
                      {"port_base", config.port_base},
                      {"ports", ports}};
  return WriteFileDurably(FileSystem::Real(), file("cluster.json"), ToText(value));
}

absl::StatusOr<std::optional<ClusterState>> ClusterDir::LoadState() const {
  return LoadJson<ClusterState>(file("state.json"), [](const json& value) {
    ClusterState state;
    state.supervisor = IdentityFrom(value.at("supervisor"));
    state.up = value.at("up");
    for (const json& server : value.at("servers")) state.servers.push_back(ServerFrom(server));
    return state;
  });
}

absl::Status ClusterDir::SaveState(const ClusterState& state) const {
  json servers = json::array();
  for (const ServerRecord& server : state.servers) servers.push_back(ToJson(server));
  const json value = {
      {"supervisor", ToJson(state.supervisor)}, {"up", state.up}, {"servers", servers}};
  return ReplaceFile(file("state.json"), ToText(value));
}

absl::StatusOr<UniqueFd> ClusterDir::Lock() const {
  const std::string path = file("lock");
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd) return ErrnoStatus(errno, path);
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return FailedPreconditionError(
        "{}: a cluster is running here already. Try: quern status --dir {}, or quern down --dir {}",
        path_, path_, path_);
  }
  return fd;
}

}  // namespace quern::local
