// Text in columns: as wide as the widest cell, numbers to the right.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace quern {

class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string title;  // all empty: no title line
    Align align = Align::kLeft;
  };

  explicit Table(std::vector<Column> columns);
  // Missing cells are empty; more cells than columns are a bug and are dropped.
  void AddRow(std::vector<std::string> cells);
  // Every line ends in "\n" and has no blanks at its end. Widths count code points, double for wide
  // (East Asian) ones. Control characters and bytes that are not UTF-8 are shown escaped.
  std::string ToString() const;
  size_t rows() const { return rows_.size(); }

 private:
  const std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// Columns that `text` (UTF-8) takes on a terminal.
size_t DisplayWidth(std::string_view text);

}  // namespace quern
