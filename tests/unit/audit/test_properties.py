"""Python's values in a property of Table Storage, and back."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

from azure.data.tables import EdmType, EntityProperty

from shared.audit.properties import PROPERTY_LIMIT, as_properties, as_row

HERE = timezone(timedelta(hours=2))


def test_values_come_back_as_they_were() -> None:
    values = {
        "status": "SUCCESS",
        "retryable": False,
        "rows_written": 2**31 - 1,
        "bytes_written": 5 * 2**31,
        "duration_seconds": 1.5,
        "schema_changes": ["column a is new"],
        "duration_by_stage": {"extract": 1.0},
        "start_time": datetime(2024, 1, 1, 2, tzinfo=HERE),
    }
    assert as_row(as_properties(values)) == values


def test_what_is_larger_than_two_gigabytes_is_a_long_integer() -> None:
    assert as_properties({"bytes": 2**31}) == {"bytes": EntityProperty(2**31, EdmType.INT64)}


def test_what_is_not_there_has_no_property() -> None:
    assert as_properties({"error_message": None}) == {}


def test_a_long_list_keeps_its_beginning_and_says_how_much_is_missing() -> None:
    changes = [f"column c{number} is new" for number in range(1000)]
    text = as_properties({"schema_changes": changes})["schema_changes"]
    assert len(text) <= PROPERTY_LIMIT
    kept = as_row({"schema_changes": text})["schema_changes"]
    assert kept[:-1] == changes[: len(kept) - 1]
    assert kept[-1] == f"… and {1000 - len(kept) + 1} more"


def test_a_large_object_keeps_its_beginning() -> None:
    text = as_properties({"wildcards": {f"all_tables_{number}": number for number in range(1000)}})["wildcards"]
    assert PROPERTY_LIMIT // 2 < len(text) <= PROPERTY_LIMIT
    assert json.loads(text)["all_tables_7"] == 7


def test_json_that_was_cut_off_when_it_was_written_is_left_out() -> None:
    assert as_row({"schema_changes": '["a", "b…', "status": "FAILED"}) == {"status": "FAILED"}
