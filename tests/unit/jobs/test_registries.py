"""The rows of source types and destinations are whole, and nothing in the app names one elsewhere."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest

from shared.errors.hierarchy import ConfigurationError
from shared.jobs.destinations import ADLS, DESTINATIONS, DestinationType, dataset_path, destination_type
from shared.jobs.source_types import ORACLE, SOURCE_TYPES, SourceType, is_database, source_type
from shared.lake.destination import Destination
from shared.models.job import Job
from shared.sources.source import Source, TableSource
from shared.workbook.columns import SOURCE_CONFIG
from tests.builders import a_job

ROOT = Path(__file__).parents[3]
# beside the modules of readers and writers: the rows themselves, and the rows that the template shows
MAY_NAME_THEM = {f"shared/{path}.py" for path in ("jobs/source_types", "jobs/destinations", "workbook/examples")}


def lacking(made: Any, *protocols: Any) -> set[str]:
    """The members that a class needs and does not have; those that are set when it is made count as well."""
    source = Path(str(resolve_name(made.__module__).__file__)).read_text(encoding="utf-8")
    wanted = {name for protocol in protocols for name in (*vars(protocol), *protocol.__annotations__)}
    wanted = {name for name in wanted if not name.startswith("_")}
    return {name for name in wanted if not hasattr(made, name) and f"self.{name}" not in source}


@pytest.mark.parametrize("row", SOURCE_TYPES.values(), ids=SOURCE_TYPES)
def test_the_reader_of_a_source_type_is_whole(row: SourceType) -> None:
    reader = resolve_name(row.reader)
    protocols = (Source, TableSource) if row.is_database else (Source,)
    bases = [base for base in reader.__mro__ if base.__module__.startswith("shared.")]
    assert set.intersection(*(lacking(base, *protocols) for base in bases)) == set(), f"{row.reader} lacks these"


@pytest.mark.parametrize("row", DESTINATIONS.values(), ids=DESTINATIONS)
def test_the_writer_of_a_destination_and_the_columns_it_names_are_whole(row: DestinationType) -> None:
    assert lacking(resolve_name(row.writer), Destination) == set(), f"{row.writer} lacks these"
    for name in (*row.columns, *row.unsupported, row.place_column):
        assert name in SOURCE_CONFIG.by_name, f"destination {row.name} names '{name}', which is no column"
        assert name in Job.model_fields, f"destination {row.name} names '{name}', which is no field of a job"
    needed = dict.fromkeys(row.columns, "x")
    assert row.place(a_job(destination=row.name, **needed)) == dataset_path(a_job(destination=row.name, **needed))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reader": "shared.sources.toy"}, "source type Toy: reader 'shared.sources.toy' is not module:class"),
        ({"filter_dialect": None}, "source type Toy: filter_dialect is missing"),
        ({"url_schemes": ()}, "source type Toy: url_schemes is missing"),
        ({"is_database": False}, "source type Toy: filter_dialect is for databases only"),
    ],
)
def test_a_source_type_that_leaves_something_out_says_what(change: dict[str, Any], message: str) -> None:
    whole: dict[str, Any] = {
        "name": "Toy",
        "reader": "a:B",
        "is_database": True,
        "filter_dialect": "duckdb",
        "url_schemes": ("toy",),
    }
    with pytest.raises(ValueError, match=message):
        SourceType(**(whole | change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"writer": "b"}, "destination toy: writer 'b' is not module:class"),
        ({"table_formats": ()}, "destination toy: table_formats is missing"),
    ],
)
def test_a_destination_that_leaves_something_out_says_what(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DestinationType(**({**vars(ADLS), "name": "toy"} | change))


def test_an_unknown_name_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(ConfigurationError, match="'Excel' cannot be read; readable are PostgreSQL, Oracle, MSSQL, API"):
        source_type("Excel")
    with pytest.raises(ConfigurationError, match="'snowflake' cannot be written; there are adls, databricks"):
        destination_type("snowflake")
    assert not is_database("Excel")
    assert is_database(ORACLE.name)


def texts_that_name(path: Path, names: set[str]) -> Iterator[str]:
    """Where a module compares with the name of a row, or lists it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Compare | ast.MatchValue | ast.Dict | ast.Tuple | ast.List | ast.Set):
            for inner in ast.iter_child_nodes(node):
                if isinstance(inner, ast.Constant) and inner.value in names:
                    yield f"{path.relative_to(ROOT)}:{inner.lineno} {inner.value!r}"


def test_no_module_has_a_list_of_its_own() -> None:
    """Whatever compares with a source type's or destination's name would leave out the next one without a word."""
    own = [row.reader for row in SOURCE_TYPES.values()] + [row.writer for row in DESTINATIONS.values()]
    exempt = MAY_NAME_THEM | {f"{name.partition(':')[0].replace('.', '/')}.py" for name in own}
    rooms = ("shared", "activities", "orchestrators")
    modules = [path for room in rooms for path in (ROOT / room).rglob("*.py")]
    asked = [path for path in modules if str(path.relative_to(ROOT)) not in exempt]
    assert len(asked) > 100
    names = {*SOURCE_TYPES, *DESTINATIONS}
    assert [found for path in asked for found in texts_that_name(path, names)] == []
