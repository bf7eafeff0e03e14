"""The server that children are forked from: it has dlt and the drivers imported already.

Importing dlt takes seconds, forking milliseconds; the function app itself imports neither.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from multiprocessing.context import ForkServerContext

from shared.jobs.destinations import DESTINATIONS
from shared.jobs.source_types import SOURCE_TYPES

PRELOADED = (
    "shared.loading.attempt",
    "shared.sources.probe",
    "shared.workbook.entries",
    *(one.reader.partition(":")[0] for one in SOURCE_TYPES.values()),
    *(one.writer.partition(":")[0] for one in DESTINATIONS.values()),
    "shared.loading.warm_up",  # the last: it looks at all the others
)


_starting = threading.Lock()


def fork_server() -> ForkServerContext:
    """The context whose processes are forked from the server; the first call starts it."""
    with _starting:  # the first jobs of a run come at the same moment
        return _started()


@cache
def _started() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    with _import_path_in_environment():
        # any child starts the server; this one does nothing, and what it inherits is the whole import path
        warm_up = context.Process(target=_nothing, daemon=True)
        warm_up.start()
        warm_up.join()
    return context


@contextmanager
def _import_path_in_environment() -> Iterator[None]:
    """The fork server preloads before it receives `sys.path` (CPython before 3.14), so PYTHONPATH passes it on."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def _nothing() -> None:
    """What the child does that starts the fork server."""
