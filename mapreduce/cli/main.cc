// `mr`: jobs of a Quern cluster.
#include "common/cli/output.h"
#include "mapreduce/cli/command.h"

int main(int argc, char** argv) {
  quern::EndProcess(quern::mr::RunMr(std::vector<std::string>(argv, argv + argc)));
}
