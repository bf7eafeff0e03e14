"""A lake of version 0.1.0, which put `_` for characters of names: its tables continue, or say what has to be done."""

from __future__ import annotations

import re
from typing import Any

import psycopg
import pytest
from psycopg import sql as names_of
from psycopg.sql import Identifier

from shared.loading import dlt_settings
from shared.models import job as models
from tests.integration.values.conftest import MakeTable

Sql = psycopg.Connection[Any]


class OldNames:
    """The characters that 0.1.0 replaced in the name of a folder."""

    _NOT_IN_A_PATH = re.compile(r"""[\x00-\x1f/\\#?%*:|"'<>.{}]""")

    def sub(self, _new: object, name: str) -> str:
        return self._NOT_IN_A_PATH.sub("_", name)


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The names of 0.1.0, until they are undone."""
    monkeypatch.setattr(models, "_NOT_IN_A_NAME", OldNames())
    monkeypatch.setitem(dlt_settings.SETTINGS, "naming", "direct")
    return monkeypatch


def create(sql: Sql, name: str, column: str = "v") -> None:
    table = Identifier(name)
    sql.execute(names_of.SQL("DROP TABLE IF EXISTS {}").format(table))
    sql.execute(names_of.SQL("CREATE TABLE {} (id int, {} int)").format(table, Identifier(column)))
    sql.execute(names_of.SQL("INSERT INTO {} VALUES (1, 1)").format(table))


def insert(sql: Sql, name: str, number: int) -> None:
    sql.execute(names_of.SQL("INSERT INTO {} VALUES ({}, {})").format(Identifier(name), number, number))


@pytest.mark.parametrize("table_format", ["parquet", "delta"])
def test_a_table_of_a_plain_name_continues(
    job_of: MakeTable, sql: Sql, table: str, old: pytest.MonkeyPatch, table_format: str
) -> None:
    create(sql, table, "Größe in m")
    job = job_of(table, watermark_column="id", table_format=table_format)
    job.load()
    old.undo()
    insert(sql, table, 2)
    for _ in range(2):
        job.load()
        assert job.column() == [1, 2]
        assert job.table().column_names == ["id", "Größe in m"]


def test_a_table_whose_folder_has_another_name_now_is_made_anew_beside_the_old_one(
    job_of: MakeTable, sql: Sql, table: str, old: pytest.MonkeyPatch
) -> None:
    name = f"{table}.2/x"
    create(sql, name)
    job = job_of(name, watermark_column="id")
    job.load()
    old.undo()
    insert(sql, name, 2)
    job.load()
    assert job.column() == [1, 2]
    folders = {name.split("/")[2] for name in job.files() if name.endswith(".parquet")}
    assert folders == {f"{table}_2_x", f"{table}~2e2~2fx"}


@pytest.mark.parametrize("table_format", ["parquet", "delta"])
def test_a_column_whose_name_was_changed_is_a_new_column_and_the_result_says_so(
    job_of: MakeTable, sql: Sql, table: str, old: pytest.MonkeyPatch, table_format: str
) -> None:
    create(sql, table, 'x"y')
    job = job_of(table, watermark_column="id", table_format=table_format)
    job.load()
    assert job.table().column_names == ["id", "x_y"]
    old.undo()
    insert(sql, table, 2)
    result = job.load()
    assert job.column() == [1, 2]
    assert any('x"y' in change for change in result.schema_changes), result
