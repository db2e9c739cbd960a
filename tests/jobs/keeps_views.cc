// Classes that do with what they are lent what they must not: params.how says which.
#include <cstdlib>
#include <string>
#include <string_view>

#include "mapreduce/api/mapreduce.h"

namespace {

// Emits each line under its first byte.
class KeepsViews : public quern::Mapper {
 public:
  ~KeepsViews() override {
    if (how_ == "end" && kept_.front() == 'x') std::abort();
  }
  void Start(quern::TaskContext& context) override { how_ = context.param("how"); }
  void Map(const quern::MapInput& in) override {
    const std::string_view value = in.value();
    if (!kept_.empty() && how_ != "end") Emit("kept", kept_);
    if (how_ == "value" || how_ == "end") kept_ = value;
    if (how_ == "key") kept_ = in.key();
    if (how_ == "path") kept_ = in.source().path;
    if (how_ == "past") Emit("past", std::string_view(value.data(), value.size() + 1));
    // More than any window has.
    if (how_ == "far") Emit("far", std::string_view(value.data(), value.size() + (64 << 20)));
    if (how_ == "write") const_cast<char*>(value.data())[0] = 'x';
    Emit(value.substr(0, 1), value);
  }

 private:
  std::string how_;
  std::string_view kept_;
};
QUERN_REGISTER_MAPPER(KeepsViews);

class KeepsBatch : public quern::BatchMapper {
 public:
  void MapBatch(quern::MapBatch& in) override {
    if (!kept_.empty()) Emit("kept", kept_);
    kept_ = in[in.size() - 1].value();
    for (size_t i = 0; i < in.size(); ++i) Emit(in[i].value().substr(0, 1), in.value(i));
  }

 private:
  std::string_view kept_;
};
QUERN_REGISTER_MAPPER(KeepsBatch);

class KeepsValues : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override { how_ = context.param("how"); }
  void Reduce(quern::ReduceInput* in) override {
    if (how_ == "group key") {
      if (!kept_.empty()) Emit("kept", kept_);
      kept_ = in->key();
    }
    std::string_view longest;
    for (std::string_view value : in->values()) {
      if (how_ == "longest" && value.size() <= longest.size()) continue;
      longest = value;
    }
    if (how_ == "longest") Emit(longest);
  }

 private:
  std::string how_;
  std::string_view kept_;
};
QUERN_REGISTER_REDUCER(KeepsValues);

class KeepsInCombine : public quern::Combiner {
 public:
  void Combine(quern::ReduceInput* in) override {
    std::string_view first;
    for (std::string_view value : in->values()) {
      if (first.empty()) first = value;
    }
    Emit(first);
  }
};
QUERN_REGISTER_COMBINER(KeepsInCombine);

}  // namespace
