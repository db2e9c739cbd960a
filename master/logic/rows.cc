#include "master/logic/rows.h"

#include <array>

namespace quern::master {
namespace {

template <typename Integer>
void AppendBigEndian(Integer value, std::string* key) {
  for (int shift = static_cast<int>(sizeof(Integer)) * 8 - 8; shift >= 0; shift -= 8) {
    key->push_back(static_cast<char>(value >> shift));
  }
}

template <typename Integer>
Integer ReadBigEndian(std::string_view key, size_t offset) {
  Integer value = 0;
  for (size_t i = 0; i < sizeof(Integer) && offset + i < key.size(); ++i) {
    value = static_cast<Integer>(value << 8 | static_cast<unsigned char>(key[offset + i]));
  }
  return value;
}

template <typename... Integers>
std::string Key(Integers... values) {
  std::string key;
  key.reserve((sizeof(Integers) + ...));
  (AppendBigEndian(values, &key), ...);
  return key;
}

}  // namespace

std::string_view TableName(Table table) {
  static constexpr std::array<std::string_view, kTableCount> kNames = {
      "meta",       "inodes",  "dentries", "file_chunks", "chunks",   "open_chunks",
      "open_files", "deleted", "garbage",  "servers",     "requests", "starts"};
  return kNames[static_cast<size_t>(table)];
}

std::string InodeKey(InodeId inode) { return Key(inode.value()); }

std::string DentryKey(InodeId parent, std::string_view name) {
  std::string key;
  key.reserve(sizeof(uint64_t) + name.size());
  AppendBigEndian(parent.value(), &key);
  key.append(name);
  return key;
}

std::string FileChunkKey(InodeId inode, uint32_t ordinal) { return Key(inode.value(), ordinal); }
std::string ChunkKey(ChunkId chunk) { return Key(chunk.value()); }
std::string OpenChunkKey(ServerId server, ChunkId chunk) {
  return Key(server.value(), chunk.value());
}
std::string ServerKey(ServerId server) { return Key(server.value()); }
std::string RequestKey(uint64_t client, uint64_t request) { return Key(client, request); }
std::string StartKey(uint64_t start_id) { return Key(start_id); }

std::string PrefixEnd(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

uint64_t KeyUint64(std::string_view key, size_t offset) {
  return ReadBigEndian<uint64_t>(key, offset);
}
uint32_t KeyUint32(std::string_view key, size_t offset) {
  return ReadBigEndian<uint32_t>(key, offset);
}
std::string_view KeyName(std::string_view key) { return key.substr(sizeof(uint64_t)); }

}  // namespace quern::master
