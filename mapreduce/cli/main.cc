// `mr`: jobs of a Quern cluster.
#include "mapreduce/cli/command.h"

int main(int argc, char** argv) {
  return quern::mr::RunMr(std::vector<std::string>(argv, argv + argc));
}
