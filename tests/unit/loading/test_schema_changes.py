"""Changes of a table's columns, in words."""

from __future__ import annotations

from shared.loading.schema_changes import schema_changes

BEFORE = {"id": "bigint", "name": "text", "amount": "decimal"}


def test_a_new_table_has_no_changes() -> None:
    assert schema_changes({}, BEFORE, BEFORE) == ()


def test_the_same_columns_are_no_change() -> None:
    assert schema_changes(BEFORE, BEFORE, BEFORE) == ()


def test_added_changed_and_dropped_columns_are_distinguished() -> None:
    after = {"id": "bigint", "name": "text", "amount": "text", "vat": "decimal"}
    assert schema_changes(BEFORE, after, ["id", "amount", "vat"]) == (
        "column 'vat' added (decimal)",
        "column 'amount' changed from decimal to text",
        "column 'name' is gone from the source",
    )
