"""`python -m tests.integration.sources.peak_memory`: loads a table of one row, and another, and prints what that took.

The first load has everything imported and warm, so that the difference of the peaks is the other table's.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq

from shared.secrets import Secret
from tests.builders import a_job
from tests.integration.sources.conftest import Lake


def peak_megabytes() -> float:
    """The most memory that this program ever had: Linux's getrusage starts with that of its parent."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text(encoding="utf-8").partition("VmHWM:")[2].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # macOS counts bytes


def main() -> None:
    """Read the secret, the job's cells, and the names of both tables from standard input."""
    order = json.load(sys.stdin)
    peaks, rows = [], 0
    with TemporaryDirectory() as folder:
        lake = Lake(Path(folder), Secret(order["secret"]))
        for table in order["tables"]:
            place = lake.fill(a_job(job_id=table.lower(), table_name=table, **order["cells"]))
            rows = sum(pq.read_metadata(file).num_rows for file in place.glob("*.parquet"))
            peaks.append(peak_megabytes())
    print(json.dumps({"rows": rows, "megabytes": peaks[-1] - peaks[0]}))


if __name__ == "__main__":
    main()
