"""The manifest after any sequence of loads, against one that is made anew each time."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.lake.manifest import HEAD_BYTES, load_of, next_manifest

TEXTS = st.one_of(st.none(), st.text(), st.sampled_from(['"files": [', '"files": []}', "]}", '\\"files": [']))
FILES = st.lists(st.fixed_dictionaries({"path": st.text(min_size=1), "rows": st.integers(0, 9), "bytes": st.just(7)}))
LOADS = st.lists(st.tuples(st.booleans(), FILES, TEXTS), min_size=1, max_size=6)


def records(loads: list[tuple[bool, list[dict[str, Any]], str | None]]) -> list[dict[str, Any]]:
    return [
        {
            "load_id": f"{1_796_000_000 + number}.5",
            "run_id": text,
            "inserted_at": "2026-11-30T01:00:00+00:00",
            "schema_version_hash": text or "hash",
            "watermark_after": text,
            "tables": {"orders": {"replaced": replaced, "files": files}},
        }
        for number, (replaced, files, text) in enumerate(loads)
    ]


@given(LOADS, st.sampled_from([None, 2]))
def test_a_manifest_names_what_the_loads_have_left(loads: Any, indent: int | None) -> None:
    manifest: bytes | None = None
    files: list[Any] = []
    for record in records(loads):
        load = record["tables"]["orders"]
        files = [*([] if load["replaced"] else files), *load["files"]]
        after = next_manifest("orders", manifest, record)
        assert after is not None
        assert json.loads(after) == {
            "load_id": record["load_id"],
            "run_id": record["run_id"],
            "committed_at": record["inserted_at"],
            "schema_version_hash": record["schema_version_hash"],
            "rows": sum(file["rows"] for file in files),
            "watermark": record["watermark_after"],
            "files": files,
        }
        assert list(json.loads(after))[-1] == "files"
        assert load_of(after[:HEAD_BYTES]) == record["load_id"]
        assert next_manifest("orders", after, record) is None
        manifest = after if indent is None else json.dumps(json.loads(after), indent=indent).encode()


def test_a_load_without_the_table_moves_its_manifest_on() -> None:
    first, second = records([(True, [{"path": "a", "rows": 1, "bytes": 2}], None), (False, [], None)])
    manifest = next_manifest("orders", None, first)
    after = next_manifest("orders", manifest, {**second, "tables": {}})
    assert after is not None
    assert json.loads(after)["files"] == [{"path": "a", "rows": 1, "bytes": 2}]


def test_the_load_of_something_else_is_not_known() -> None:
    assert load_of(b"[]") is None
