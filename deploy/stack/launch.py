"""Records its own pid, then becomes the program it was asked to start.

    python -m deploy.stack.launch [--die-with-parent] PARENT RECORD PROGRAM [ARGUMENT...]

The record is on disk before the program runs, and a launcher whose parent has died meanwhile ends instead: however
abruptly the parent dies, there is never a child that nobody knows about. `exec` keeps pid and start time, so the
record stays true.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

from deploy.stack.processes import Recorded

PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Linux only: the kernel kills this process when its parent ends, also when the parent is killed with -9."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def main(arguments: list[str]) -> None:
    if arguments[0] == "--die-with-parent":
        die_with_parent()
        arguments = arguments[1:]
    parent, record, *command = arguments
    Recorded.of(os.getpid(), command).write(Path(record))
    if os.getppid() != int(parent):
        sys.exit("the process that wanted this one is gone")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
