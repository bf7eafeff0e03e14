"""`validate --against`: what a workbook changes, and what that means for jobs that have loaded."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from localhost.cli import commands
from shared.activation.changes import Changes
from shared.activation.versions import Snapshot
from shared.errors.hierarchy import ConfigurationError
from shared.models.run import ConfigVersion
from shared.workbook.validation import validate
from tests.builders import a_workbook

OLD = {"load_type": "INCREMENTAL", "watermark_column": "id", "query_filter": "kind = 'a'", "chunk_size": 10}
NEW = {**OLD, "query_filter": None, "chunk_size": 20, "enabled": "N"}
LINES = [
    "- job_3 is new",
    "- job_1 is disabled",
    "- job_1 query_filter: kind = 'a' → blank; requires a full refresh if the job has loaded: earlier loads chose rows "
    "in another way: older rows that match now would never be loaded",
    "- job_1 chunk_size: 10 → 20; continues: it changes how the job runs, not what it reads",
    "- job_2 table_format: parquet → delta",
]


@pytest.fixture
def new(tmp_path: Path) -> Path:
    file = tmp_path / "new.xlsx"
    file.write_bytes(a_workbook(NEW, {"table_format": "delta"}, {}))
    return file


def as_version(workbook: bytes) -> bytes:
    """A workbook as the app keeps it when it is active."""
    configuration = validate(workbook).configuration
    assert configuration
    now = datetime(2026, 1, 1, tzinfo=UTC)
    snapshot = Snapshot(
        version=ConfigVersion(sha256="0" * 64, etag="e", activated_at=now),
        workbook_etag="e",
        uploaded_at=now,
        changes=Changes(),
        configuration=configuration,
    )
    return snapshot.model_dump_json(exclude_defaults=True).encode()


@pytest.mark.parametrize("kept", ["workbook", "version"])
def test_each_changed_cell_is_shown_with_what_it_means(new: Path, tmp_path: Path, kept: str) -> None:
    workbook = a_workbook(OLD, {})
    (old := tmp_path / "old").write_bytes(workbook if kept == "workbook" else as_version(workbook))
    ended = CliRunner().invoke(commands, ["validate", str(new), "--against", str(old)])
    assert ended.exit_code == 0
    lines = ended.stdout.splitlines()
    assert f"Against {old}: 1 added, 1 disabled, 2 changed." in lines
    assert lines[lines.index(f"Against {old}: 1 added, 1 disabled, 2 changed.") + 1 :] == LINES
    as_json = CliRunner().invoke(commands, ["validate", str(new), "--against", str(old), "--json"])
    changed = json.loads(as_json.stdout)["changes"]["changed"]
    assert [(cell["column"], bool(cell.get("effect"))) for cell in changed] == [
        ("query_filter", True),
        ("chunk_size", True),
        ("table_format", False),  # a FULL job is replaced anyway
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (a_workbook({"load_type": "INCR"}), "is refused: SourceConfig!F2 load_type"),
        (b"{}", "is no version of a workbook: take the blob active/config.json"),
        (b"x", "is refused: The file is not an Excel workbook"),
    ],
)
def test_a_file_that_is_neither_workbook_nor_version_is_named(
    new: Path, tmp_path: Path, content: bytes, says: str
) -> None:
    (old := tmp_path / "old").write_bytes(content)
    ended = CliRunner().invoke(commands, ["validate", str(new), "--against", str(old)])
    assert isinstance(ended.exception, ConfigurationError)
    assert says in str(ended.exception)
