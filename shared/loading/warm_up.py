"""What the first attempt of a process would otherwise do: the fork server does it once, and its children have it done.

Only what starts no thread and opens no connection: neither survives a fork.
"""

from __future__ import annotations

import gc
import inspect
import sys

import adlfs  # noqa: F401  fsspec imports it by the name of the protocol
import dlt.sources.helpers.requests  # noqa: F401  dlt does when a pipeline loads
import fsspec.implementations.local  # noqa: F401

from shared.loading import naming  # noqa: F401  dlt imports it by its name
from shared.loading.dlt_settings import configure_dlt

configure_dlt()
inspect.getmodule(sys._getframe())  # it looks at the file of every module, and keeps what it found; dlt asks it

# The garbage collector of each child would look at all that is imported here, several times in a load, and each look
# copies the pages that it marks: a third of what a small load costs (the documentation of `gc.freeze` says when).
gc.collect()
gc.freeze()
