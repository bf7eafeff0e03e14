"""What the simulated table refuses, the real one refuses, and both find the same rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import AzureError
from azure.data.tables import EdmType, EntityProperty, TableTransactionError, UpdateMode

from tests.integration.simulation.conftest import Account

NOON = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)


def refused(call: Callable[[], Any]) -> str:
    with pytest.raises(AzureError) as raised:
        call()
    return type(raised.value).__name__


def a_row(key: str, partition: str = "runs", **values: Any) -> dict[str, Any]:
    return {"PartitionKey": partition, "RowKey": key, **values}


def keys(found: Any) -> list[str]:
    return [row["RowKey"] for row in found]


def test_a_row_is_created_once(account: Account) -> None:
    account.table.create_entity(a_row("1", status="RUNNING"))
    assert refused(lambda: account.table.create_entity(a_row("1"))) == "ResourceExistsError"
    assert account.table.get_entity("runs", "1")["status"] == "RUNNING"


def test_a_row_is_replaced_or_merged(account: Account) -> None:
    account.table.upsert_entity(a_row("1", a="1", b="2"), mode=UpdateMode.MERGE)
    account.table.upsert_entity(a_row("1", b="3", c=None), mode=UpdateMode.MERGE)
    assert dict(account.table.get_entity("runs", "1")) == a_row("1", a="1", b="3")
    account.table.upsert_entity(a_row("1", d="4"), mode=UpdateMode.REPLACE)
    assert dict(account.table.get_entity("runs", "1")) == a_row("1", d="4")


def test_a_row_is_updated_only_as_it_was(account: Account) -> None:
    condition: dict[str, Any] = {"match_condition": MatchConditions.IfNotModified}
    first = account.table.create_entity(a_row("1"))["etag"]
    second = account.table.update_entity(a_row("1", a="1"), UpdateMode.REPLACE, etag=first, **condition)["etag"]
    assert first != second
    assert account.table.get_entity("runs", "1").metadata["etag"] == second
    late = refused(lambda: account.table.update_entity(a_row("1"), UpdateMode.REPLACE, etag=first, **condition))
    assert late == "ResourceModifiedError"
    gone = refused(lambda: account.table.update_entity(a_row("2"), UpdateMode.REPLACE, etag=first, **condition))
    assert gone == "ResourceNotFoundError"


def test_a_row_that_is_gone_is_not_found_and_may_be_deleted_again(account: Account) -> None:
    account.table.create_entity(a_row("1"))
    account.table.delete_entity("runs", "1")
    account.table.delete_entity("runs", "1")
    assert refused(lambda: account.table.get_entity("runs", "1")) == "ResourceNotFoundError"


def test_values_come_back_as_they_were(account: Account) -> None:
    row = a_row("1", text="a'b/ü", whole=2**31 - 1, yes=True, part=0.5, time=NOON)
    account.table.create_entity(row | {"long": EntityProperty(2**40, EdmType.INT64)})
    found = account.table.get_entity("runs", "1")
    assert {name: found[name] for name in row} == row
    assert (found["long"].value, found["long"].edm_type) == (2**40, EdmType.INT64)


@pytest.mark.parametrize("key", ["a/b", "a\\b", "a#b", "a?b", "a\nb"])
def test_a_key_with_a_forbidden_character_is_refused(account: Account, key: str) -> None:
    assert refused(lambda: account.table.upsert_entity(a_row(key))) == "HttpResponseError"


@pytest.mark.parametrize("value", [[1], {"a": 1}, 2**31])
def test_a_value_without_a_type_is_refused(account: Account, value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        account.table.upsert_entity(a_row("1", value=value))


def test_a_text_that_is_too_long_is_refused(account: Account) -> None:
    assert refused(lambda: account.table.upsert_entity(a_row("1", text="x" * 33_000))) == "HttpResponseError"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("PartitionKey eq @runs", ["1", "2", "3"]),
        ("PartitionKey eq @runs and status eq @failed", ["2"]),
        ("PartitionKey eq @runs and status eq 'FAILED'", ["2"]),
        ("PartitionKey eq @runs and status ne @failed", ["1"]),
        ("PartitionKey eq @runs and RowKey gt @one", ["2", "3"]),
        ("PartitionKey eq @runs and RowKey ge @one and RowKey lt @three", ["1", "2"]),
        ("PartitionKey eq @runs and RowKey le @one", ["1"]),
        ("PartitionKey eq @runs and ( RowKey eq @one or RowKey eq @three )", ["1", "3"]),
        ("PartitionKey eq @runs and time gt @noon", ["2"]),
        ("PartitionKey eq @nothing", []),
    ],
)
def test_a_query_finds_the_rows_in_the_order_of_their_keys(account: Account, query: str, found: list[str]) -> None:
    account.table.create_entity(a_row("3"))
    account.table.create_entity(a_row("2", status="FAILED", time=NOON.replace(hour=13)))
    account.table.create_entity(a_row("1", status="SUCCESS", time=NOON))
    account.table.create_entity(a_row("2", "latest", status="FAILED"))
    parameters = {"runs": "runs", "failed": "FAILED", "one": "1", "three": "3", "noon": NOON, "nothing": "nothing"}
    parameters = {name: value for name, value in parameters.items() if f"@{name}" in query}
    assert keys(account.table.query_entities(query, parameters=parameters)) == found


def test_a_parameter_ends_at_a_blank(account: Account) -> None:
    """The SDK takes the bracket for a part of its name."""
    parameters = {"runs": "runs", "one": "1"}
    with pytest.raises(KeyError, match=r"one\)"):
        keys(account.table.query_entities("PartitionKey eq @runs and (RowKey eq @one)", parameters=parameters))


def test_a_query_gives_pages_and_chosen_properties(account: Account) -> None:
    for key in "123":
        account.table.create_entity(a_row(key, a=key, b=key))
    query = {"parameters": {"runs": "runs"}, "select": ["RowKey", "a"], "results_per_page": 2}
    pages = account.table.query_entities("PartitionKey eq @runs", **query).by_page()
    assert [[dict(row) for row in page] for page in pages] == [
        [{"RowKey": "1", "a": "1"}, {"RowKey": "2", "a": "2"}],
        [{"RowKey": "3", "a": "3"}],
    ]


def test_a_transaction_is_done_as_a_whole_or_not_at_all(account: Account) -> None:
    account.table.create_entity(a_row("1", a="1", b="1"))
    changes: list[tuple[Any, ...]] = [
        ("upsert", a_row("2", a="2"), {"mode": "replace"}),
        ("update", a_row("1", a="2"), {"mode": "merge"}),
    ]
    with pytest.raises(TableTransactionError):
        account.table.submit_transaction([*changes, ("update", a_row("9", a="2"), {"mode": "merge"})])
    assert keys(account.table.query_entities("PartitionKey eq @runs", parameters={"runs": "runs"})) == ["1"]
    account.table.submit_transaction([*changes, ("create", a_row("3"))])
    account.table.submit_transaction([("delete", a_row("3"))])
    found = list(account.table.query_entities("PartitionKey eq @runs", parameters={"runs": "runs"}))
    assert [dict(row) for row in found] == [a_row("1", a="2", b="1"), a_row("2", a="2")]


def test_a_transaction_with_an_etag_is_refused_once_the_row_has_changed(account: Account) -> None:
    etag = account.table.create_entity(a_row("1", a="1"))["etag"]
    unchanged = {"mode": "replace", "etag": etag, "match_condition": MatchConditions.IfNotModified}
    account.table.submit_transaction([("update", a_row("1", a="2"), unchanged), ("create", a_row("2"))])
    for refused in (("update", a_row("1", a="3"), unchanged), ("create", a_row("2", a="3"))):
        with pytest.raises(TableTransactionError):
            account.table.submit_transaction([("create", a_row("3")), refused])
    found = list(account.table.query_entities("PartitionKey eq @runs", parameters={"runs": "runs"}))
    assert [dict(row) for row in found] == [a_row("1", a="2"), a_row("2")]


def test_a_transaction_changes_one_partition_and_no_row_twice(account: Account) -> None:
    mixed = [("upsert", a_row("1"), {"mode": "replace"}), ("upsert", a_row("1", "latest"), {"mode": "replace"})]
    twice = [("upsert", a_row("1"), {"mode": "replace"}), ("upsert", a_row("1", a="1"), {"mode": "replace"})]
    for changes in (mixed, twice):
        with pytest.raises((AzureError, ValueError)):
            account.table.submit_transaction(changes)
    assert keys(account.table.query_entities("PartitionKey eq @runs", parameters={"runs": "runs"})) == []
