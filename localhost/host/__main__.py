"""`python -m localhost.host --app DIR --state DIR [--port N]`: run a Functions app folder until SIGTERM or Ctrl-C."""

import argparse
import logging
import os
import sys
from pathlib import Path

from localhost.host.errors import HostError
from localhost.host.server import serve


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m localhost.host", description=__doc__)
    parser.add_argument("--app", type=Path, default=Path(), help="folder of function_app.py and host.json (default: .)")
    parser.add_argument("--state", type=Path, required=True, help="folder for keys, event store and receipts")
    parser.add_argument("--hub", type=Path, help="folder for event store and receipts, which several hosts may share")
    parser.add_argument("--port", type=int, default=7071, help="0 for any free one (default: 7071)")
    parser.add_argument("--log-level", help="overrides host.json: DEBUG, INFO, WARNING, ERROR")
    parser.add_argument("--grace", type=float, default=10.0, help="seconds for what runs on stop (default: 10)")
    parser.add_argument("--stop-at-end-of-input", action="store_true", help="stop when standard input is closed, too")
    options = parser.parse_args()
    try:
        serve(
            options.app,
            options.state,
            options.port,
            log_level=options.log_level,
            grace=options.grace,
            stop_at_end_of_input=options.stop_at_end_of_input,
            hub_folder=options.hub,
        )
    except HostError as error:
        sys.exit(f"cannot run {options.app}: {error}")
    # An activity that outlived its grace sits in a thread that the interpreter would wait for.
    logging.shutdown()
    os._exit(0)


if __name__ == "__main__":
    main()
