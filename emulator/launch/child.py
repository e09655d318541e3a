"""What runs first in a daemon's process: ties its life to that of its launcher, then becomes the daemon.

    python -m emulator.launch.child LAUNCHER_PID MODULE ARGUMENTS...

It is a program of its own because the tie must be made in the child, and code between fork and exec is not safe in a
launcher that has threads (gRPC's).
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Replaces itself by the module, as `python -m MODULE ARGUMENTS` would run it."""
    launcher, module = int(sys.argv[1]), sys.argv[2]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != launcher:  # it died before the tie was made
            sys.exit(1)
    del sys.argv[1:3]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
