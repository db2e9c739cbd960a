#include "mapreduce/plan/plugin_info.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "common/cli/cli.h"
#include "common/hash.h"
#include "common/storage/file_io.h"

namespace quern::mr {

namespace {

// A T at `offset`, or nothing when it would lie outside.
template <typename T>
std::optional<T> At(std::string_view bytes, uint64_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

bool Inside(std::string_view bytes, uint64_t offset, uint64_t size) {
  return offset <= bytes.size() && size <= bytes.size() - offset;
}

uint64_t Align4(uint64_t n) { return (n + 3) & ~uint64_t{3}; }

absl::Status CheckHeader(std::string_view name, std::string_view bytes) {
  const auto header = At<Elf64_Ehdr>(bytes, 0);
  if (bytes.substr(0, SELFMAG) != std::string_view(ELFMAG, SELFMAG)) {
    return InvalidArgumentError(
        "{}: not a plugin: not an ELF file. Try: mr run JOB.cc, or g++ -shared", name);
  }
  if (!header) return InvalidArgumentError("{}: truncated: {} bytes", name, bytes.size());
  if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != EM_X86_64) {
    return InvalidArgumentError("{}: not a plugin: made for another kind of machine", name);
  }
  if (header->e_type != ET_DYN) {
    return InvalidArgumentError("{}: not a shared object. Try: g++ -shared -fPIC", name);
  }
  // Linkers put the section headers last: with them the file is whole.
  if (!Inside(bytes, header->e_shoff, uint64_t{header->e_shnum} * sizeof(Elf64_Shdr)) ||
      !Inside(bytes, header->e_phoff, uint64_t{header->e_phnum} * sizeof(Elf64_Phdr))) {
    return InvalidArgumentError("{}: truncated: its headers lie beyond its {} bytes", name,
                                bytes.size());
  }
  for (uint32_t i = 0; i < header->e_phnum; ++i) {
    const auto segment = At<Elf64_Phdr>(bytes, header->e_phoff + i * sizeof(Elf64_Phdr));
    if (!Inside(bytes, segment->p_offset, segment->p_filesz)) {
      return InvalidArgumentError("{}: truncated: segment {} lies beyond its {} bytes", name, i,
                                  bytes.size());
    }
  }
  return absl::OkStatus();
}

// One note's description: {u32 api version, u32 kind, class name, NUL}.
void AddClass(std::string_view description, PluginInfo* info) {
  const auto version = At<uint32_t>(description, 0);
  const auto kind = At<uint32_t>(description, 4);
  if (!kind || *kind < QUERN_MAPPER || *kind > QUERN_FOLD) return;
  const std::string_view text = description.substr(8);
  info->api_version = *version;
  info->classes.push_back(
      {static_cast<ClassKind>(*kind), std::string(text.substr(0, text.find('\0')))});
}

void ParseNotes(std::string_view notes, PluginInfo* info) {
  uint64_t at = 0;
  while (const auto note = At<Elf64_Nhdr>(notes, at)) {
    const uint64_t name_at = at + sizeof(Elf64_Nhdr);
    const uint64_t description_at = name_at + Align4(note->n_namesz);
    if (!Inside(notes, description_at, note->n_descsz)) return;
    if (notes.substr(name_at, note->n_namesz) == std::string_view("Quern\0", 6)) {
      AddClass(notes.substr(description_at, note->n_descsz), info);
    }
    at = description_at + Align4(note->n_descsz);
  }
}

// The flag of `mr run` that names a class of this kind.
std::string_view ClassFlag(ClassKind kind) {
  return kind == ClassKind::kFold ? "reducer" : ClassKindName(kind);
}

}  // namespace

std::string_view ClassKindName(ClassKind kind) {
  switch (kind) {
    case ClassKind::kMapper:
      return "mapper";
    case ClassKind::kReducer:
      return "reducer";
    case ClassKind::kCombiner:
      return "combiner";
    case ClassKind::kPartitioner:
      return "partitioner";
    case ClassKind::kFold:
      return "fold";
  }
  return "class";
}

std::vector<std::string> PluginInfo::Names(ClassKind kind) const {
  std::vector<std::string> names;
  for (const Class& each : classes) {
    if (each.kind == kind) names.push_back(each.name);
  }
  return names;
}

absl::StatusOr<PluginInfo> ParsePlugin(std::string_view name, std::string_view bytes) {
  RETURN_IF_ERROR(CheckHeader(name, bytes));
  PluginInfo info;
  const Elf64_Ehdr header = *At<Elf64_Ehdr>(bytes, 0);
  for (uint32_t i = 0; i < header.e_phnum; ++i) {
    const auto segment = *At<Elf64_Phdr>(bytes, header.e_phoff + i * sizeof(Elf64_Phdr));
    if (segment.p_type != PT_NOTE) continue;
    ParseNotes(bytes.substr(segment.p_offset, segment.p_filesz), &info);
  }
  if (info.classes.empty()) {
    return InvalidArgumentError(
        "{}: a shared object without classes. Try: QUERN_REGISTER_MAPPER(YourMapper);", name);
  }
  if (info.api_version != QUERN_API_VERSION) {
    return InvalidArgumentError(
        "{}: built for API version {}, this Quern has {}. Try: build it again", name,
        info.api_version, QUERN_API_VERSION);
  }
  info.size_bytes = bytes.size();
  info.hash = HashBytes128(bytes).ToString();
  return info;
}

absl::StatusOr<PluginInfo> ReadPlugin(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFileToString(FileSystem::Real(), path));
  return ParsePlugin(path, bytes);
}

bool HasClass(const PluginInfo& plugin, ClassKind kind, std::string_view name) {
  const std::vector<std::string> names = plugin.Names(kind);
  return std::find(names.begin(), names.end(), name) != names.end();
}

absl::Status CheckHasClass(const PluginInfo& plugin, ClassKind kind, std::string_view name) {
  if (HasClass(plugin, kind, name)) return absl::OkStatus();
  const std::vector<std::string> names = plugin.Names(kind);
  const std::string near = DidYouMean(name, names);
  if (!near.empty()) {
    return NotFoundError("no {} '{}' in the plugin. Did you mean '{}'?", ClassKindName(kind), name,
                         near);
  }
  return NotFoundError("no {} '{}' in the plugin: it has {}", ClassKindName(kind), name,
                       names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")));
}

absl::StatusOr<std::string> OnlyClass(const PluginInfo& plugin, ClassKind kind) {
  std::vector<std::string> names = plugin.Names(kind);
  if (names.empty()) return NotFoundError("the plugin has no {}", ClassKindName(kind));
  if (names.size() > 1) {
    return FailedPreconditionError("the plugin has several {}s: {}. Try: --{} {}",
                                   ClassKindName(kind), fmt::join(names, ", "), ClassFlag(kind),
                                   names.front());
  }
  return std::move(names.front());
}

}  // namespace quern::mr
