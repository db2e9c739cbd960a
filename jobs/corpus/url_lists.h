// Lists of hosts and URL prefixes, side files of a job, and which of them hold a document.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "jobs/text/url_set.h"
#include "mapreduce/api/mapreduce.h"

namespace quern::corpus {

class UrlLists {
 public:
  // Those that params.url_lists names: side files. A line is what text::UrlSet::Add takes; blank
  // ones and comments, from a '#' at its beginning or behind a blank, are passed over. A line that
  // it does not take fails the job, and so does a list without any. A counter for each list.
  void Read(TaskContext& context);

  bool empty() const { return lists_.empty(); }
  // The names of those that hold this URL, in their order, counted; none when it is no URL. A list
  // is called as its file, without the suffix: files that differ in it alone are one list.
  std::vector<std::string> Holding(std::string_view url);

 private:
  struct List {
    std::string name;
    text::UrlSet urls;
    Counter* documents = nullptr;
  };

  List& ListNamed(const std::string& name, TaskContext& context);

  std::vector<List> lists_;
};

}  // namespace quern::corpus
