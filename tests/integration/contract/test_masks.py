"""What masks promise of every source: one hash for a value, updates by hashed keys, an error if a column is gone."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import pytest

from localhost.services import LocalServices
from shared.audit.jobs import job_rows
from shared.mask_key import MaskKey
from shared.secrets import Secret
from shared.sources.probe import examine_job
from tests.integration.contract.conftest import ContractJob, MakeJob
from tests.integration.contract.subjects import Row, row

ROWS = [row(n, n) for n in range(1, 8)]
KEYS = [MaskKey("the first key, of 32 characters.."), MaskKey("another key, of 32 characters ...")]
UPSERT = {
    "load_type": "INCREMENTAL",
    "watermark_column": "changed",
    "table_format": "delta",
    "primary_key": "name",
    "masked_columns": "name:hash",
}


@pytest.fixture(autouse=True)
def use_key(services: LocalServices) -> Callable[[MaskKey], None]:
    """Puts a key into the vault; the first is there already."""

    def put(key: MaskKey) -> None:
        services.key_vault.set_secret("mask-key", key.text)

    put(KEYS[0])
    return put


def hashed(value: str, key: MaskKey = KEYS[0]) -> str:
    return hmac.new(key.text.encode(), value.encode(), hashlib.sha256).hexdigest()


def masked(rows: list[Row], key: MaskKey = KEYS[0]) -> list[dict[str, Any]]:
    return [{**one, "name": hashed(one["name"], key)} for one in rows]


def test_rows_are_updated_by_a_hashed_key_and_known_again_at_the_watermark(job: MakeJob) -> None:
    loaded = job(ROWS, **UPSERT)
    first = loaded.load()
    assert loaded.rows() == masked(ROWS)
    assert (first.masked_columns, first.mask_key_version) == (("name:hash",), KEYS[0].version)
    (audit,) = job_rows(first.run_id)
    assert "name:hash" in str(audit["masked_columns"])
    assert audit["mask_key_version"] == KEYS[0].version
    assert loaded.load().rows_extracted == 0
    updated = [*ROWS[:2], {**ROWS[2], "id": 30, "changed": row(0, 9)["changed"]}, *ROWS[3:], row(8, 9)]
    loaded.subject.write(updated)
    assert loaded.load().rows_written == 2
    assert loaded.rows() == sorted(masked(updated), key=lambda one: one["id"])


def test_every_kind_of_mask_and_the_sample_of_a_dry_run(job: MakeJob) -> None:
    rows = [{**one, "note": f"2024-02-0{one['id']}"} for one in ROWS]
    loaded = job([], load_type="FULL", masked_columns="name:last4, note:year")
    loaded.subject.write(rows, ["id", "changed", "name", "note"])
    loaded.load()
    assert [(one["name"], one["note"]) for one in loaded.rows()] == [(f"ng {one['id']}", 2024) for one in ROWS]
    found = _examined(loaded)
    assert (found["name"].mask, found["name"].type, len(found["name"].values)) == ("last4", "string", 3)
    assert set(found["name"].values) <= {f"ng {one['id']}" for one in ROWS}
    assert (found["note"].type, set(found["note"].values)) == ("int64", {"2024"})
    loaded.change(load_type="FULL", masked_columns="name:null, id:hash, note:last1")
    loaded.load()
    (one,) = {(row["id"], row["name"], row["note"]) for row in loaded.table().to_pylist() if row["note"] == "3"}
    assert one == (hashed("3"), None, "3")
    assert set(_examined(loaded)["name"].values) == {None}


def test_another_mask_or_key_waits_for_a_full_refresh_whatever_watermark_is_set(
    job: MakeJob, use_key: Callable[[MaskKey], None]
) -> None:
    loaded = job(ROWS, **UPSERT | {"masked_columns": None, "primary_key": "id"})
    loaded.load()
    loaded.change(**UPSERT | {"primary_key": "id"})
    kind, retryable, message = loaded.fail()
    assert (kind, retryable) == ("configuration", False)
    assert "with masked_columns blank, and now has name:hash: request a full refresh" in message
    assert "keep plain values until maintenance has removed them" in message
    loaded.load(full_refresh=True)
    assert loaded.rows() == masked(ROWS)
    use_key(KEYS[1])
    assert f"has hashed with key {KEYS[0].version}, and the key is {KEYS[1].version} now" in loaded.fail()[2]
    result = loaded.load(full_refresh=True)
    assert result.mask_key_version == KEYS[1].version
    assert loaded.rows() == masked(ROWS, KEYS[1])
    loaded.change(**UPSERT | {"primary_key": "id", "masked_columns": None})
    assert "with masked_columns name:hash, and now has blank" in loaded.fail()[2]


@pytest.mark.parametrize("gone", [["id", "changed"], ["id", "changed", "note"]], ids=["gone", "renamed"])
def test_a_column_that_is_gone_fails_the_load_and_leaves_the_table(job: MakeJob, gone: list[str]) -> None:
    loaded = job(ROWS, load_type="FULL", masked_columns="name:hash")
    loaded.load()
    loaded.subject.write([{**one, "note": one["name"]} for one in ROWS], gone)
    kind, _, message = loaded.fail()
    assert kind == "source"
    assert "masked_columns 'name' is not a column" in message
    assert "thing 1" not in message
    assert loaded.rows() == masked(ROWS)


def test_a_column_under_another_case_fails_the_load(job: MakeJob) -> None:
    loaded = job(ROWS, load_type="FULL", masked_columns="Name:hash")
    _, _, message = loaded.fail()
    assert "masked_columns names 'Name', and" in message
    assert "has 'name': write it as the source does" in message


def test_without_a_key_nothing_is_loaded(job: MakeJob, use_key: Callable[[MaskKey], None]) -> None:
    use_key(MaskKey("too short"))
    loaded = job(ROWS, load_type="FULL", masked_columns="name:hash")
    assert "must be a text of at least 32 random characters" in loaded.fail()[2]
    assert loaded.files() == []


def _examined(loaded: ContractJob) -> Any:
    return examine_job(loaded.job, Secret(loaded.secret), lambda _stage, _rows: None, None, False, KEYS[0]).masked
