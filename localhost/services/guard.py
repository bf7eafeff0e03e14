"""Runs one command, and ends it when the process that started this one is gone.

A child outlives a parent which dies by `kill -9`. The guard is between the two and holds the read end of a pipe
whose write end only the parent has: however the parent dies, the kernel closes that end and the guard ends the command.
It works alike on Linux and macOS, and needs the standard library alone, so that it starts in a few milliseconds.

    python guard.py USER_ID|- COMMAND [ARGUMENT ...] < pipe
"""

import os
import pwd
import signal
import subprocess
import sys
import threading
from typing import Any

GRACE_SECONDS = 10


def main(user_id: str, *command: str) -> int:
    """Run `command` as `user_id` ("-": as the same user) until it ends or standard input does; return its exit code."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, **_identity(user_id))

    def stop(*_: object) -> None:
        child.send_signal(signal.SIGINT)  # a clean end for Node programs, a fast shutdown for PostgreSQL

    def end_with_parent() -> None:
        while os.read(0, 1):
            pass
        stop()
        try:
            child.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()

    signal.signal(signal.SIGTERM, stop)
    threading.Thread(target=end_with_parent, daemon=True).start()
    return child.wait()


def _identity(user_id: str) -> dict[str, Any]:
    if user_id == "-":
        return {}
    user = pwd.getpwuid(int(user_id))
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
