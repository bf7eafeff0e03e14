"""`python engine_script.py ENGINE FOLDER`: print the rows of a plain Parquet table as JSON, values as text.

Each engine reads by its example in docs/reading.md, from a folder of this machine.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from fsspec.implementations.local import LocalFileSystem

DOCUMENT = Path(__file__).parents[2] / "docs" / "reading.md"


def spark(folder: str) -> list[dict[str, Any]]:
    """Spark in this process, its times in UTC."""
    from pyspark.sql import SparkSession  # type: ignore[import-not-found]  # not among the app's packages

    builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    session = builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()
    session.conf.set("spark.sql.parquet.datetimeRebaseModeInRead", "CORRECTED")  # as the document says
    orders = _example("## Spark", f"file://{folder}", spark=session)
    texts = orders.selectExpr(*(f"CAST(`{name}` AS STRING) `{name}`" for name in orders.columns))
    return [row.asDict() for row in texts.collect()]


def polars(folder: str) -> list[dict[str, Any]]:
    """Polars in this process."""
    return _texts(_example("## Polars", folder, lake=LocalFileSystem()).to_dicts())


def pyarrow(folder: str) -> list[dict[str, Any]]:
    """Only pyarrow."""
    return _texts(_example("## pyarrow", folder, lake=LocalFileSystem()).to_pylist())


def _example(heading: str, folder: str, **names: Any) -> Any:
    """The `orders` that the first Python example below a heading reads."""
    text = DOCUMENT.read_text(encoding="utf-8").partition(heading)[2]
    source = text.partition("```python\n")[2].partition("```")[0]
    place = source.partition('folder = "')[2].partition('"')[0]
    exec(source.replace(place, folder), names)
    return names["orders"]


def _texts(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: None if value is None else str(value) for name, value in row.items()} for row in rows]


if __name__ == "__main__":
    print(json.dumps({"spark": spark, "polars": polars, "pyarrow": pyarrow}[sys.argv[1]](sys.argv[2])))
