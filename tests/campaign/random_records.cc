#include "tests/campaign/random_records.h"

#include <algorithm>

namespace quern::mr {

namespace {

std::string RandomBytesFrom(std::string_view alphabet, size_t size, Dice* dice) {
  std::string text(size, '\0');
  for (char& c : text) {
    c = alphabet.empty() ? static_cast<char>(dice->Below(256))
                         : alphabet[dice->Below(alphabet.size())];
  }
  return text;
}

// Lengths at which the engine changes its ways come often.
size_t RandomLength(Dice* dice) {
  switch (dice->Below(5)) {
    case 0:
      return dice->Below(4);
    case 1:
      return dice->Between(7, 9);
    case 2:
      return dice->Between(15, 18);
    case 3:
      return dice->Between(0, 60);
    default:
      return dice->Between(0, 300);
  }
}

}  // namespace

std::vector<std::string> RandomTexts(size_t count, size_t long_bytes, Dice* dice) {
  using std::string_view_literals::operator""sv;
  const std::string_view alphabet = dice->Pick({""sv, "ab"sv, "\0\xff"sv, "\0"sv, "a\0\xff"sv});
  const std::string start = RandomBytesFrom(alphabet, dice->OneIn(2) ? dice->Below(40) : 0, dice);
  const bool one_length = dice->OneIn(4);
  const size_t length = RandomLength(dice);
  const size_t least = dice->OneIn(3) ? 9 : 0;  // no short ones but the empty one
  const bool every_kind = dice->OneIn(2);
  std::vector<std::string> texts;
  for (size_t i = 0; i < count; ++i) {
    if (dice->OneIn(10)) {
      texts.emplace_back();
    } else if (!texts.empty() && dice->OneIn(4)) {
      // Another one, cut or with an end of its own.
      const std::string& other = texts[dice->Below(texts.size())];
      texts.push_back(other.substr(0, dice->Below(other.size() + 1)) +
                      RandomBytesFrom(alphabet, dice->Below(3), dice));
    } else {
      const size_t size = one_length ? length : RandomLength(dice) + least;
      texts.push_back(start + RandomBytesFrom(alphabet, size, dice));
    }
    // One of each kind in many a small pool.
    if (every_kind && i < 3) texts[i] = std::string(i == 0 ? 0 : i == 1 ? 3 : 12, 'k');
    if (long_bytes > 0 && dice->OneIn(count / 4 + 1)) {
      texts.back().resize(dice->Below(long_bytes), dice->Pick({'\0', 'L', '\xff'}));
    }
  }
  return texts;
}

std::vector<std::string> RandomNumbers(size_t count, Dice* dice) {
  std::vector<std::string> numbers;
  for (size_t i = 0; i < count; ++i) {
    numbers.push_back(std::to_string(dice->OneIn(2) ? 1 : dice->Below(1'000'000'000)));
  }
  return numbers;
}

}  // namespace quern::mr
