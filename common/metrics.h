// The numbers of one server, shown on /metrics in the Prometheus text format.
//
// Names: quern_dfs_*, quern_mr_* or quern_search_*, base units (seconds, bytes), counters end in
// _total. Add at start, keep the reference (looking children up costs a lock and a hash), change it
// from any thread.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace quern {

using Counter = prometheus::Counter;      // Increment(by)
using Gauge = prometheus::Gauge;          // Set(x), Increment, Decrement
using Histogram = prometheus::Histogram;  // Observe(x)

using MetricLabels = std::map<std::string, std::string>;

// Thread-safe. References live as long as the registry. The same name and labels again give the
// same object.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  Counter& AddCounter(const std::string& name, const std::string& help,
                      const MetricLabels& labels = {});
  Gauge& AddGauge(const std::string& name, const std::string& help,
                  const MetricLabels& labels = {});
  // `bounds` are the upper bounds of the buckets; see LatencyBounds.
  Histogram& AddHistogram(const std::string& name, const std::string& help,
                          const std::vector<double>& bounds, const MetricLabels& labels = {});
  // Called before each Render: sets gauges that are cheaper to compute when somebody asks.
  void AddRefresh(std::function<void()> refresh);

  std::string Render();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// 100 us to 100 s, three per decade, in seconds.
std::vector<double> LatencyBounds();

}  // namespace quern
