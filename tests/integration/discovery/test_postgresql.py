"""What only PostgreSQL has: partitions, xid8, statistics, several schemas, and tables that the user may not read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from localhost.services import LocalServices
from shared.models.discovery import FoundTable
from shared.workbook.validation import validate
from tests.integration.discovery.conftest import DATABASES, POSTGRESQL, Database


@pytest.fixture(scope="module")
def shop(services: LocalServices, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with ExitStack() as stack:
        made = DATABASES["PostgreSQL"](services, tmp_path_factory.mktemp("shop"), stack)
        made.execute(POSTGRESQL)
        made.execute(
            "create table big as select n as id, 'text ' || n as note from generate_series(1, 150000) n;\n"
            "alter table big alter id set not null;\nalter table big add primary key (id);\nanalyze big;\n"
            "create schema sales;\ncreate table sales.orders (id bigint primary key);\n"
            'create table "Mixed" (a int, "A" int);\ncreate table never (id int primary key);\n'
        )
        yield made


def table(shop: Database, name: str) -> FoundTable:
    (found,) = shop.look(like=name).tables
    return found


def test_a_partition_is_no_table_of_its_own_and_counts_for_its_table(shop: Database) -> None:
    (found,) = shop.look(like="parted*").tables
    assert (found.table_name, found.rows, found.primary_key) == ("parted", 1, ("id", "changed_at"))


def test_a_table_that_statistics_call_large_is_not_counted(shop: Database) -> None:
    big = table(shop, "big")
    assert big.rows_are == "estimate"
    assert big.rows == pytest.approx(150_000, rel=0.05)
    assert big.size_bytes is not None
    assert big.size_bytes > 1_000_000


def test_a_table_that_was_never_analyzed_is_counted(shop: Database) -> None:
    assert (table(shop, "never").rows, table(shop, "never").rows_are) == (0, "exact")


def test_the_number_of_a_transaction_is_proposed_and_a_serial_is_known(shop: Database) -> None:
    _, found = shop.discover()
    assert found["numbered"].cells["watermark_column"] == "changed_by"
    assert "lookback" not in found["numbered"].cells
    assert [column.is_generated for column in table(shop, "events").columns] == [True, False]
    assert "event_id only grows" in found["events"].reasons["load_type"]


def test_a_table_that_no_load_could_read_is_left_out_with_the_loads_own_sentence(shop: Database) -> None:
    _, found = shop.discover()
    assert found["Mixed"].status == "left out"
    assert "differ in case only" in str(found["Mixed"].note)


def test_another_schema_gets_a_folder_of_its_own(shop: Database) -> None:
    content, _ = shop.discover()
    both, found = shop.discover(content, schema="sales")
    assert found["orders"].status == "new"
    report = validate(both)
    assert report.problems == ()
    assert report.configuration
    assert len({job.schema_name for job in report.configuration.jobs}) == 2


def test_a_table_that_its_user_may_not_read_is_left_out_and_hides_no_other(
    shop: Database, services: LocalServices
) -> None:
    shop.execute(
        "create role guest login password 'guest-9f2';\ngrant usage on schema public to guest;\n"
        "grant select on orders to guest;\n"
    )
    guest = replace(shop, secret={**shop.secret, "username": "guest", "password": "guest-9f2"})
    _, found = guest.discover()
    assert (found["orders"].status, found["countries"].status) == ("new", "left out")
    assert "countries" in str(found["countries"].note)


def test_rows_and_tables_that_changed_since_are_marked(shop: Database, services: LocalServices, tmp_path: Path) -> None:
    with ExitStack() as stack:
        other = DATABASES["PostgreSQL"](services, tmp_path, stack)
        other.execute(POSTGRESQL)
        content, _ = other.discover()
        other.execute(
            "alter table orders add column extra date;\ndrop table texts;\ncreate table fresh (id int primary key);\n"
            "alter table full_of rename updated_at to moved;\n"
        )
        _, found = other.discover(content)
    status = {name: one.status for name, one in found.items() if one.status != "kept"}
    assert status == {"orders": "changed", "texts": "gone", "fresh": "new", "full_of": "changed"}
    assert "extra (DATE) is new" in str(found["orders"].note)
    assert "no column of the table any more" in found["full_of"].reasons["watermark_column"]
