"""One rule for which columns a cell means: reading a table, reading an API and comparing with earlier loads ask it."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from shared.jobs.history import cells_of, refused_changes
from shared.jobs.patterns import is_chosen, matches
from shared.models.job import Job
from shared.sources.columns import chosen_columns
from shared.sources.rest.shapes import Shapes
from shared.sources.rest.tables import ROOT, ROW_ID, Unnesting
from tests.builders import a_job

COLUMNS = ["id", "Id", "ID", "name", "note"]
CHOICES = [
    ((), (), COLUMNS),
    (("name",), (), ["name"]),
    (("NAME",), (), ["name"]),  # no column is spelled so
    (("id",), (), ["id"]),  # one is: the others are not meant
    (("iD",), (), ["id", "Id", "ID"]),
    (("i*",), (), ["id", "Id", "ID"]),
    (("id", "n*"), ("NOTE",), ["id", "name"]),
    ((), ("Id",), ["id", "ID", "name", "note"]),
    ((), ("I*", "n*e"), []),
]
every_choice = pytest.mark.parametrize(("included", "excluded", "chosen"), CHOICES)


def test_only_the_star_is_special_in_a_pattern() -> None:
    assert matches(["a[b].*"], "a[b].c")
    assert not matches(["a?c"], "abc")


@every_choice
def test_the_exact_name_of_a_column_means_that_column_alone(
    included: tuple[str, ...], excluded: tuple[str, ...], chosen: list[str]
) -> None:
    assert [name for name in COLUMNS if is_chosen(included, excluded, name, COLUMNS)] == chosen


@every_choice
def test_a_table_an_api_and_the_comparison_with_earlier_loads_choose_alike(
    included: tuple[str, ...], excluded: tuple[str, ...], chosen: list[str]
) -> None:
    job = a_job(load_type="INCREMENTAL", included_columns=included, excluded_columns=excluded)
    assert columns_of_table(job) == chosen
    assert columns_of_api(job) == chosen
    if chosen:
        assert columns_taken_in(job, chosen) == [name for name in COLUMNS if name not in chosen]


def columns_of_table(job: Job) -> list[str]:
    table = sa.Table("orders", sa.MetaData(), *(sa.Column(name, sa.Integer, quote=True) for name in COLUMNS))
    if job.excluded_columns == ("I*", "n*e"):
        with pytest.raises(Exception, match="has no column to read"):
            chosen_columns(job, table)
        return []
    return [column.name for column in chosen_columns(job, table)]


def columns_of_api(job: Job) -> list[str]:
    found = Unnesting(job, Shapes({})).tables([dict.fromkeys(COLUMNS, 1)], "1")
    return [name for name in found[ROOT].column_names if name != ROW_ID]


def columns_taken_in(job: Job, chosen: list[str]) -> list[str]:
    """The columns whose reading changes a job that has loaded, if it names no columns any more."""
    wider = job.model_copy(update={"included_columns": (), "excluded_columns": ()})
    return [name for name in COLUMNS if refused_changes(cells_of(job), wider, chosen, [*chosen, name])]
