#include "deploy/local/cluster_dir.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "common/shell_words.h"
#include "common/sizes.h"
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
  } catch (const json::exception&) {
    return DataLossError(
        "{}: {}. Try: quern up --dir {}, which makes it anew; the data are not in it", path,
        text->empty() ? "is empty" : "is damaged", ShellQuoted(ParentDir(path)));
  }
}

std::string ToText(const json& value) {
  return value.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

// N of the name PREFIX-N of a server's directory.
std::optional<int> NumberIn(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return std::nullopt;
  const auto number = ParseNumber(name.substr(prefix.size()), {1, 1000});
  if (!number.ok()) return std::nullopt;
  return static_cast<int>(*number);
}

// How many there are of a kind: the highest N of the directories PREFIX-N.
int CountServers(const std::vector<std::string>& names, std::string_view prefix) {
  int count = 0;
  for (const std::string& name : names) {
    count = std::max(count, NumberIn(name, prefix).value_or(0));
  }
  return count;
}

constexpr absl::Duration kSupervisorEnds = absl::Seconds(1);

// True when the supervisor that was the last here is at its end.
bool SupervisorEnds(const ClusterDir& dir) {
  const auto state = dir.LoadState();
  return state.ok() && state->has_value() && (*state)->supervisor.AwaitEnd(kSupervisorEnds);
}

}  // namespace

std::string ClusterDir::Default() { return HomeDir() + "/.quern"; }

absl::StatusOr<ClusterDir> ClusterDir::At(std::string_view dir) {
  if (dir.empty()) return InvalidArgumentError("the name of the cluster's directory is empty");
  std::error_code error;
  const std::filesystem::path path = std::filesystem::absolute(std::string(dir), error);
  if (error) return ErrnoStatus(error.value(), dir);
  std::string text = path.lexically_normal().string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return ClusterDir(std::move(text));
}

std::string ClusterDir::file(std::string_view name) const {
  return fmt::format("{}/{}", path_, name);
}

std::string ClusterDir::Relative(std::string_view path) const {
  const std::string prefix = path_ + "/";
  return std::string(path.starts_with(prefix) ? path.substr(prefix.size()) : path);
}

std::string ClusterDir::Absolute(std::string_view path) const {
  return path.empty() || path.starts_with('/') ? std::string(path) : file(path);
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

absl::StatusOr<std::string> ClusterDir::CopyUnreadableConfig() const {
  FileSystem* const fs = FileSystem::Real();
  ASSIGN_OR_RETURN(const std::string text, ReadFileToString(fs, file("cluster.json")));
  ASSIGN_OR_RETURN(const std::vector<std::string> names, fs->List(path_));
  const std::string first = "cluster.json.unreadable";
  std::string name = first;
  for (int n = 2; std::ranges::find(names, name) != names.end(); ++n) {
    name = fmt::format("{}.{}", first, n);
  }
  // A copy, not a rename: without a cluster.json an `up` that ends here would be taken for none,
  // and the next one would not look at the directories.
  RETURN_IF_ERROR(WriteFileDurably(fs, file(name), text));
  return file(name);
}

absl::StatusOr<ClusterConfig> ClusterDir::GuessConfig() const {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, FileSystem::Real()->List(path_));
  ClusterConfig config;
  if (const int servers = CountServers(names, "chunkserver"); servers > 0) {
    config.chunkservers = servers;
    config.workers = CountServers(names, "worker");
  }
  config.replication = std::min(config.replication, config.chunkservers);
  config.port_base = 0;
  return config;
}

std::vector<int> ClusterDir::ChunkserversBeyond(int count) const {
  std::vector<int> beyond;
  for (const std::string& name :
       FileSystem::Real()->List(path_).value_or(std::vector<std::string>())) {
    const std::optional<int> number = NumberIn(name, "chunkserver");
    if (!number.has_value() || *number <= count) continue;
    const auto held = FileSystem::Real()->List(file(name));
    if (held.ok() && !held->empty()) beyond.push_back(*number);
  }
  std::ranges::sort(beyond);
  return beyond;
}

std::vector<std::string> ClusterDir::AllOfChunkserver(int number) const {
  const std::string name = fmt::format("chunkserver{}", number);
  const std::filesystem::path dir(path_);
  std::vector<std::string> all = {file(name)};
  for (const std::filesystem::path& note :
       {dir / fmt::format(".{}.quern-disk", name),
        dir.parent_path() / fmt::format(".{}.{}.quern-disk", dir.filename().string(), name)}) {
    std::error_code error;
    if (std::filesystem::exists(note, error)) all.push_back(note.string());
  }
  return all;
}

absl::StatusOr<std::optional<ClusterState>> ClusterDir::LoadState() const {
  return LoadJson<ClusterState>(file("state.json"), [this](const json& value) {
    ClusterState state;
    state.supervisor = IdentityFrom(value.at("supervisor"));
    state.up = value.at("up");
    for (const json& entry : value.at("servers")) {
      ServerRecord& server = state.servers.emplace_back(ServerFrom(entry));
      server.dir = Absolute(server.dir);
      server.log = Absolute(server.log);
    }
    return state;
  });
}

absl::Status ClusterDir::SaveState(const ClusterState& state) const {
  json servers = json::array();
  for (ServerRecord server : state.servers) {
    server.dir = Relative(server.dir);
    server.log = Relative(server.log);
    servers.push_back(ToJson(server));
  }
  const json value = {
      {"supervisor", ToJson(state.supervisor)}, {"up", state.up}, {"servers", servers}};
  return WriteFileDurably(FileSystem::Real(), file("state.json"), ToText(value));
}

absl::StatusOr<UniqueFd> ClusterDir::Lock() const {
  const std::string path = file("lock");
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd) return ErrnoStatus(errno, path);
  const auto held = [&fd] { return flock(fd.get(), LOCK_EX | LOCK_NB) != 0; };
  // A supervisor that was killed a moment ago holds it until the kernel has ended it.
  if (held() && (!SupervisorEnds(*this) || held())) {
    return FailedPreconditionError(
        "{}: a cluster is running here already. Try: quern status --dir {}, or quern down --dir {}",
        path_, ShellQuoted(path_), ShellQuoted(path_));
  }
  return fd;
}

std::optional<ClusterAddresses> FindAddresses(const std::optional<ClusterState>& state,
                                              const std::optional<ClusterConfig>& config) {
  ClusterAddresses found;
  if (state.has_value() && state->supervisor.IsAlive()) {
    for (const ServerRecord& server : state->servers) {
      if (server.name == "master") found.master = server.rpc;
      if (server.name == "coordinator") found.coordinator = server.rpc;
    }
    found.starting = !state->up;
    if (!found.master.empty() && !found.coordinator.empty()) return found;
  }
  if (!config.has_value()) return std::nullopt;
  const auto master = config->ports.find("master");
  const auto coordinator = config->ports.find("coordinator");
  if (master == config->ports.end() || coordinator == config->ports.end()) return std::nullopt;
  return ClusterAddresses{.master = fmt::format("127.0.0.1:{}", master->second.rpc),
                          .coordinator = fmt::format("127.0.0.1:{}", coordinator->second.rpc),
                          .starting = false};
}

}  // namespace quern::local
