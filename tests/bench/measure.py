#!/usr/bin/env python3
"""What a command costs: wall time, processor time and memory of all its processes.

    measure.py [--cluster PID --group NAME] [--each NAME] [-o FILE] -- COMMAND ...
    measure.py --start NAME -- COMMAND ...

Prints to FILE (standard error): wall seconds, processor seconds (user and system, of a control group that the command
runs in: so also of what it leaves behind), the highest sum of resident memory in MB (looked at 20 times a second), the
load of the machine. The second form runs a command in a control group of that name and measures nothing: so a cluster
is started, whose supervisor's id and group are then given with --cluster and --group, and which is counted as well.
--each NAME adds the highest resident memory in MB of any one process of that name, such as quern-task, and how much of
it was not pages of files. Ends as the command does. Needs root, for the control groups.
"""

import argparse
import ctypes
import os
import pathlib
import subprocess
import sys
import threading
import time

PAGE = os.sysconf("SC_PAGE_SIZE")
PR_SET_CHILD_SUBREAPER = 36


def processes():
    """pid -> (parent, resident bytes)"""
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        found[int(name)] = (int(fields[1]), int(fields[21]) * PAGE)
    return found


def tree(root, table):
    children = {}
    for pid, (parent, _) in table.items():
        children.setdefault(parent, []).append(pid)
    found, todo = [], [root] if root in table else []
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


class Group:
    """A control group that counts the processor time of all that runs in it (version 1 or 2)."""

    def __init__(self, name):
        first = pathlib.Path("/sys/fs/cgroup/cpuacct")
        self.version_one = first.is_dir()
        self.path = (first if self.version_one else first.parent) / name
        self.path.mkdir(exist_ok=True)

    def enter(self):
        (self.path / "cgroup.procs").write_text(str(os.getpid()))

    def seconds(self):
        if self.version_one:
            return int((self.path / "cpuacct.usage").read_text()) / 1e9
        return int((self.path / "cpu.stat").read_text().split()[1]) / 1e6

    def remove(self):
        try:
            self.path.rmdir()
        except OSError:
            pass  # something still runs in it


def memory_of(pid, name):
    """Highest resident bytes of that process so far, and its bytes that are no file's; zeros when it has another name."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            fields = dict(line.split(":", 1) for line in file)
    except OSError:
        return 0, 0
    if fields["Name"].strip() != name or "VmHWM" not in fields:
        return 0, 0
    return tuple(int(fields[key].split()[0]) * 1024 for key in ("VmHWM", "RssAnon"))


class Memory(threading.Thread):
    def __init__(self, roots, name):
        super().__init__(daemon=True)
        self.roots, self.name, self.over = roots, name, threading.Event()
        self.most = self.most_of_one = self.most_without_files = 0

    def run(self):
        while not self.over.wait(0.05):
            table = processes()
            pids = {pid for root in self.roots for pid in tree(root, table)} - {os.getpid()}
            self.most = max(self.most, sum(table[pid][1] for pid in pids))
            for pid in pids if self.name else ():
                highest, without_files = memory_of(pid, self.name)
                self.most_of_one = max(self.most_of_one, highest)
                self.most_without_files = max(self.most_without_files, without_files)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--start", metavar="NAME")
    parser.add_argument("--cluster", type=int, metavar="PID")
    parser.add_argument("--group", metavar="NAME")
    parser.add_argument("--each", metavar="NAME")
    parser.add_argument("-o", "--output")
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    if arguments.start:
        return subprocess.call(arguments.command, preexec_fn=Group(arguments.start).enter)
    # Whatever the command leaves behind becomes a child of this process, which waits for it.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    own = Group(f"measure-{os.getpid()}")
    also = Group(arguments.group) if arguments.group else None
    before = also.seconds() if also else 0
    start = time.monotonic()
    child = subprocess.Popen(arguments.command, preexec_fn=own.enter)
    memory = Memory([os.getpid()] + ([arguments.cluster] if arguments.cluster else []), arguments.each)
    memory.start()
    code = child.wait()
    wall = time.monotonic() - start
    try:
        while True:
            os.wait()
    except ChildProcessError:
        pass
    memory.over.set()
    memory.join()
    cpu = own.seconds() + (also.seconds() - before if also else 0)
    own.remove()
    line = f"{wall:.2f} {cpu:.2f} {memory.most / 1e6:.0f} {os.getloadavg()[0]:.1f}"
    if arguments.each:
        line += f" {memory.most_of_one / 1e6:.0f} {memory.most_without_files / 1e6:.0f}"
    line += "\n"
    if arguments.output:
        with open(arguments.output, "a", encoding="utf-8") as file:
            file.write(line)
    else:
        sys.stderr.write(line)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
