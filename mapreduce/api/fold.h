// Folds: what is made of a key's values, said as one state that the values are added to.
//
//   struct Sum {
//     using State = int64_t;
//     static void Add(State& state, std::string_view value) { state += quern::ParseInt(value); }
//     static void Merge(State& state, const State& other) { state += other; }
//     static void Put(const State& state, quern::FoldOutput& out) { out.Emit(state); }
//   };
//   QUERN_REGISTER_FOLD(Sum);
//
// A fold is reducer and combiner in one: `[reduce] class = "Sum"`. Map tasks keep one state a key
// and send states, not values, so nothing is held in lists and nothing is written as text on the
// way. A state begins as State(), is copied as its bytes, and is added to and merged in any order.
#pragma once

#include <cstdint>
#include <new>
#include <string_view>
#include <type_traits>

#include "mapreduce/api/boundary.h"
#include "mapreduce/api/field.h"
#include "mapreduce/api/parse.h"
#include "mapreduce/api/quern.h"
#include "mapreduce/api/task_context.h"

namespace quern {

// Where Put emits to.
class FoldOutput {
 public:
  FoldOutput(quern_task* task, quern_bytes key) : task_(task), key_(key) {}
  std::string_view key() const { return internal::View(key_); }
  void Emit(const Field& value) { internal::Emit(task_->output, key(), value.bytes()); }
  void Emit(const Field& key, const Field& value) {
    internal::Emit(task_->output, key.bytes(), value.bytes());
  }
  // Of the reduce task, for parameters, counters and other outputs:
  //   out.context().output("rare")->Emit(out.key(), state);
  TaskContext context() const { return TaskContext(task_); }

 private:
  quern_task* const task_;
  const quern_bytes key_;
};

// The sum of whole numbers.
struct SumOf {
  using State = int64_t;
  static void Add(State& state, std::string_view value) { state += ParseInt(value); }
  // Optional: the same value several times at once.
  static void Add(State& state, std::string_view value, uint64_t times) {
    state += ParseInt(value) * static_cast<int64_t>(times);
  }
  static void Merge(State& state, const State& other) { state += other; }
  static void Put(const State& state, FoldOutput& out) { out.Emit(state); }
};

namespace internal {

template <typename F>
struct FoldFunctions {
  using State = typename F::State;
  static_assert(std::is_trivially_copyable_v<State>, "states are copied as bytes");
  static_assert(sizeof(State) <= QUERN_MAX_STATE_BYTES && alignof(State) <= 8);

  static State& Of(void* state) { return *std::launder(static_cast<State*>(state)); }
  static const State& Of(const void* state) {
    return *std::launder(static_cast<const State*>(state));
  }

  static void Init(void* state) noexcept { new (state) State(); }
  static int Add(void*, quern_task* task, void* state, const char* value, size_t size,
                 uint64_t repeats) noexcept {
    return Guard(task, [=] { AddAll(Of(state), {value, size}, repeats); });
  }
  static int Merge(void*, quern_task* task, void* state, const void* other) noexcept {
    return Guard(task, [=] { F::Merge(Of(state), Of(other)); });
  }
  static int Put(void*, quern_task* task, const void* state, quern_bytes key) noexcept {
    return Guard(task, [=] {
      FoldOutput out(task, key);
      F::Put(Of(state), out);
    });
  }
  static void AddAll(State& state, std::string_view value, uint64_t repeats) {
    if constexpr (requires { F::Add(state, value, repeats); }) {
      F::Add(state, value, repeats);
    } else {
      for (; repeats > 0; --repeats) F::Add(state, value);
    }
  }
};

template <typename F>
quern_class MakeFold(const char* name) {
  using Functions = FoldFunctions<F>;
  static constexpr quern_fold kFold = {sizeof(quern_fold), sizeof(typename F::State),
                                       Functions::Init,    Functions::Add,
                                       Functions::Merge,   Functions::Put};
  quern_class made = {};
  made.size = sizeof(made);
  made.api = QUERN_API_VERSION;
  made.kind = QUERN_FOLD;
  made.name = name;
  made.fold = &kFold;
  return made;
}

}  // namespace internal
}  // namespace quern
