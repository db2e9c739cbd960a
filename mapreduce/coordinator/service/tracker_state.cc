#include "mapreduce/coordinator/service/tracker_state.h"

namespace quern::mr {

PlaceId TrackerState::PlaceOf(std::string_view name) {
  const auto [it, added] =
      places_.try_emplace(std::string(name), PlaceId(static_cast<uint32_t>(places_.size() + 1)));
  return it->second;
}

StringMap<PlaceId> TrackerState::PlacesOf(const StringSet& names) {
  StringMap<PlaceId> places;
  for (const std::string& name : names) places[name] = PlaceOf(name);
  return places;
}

}  // namespace quern::mr
