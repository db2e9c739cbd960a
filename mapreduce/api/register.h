// Makes classes known to the engine by name: QUERN_REGISTER_MAPPER(WordCount);
//
// Each line puts two things into the plugin's shared object:
//  - an ELF note {api version, kind, class name}, which `mr inspect` and the coordinator read
//    without loading the plugin, so that no user code runs outside of a task process;
//  - a factory in the table that the one C entry point, quern_plugin_v1, returns.
#pragma once

#include <cstdint>
#include <type_traits>
#include <vector>

#include "mapreduce/api/mapper.h"
#include "mapreduce/api/partitioner.h"
#include "mapreduce/api/reducer.h"

// Changes when a class of this folder changes its layout or virtual functions.
#define QUERN_API_VERSION 1

namespace quern::internal {

// Numbers are part of the note's format.
enum class ClassKind : uint32_t { kMapper = 1, kReducer = 2, kCombiner = 3, kPartitioner = 4 };

struct PluginClass {
  ClassKind kind;
  const char* name;
  // A new object as its base class (Mapper*, Reducer* for reducers and combiners, Partitioner*).
  void* (*create)();
};

struct PluginTable {
  uint32_t api_version;
  uint32_t class_count;
  const PluginClass* classes;
};

// Hidden, so that two plugins in one process never share it.
__attribute__((visibility("hidden"))) inline std::vector<PluginClass>& RegisteredClasses() {
  static std::vector<PluginClass> classes;
  return classes;
}

template <typename Class, typename Base>
requires std::is_base_of_v<Base, Class>
bool Register(ClassKind kind, const char* name) {
  RegisteredClasses().push_back(
      {kind, name, []() -> void* { return static_cast<Base*>(new Class()); }});
  return true;
}

}  // namespace quern::internal

extern "C" __attribute__((visibility("default"), used)) inline const quern::internal::PluginTable*
quern_plugin_v1() {
  static const quern::internal::PluginTable table = {
      QUERN_API_VERSION, static_cast<uint32_t>(quern::internal::RegisteredClasses().size()),
      quern::internal::RegisteredClasses().data()};
  return &table;
}

#define QUERN_INTERNAL_TEXT_OF(x) #x
#define QUERN_INTERNAL_TEXT(x) QUERN_INTERNAL_TEXT_OF(x)
#define QUERN_INTERNAL_JOIN_OF(a, b) a##b
#define QUERN_INTERNAL_JOIN(a, b) QUERN_INTERNAL_JOIN_OF(a, b)

// Name "Quern", type 1, description {u32 api version, u32 kind, class name, NUL}.
#define QUERN_INTERNAL_NOTE(kind_number, name) \
  __asm__(".pushsection .note.quern, \"a\", %note\n"               \
          ".balign 4\n.long 6\n.long 2f - 1f\n.long 1\n"           \
          ".asciz \"Quern\"\n.balign 4\n"                          \
          "1: .long " QUERN_INTERNAL_TEXT(QUERN_API_VERSION) "\n"  \
          ".long " #kind_number "\n.asciz \"" name "\"\n2:\n"      \
          ".balign 4\n.popsection\n")

#define QUERN_INTERNAL_REGISTER(kind_number, Base, Class)                                  \
  QUERN_INTERNAL_NOTE(kind_number, #Class);                                                \
  [[maybe_unused]] static const bool QUERN_INTERNAL_JOIN(quern_registered_, __COUNTER__) = \
      ::quern::internal::Register<Class, ::quern::Base>(                                   \
          static_cast<::quern::internal::ClassKind>(kind_number), #Class)

#define QUERN_REGISTER_MAPPER(Class) QUERN_INTERNAL_REGISTER(1, Mapper, Class)
#define QUERN_REGISTER_REDUCER(Class) QUERN_INTERNAL_REGISTER(2, Reducer, Class)
#define QUERN_REGISTER_COMBINER(Class) QUERN_INTERNAL_REGISTER(3, Reducer, Class)
#define QUERN_REGISTER_PARTITIONER(Class) QUERN_INTERNAL_REGISTER(4, Partitioner, Class)
