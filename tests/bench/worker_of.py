#!/usr/bin/env python3
"""The process id of a worker that works on a stage of the running pipeline; nothing when there is none now.

    worker_of.py CLUSTER_DIR STAGE      with QUERN_COORDINATOR and the like set by `quern env`
"""

import json
import subprocess
import sys


def ask(*command):
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    return [json.loads(line) for line in said.stdout.splitlines()]


def worker_of(directory, stage):
    for job in ask("mr", "list", "--json"):
        if job["state"] != "RUNNING":
            continue
        for status in ask("mr", "status", "--json", job["job"]):
            for one in status.get("stages", []):
                if one["stage"] != stage or not one["job"]:
                    continue
                for attempt in ask("mr", "tasks", "--json", one["job"]):
                    if attempt["state"] == "RUNNING":
                        return process_of(directory, attempt["worker"])
    return None


def process_of(directory, address):
    for server in ask("quern", "status", "--json", "--dir", directory):
        if server["role"] == "worker" and server["rpc"] == address and server["pid"]:
            return server["pid"]
    return None


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    found = worker_of(*sys.argv[1:])
    if found:
        print(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
