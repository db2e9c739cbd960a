// Makes classes known to the engine by name: QUERN_REGISTER_MAPPER(WordCount);
//
// Each line puts two things into the plugin's shared object:
//  - an ELF note {api version, kind, class name}, which `mr inspect` and the coordinator read
//    without loading the plugin, so that no user code runs outside of a task process;
//  - the class's C functions in the table that the one entry point, quern_plugin_v2, returns.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "mapreduce/api/class_table.h"
#include "mapreduce/api/fold.h"
#include "mapreduce/api/quern.h"

namespace quern::internal {

struct Registered {
  std::deque<quern_class> classes;  // never move
  std::vector<const quern_class*> pointers;
};

// Hidden, so that two plugins in one process never share it.
__attribute__((visibility("hidden"))) inline Registered& RegisteredClasses() {
  static Registered registered;
  return registered;
}

inline bool Register(const quern_class& made) {
  Registered& registered = RegisteredClasses();
  registered.pointers.push_back(&registered.classes.emplace_back(made));
  return true;
}

// MakeClass in a form without a comma, for macros.
template <typename Base>
struct MakeKind {
  template <typename Class>
  static quern_class Of(uint32_t kind, const char* name) {
    return MakeClass<Class, Base>(kind, name);
  }
};
template <typename Class>
quern_class MakeCombiner(const char* name) {
  return MakeClass<Class, CombinerBase<Class>>(QUERN_COMBINER, name);
}

// Hidden too: a static of the entry point itself would be one object in all plugins of a process.
__attribute__((visibility("hidden"))) inline const quern_plugin* RegisteredPlugin() {
  static const auto& pointers = RegisteredClasses().pointers;
  static const quern_plugin plugin = {sizeof(plugin), QUERN_API_VERSION,
                                      static_cast<uint32_t>(pointers.size()), 0, pointers.data()};
  return &plugin;
}

}  // namespace quern::internal

extern "C" __attribute__((visibility("default"), used)) inline const quern_plugin* quern_plugin_v2(
    void) {
  return quern::internal::RegisteredPlugin();
}

#define QUERN_INTERNAL_JOIN_OF(a, b) a##b
#define QUERN_INTERNAL_JOIN(a, b) QUERN_INTERNAL_JOIN_OF(a, b)

#define QUERN_INTERNAL_REGISTER(kind, Class, made)                                         \
  QUERN_NOTE(kind, #Class)                                                                 \
  [[maybe_unused]] static const bool QUERN_INTERNAL_JOIN(quern_registered_, __COUNTER__) = \
      ::quern::internal::Register(::quern::internal::made)

#define QUERN_INTERNAL_REGISTER_AS(kind, Base, Class) \
  QUERN_INTERNAL_REGISTER(kind, Class, MakeKind<::quern::Base>::Of<Class>(kind, #Class))

#define QUERN_REGISTER_MAPPER(Class) QUERN_INTERNAL_REGISTER_AS(QUERN_MAPPER, Mapper, Class)
#define QUERN_REGISTER_REDUCER(Class) QUERN_INTERNAL_REGISTER_AS(QUERN_REDUCER, Reducer, Class)
#define QUERN_REGISTER_PARTITIONER(Class) \
  QUERN_INTERNAL_REGISTER_AS(QUERN_PARTITIONER, Partitioner, Class)
// A quern::Combiner, or a quern::Reducer that combines as well.
#define QUERN_REGISTER_COMBINER(Class) \
  QUERN_INTERNAL_REGISTER(QUERN_COMBINER, Class, MakeCombiner<Class>(#Class))
// Reducer and combiner in one; see fold.h.
#define QUERN_REGISTER_FOLD(Class) \
  QUERN_INTERNAL_REGISTER(QUERN_FOLD, Class, MakeFold<Class>(#Class))
