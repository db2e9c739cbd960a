// make_input text BYTES | sort RECORDS | random BYTES | graph EDGES | orders LINES | customers
// LINES > FILE
//
// Inputs of the benchmark, the same for the same arguments.
//   text    words of a vocabulary of 100,000 in Zipf's proportions, lines of about 80 bytes
//   sort    records of 100 bytes: 10 random printable bytes, the record's number, filler, newline
//   random  bytes that no codec makes smaller
//   graph   lines SOURCE<TAB>TARGET, ten for each node; few nodes have most of the links to them
//   orders, customers
//           lines with a customer's number in the second and in the first column: ten orders for
//           each customer, most for the first ones
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace {

constexpr size_t kVocabulary = 100'000;
constexpr size_t kRankSlots = size_t{1} << 20;
constexpr size_t kLineBytes = 72;
constexpr size_t kRecordBytes = 100;
constexpr size_t kKeyBytes = 10;

using Random = std::mt19937_64;

class Output {
 public:
  ~Output() { Flush(); }
  void Write(std::string_view bytes) {
    buffer_ += bytes;
    if (buffer_.size() > (size_t{1} << 20)) Flush();
  }

 private:
  void Flush() {
    if (std::fwrite(buffer_.data(), 1, buffer_.size(), stdout) != buffer_.size()) std::exit(1);
    buffer_.clear();
  }
  std::string buffer_;
};

std::vector<std::string> MakeVocabulary(Random* random) {
  constexpr std::string_view kLetters = "etaoinshrdlucmfwypvbgkjqxz";
  std::vector<std::string> words(kVocabulary);
  for (size_t rank = 0; rank < words.size(); ++rank) {
    // Frequent words are short, frequent letters come first.
    const size_t length = 2 + static_cast<size_t>(std::log2(rank + 2) * 0.55) + (*random)() % 4;
    while (words[rank].size() < length) {
      words[rank] += kLetters[std::min((*random)() % 26, (*random)() % 26)];
    }
  }
  return words;
}

// Slot -> rank, each rank with as many slots as its share 1/(rank + 1) of all words.
std::vector<uint32_t> MakeRanks() {
  std::vector<double> cumulative(kVocabulary);
  double total = 0;
  for (size_t rank = 0; rank < kVocabulary; ++rank) {
    cumulative[rank] = total += 1.0 / static_cast<double>(rank + 1);
  }
  std::vector<uint32_t> ranks(kRankSlots);
  uint32_t rank = 0;
  for (size_t slot = 0; slot < kRankSlots; ++slot) {
    while (cumulative[rank] < total * (static_cast<double>(slot) + 0.5) / kRankSlots) ++rank;
    ranks[slot] = rank;
  }
  return ranks;
}

void WriteText(uint64_t bytes) {
  Random random(1);
  const std::vector<std::string> words = MakeVocabulary(&random);
  const std::vector<uint32_t> ranks = MakeRanks();
  Output out;
  for (uint64_t written = 0, column = 0; written < bytes;) {
    const uint64_t dice = random();
    // One word in 64 is any of the vocabulary, so that its rare end occurs at all.
    const std::string& word =
        dice % 64 == 0 ? words[(dice >> 8) % kVocabulary] : words[ranks[(dice >> 8) % kRankSlots]];
    column += word.size() + 1;
    written += word.size() + 1;
    out.Write(word);
    out.Write(column > kLineBytes || written >= bytes ? "\n" : " ");
    if (column > kLineBytes) column = 0;
  }
}

void WriteSortRecords(uint64_t records) {
  Random random(2);
  Output out;
  char record[kRecordBytes + 1];
  for (uint64_t i = 0; i < records; ++i) {
    std::memset(record, 'x', sizeof record);
    uint64_t bits = random();
    for (size_t k = 0; k < kKeyBytes; ++k) {
      if (k == kKeyBytes / 2) bits = random();
      record[k] = static_cast<char>('!' + bits % 94);
      bits /= 94;
    }
    const int n =
        std::snprintf(record + kKeyBytes, 40, "  %032llx", static_cast<unsigned long long>(i));
    record[kKeyBytes + static_cast<size_t>(n)] = ' ';
    record[kRecordBytes - 1] = '\n';
    out.Write({record, kRecordBytes});
  }
}

void WriteRandom(uint64_t bytes) {
  Random random(3);
  Output out;
  for (uint64_t written = 0; written < bytes; written += sizeof(uint64_t)) {
    const uint64_t word = random();
    out.Write({reinterpret_cast<const char*>(&word), std::min(sizeof word, bytes - written)});
  }
}

constexpr uint64_t kLinesOfEach = 10;

// Below `end`; the lower the likelier.
uint64_t Skewed(uint64_t end, Random* random) {
  const double dice = static_cast<double>((*random)() >> 11) * 0x1p-53;
  return static_cast<uint64_t>(static_cast<double>(end) * dice * dice * dice);
}

void WriteGraph(uint64_t edges) {
  Random random(4);
  Output out;
  const uint64_t nodes = std::max<uint64_t>(1, edges / kLinesOfEach);
  char line[64];
  for (uint64_t i = 0; i < edges; ++i) {
    const unsigned long long source = random() % nodes;
    const unsigned long long target = Skewed(nodes, &random);
    out.Write({line, static_cast<size_t>(
                         std::snprintf(line, sizeof line, "n%llu\tn%llu\n", source, target))});
  }
}

void WriteOrders(uint64_t lines) {
  Random random(5);
  const std::vector<std::string> words = MakeVocabulary(&random);
  Output out;
  char line[128];
  for (uint64_t i = 0; i < lines; ++i) {
    const unsigned long long customer =
        Skewed(std::max<uint64_t>(1, lines / kLinesOfEach), &random);
    const int size = std::snprintf(
        line, sizeof line, "o%llu\tc%llu\t%s\t%u\n", static_cast<unsigned long long>(i), customer,
        words[Skewed(kVocabulary, &random)].c_str(), static_cast<unsigned>(random() % 100'000));
    out.Write({line, static_cast<size_t>(size)});
  }
}

void WriteCustomers(uint64_t lines) {
  Random random(6);
  const std::vector<std::string> words = MakeVocabulary(&random);
  Output out;
  char line[128];
  for (uint64_t i = 0; i < lines; ++i) {
    const int size =
        std::snprintf(line, sizeof line, "c%llu\t%s %s\t%s\n", static_cast<unsigned long long>(i),
                      words[random() % kVocabulary].c_str(), words[random() % kVocabulary].c_str(),
                      words[Skewed(1000, &random)].c_str());
    out.Write({line, static_cast<size_t>(size)});
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view kind = argc == 3 ? argv[1] : "";
  const uint64_t amount = argc == 3 ? std::strtoull(argv[2], nullptr, 10) : 0;
  if (kind == "text") {
    WriteText(amount);
  } else if (kind == "sort") {
    WriteSortRecords(amount);
  } else if (kind == "random") {
    WriteRandom(amount);
  } else if (kind == "graph") {
    WriteGraph(amount);
  } else if (kind == "orders") {
    WriteOrders(amount);
  } else if (kind == "customers") {
    WriteCustomers(amount);
  } else {
    std::fputs(
        "usage: make_input text BYTES | sort RECORDS | random BYTES | graph EDGES | orders LINES |"
        " customers LINES\n",
        stderr);
    return 2;
  }
  return 0;
}
