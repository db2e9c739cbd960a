// The status pages of a chunkserver.
#pragma once

#include <vector>

#include "chunkserver/service/services.h"
#include "chunkserver/service/session.h"
#include "common/http_server.h"

namespace quern::chunkserver {

// "/": the server, its disks, its replicas by state. "/replicas?after=CHUNK&state=S": 1,000 a page.
std::vector<HttpPage> MakePages(const Services& services, const Session& session);

}  // namespace quern::chunkserver
