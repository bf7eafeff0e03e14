"""What masks make of values: one text for each value in whatever type, and errors that show none."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as some

from shared.errors.hierarchy import ConfigurationError, SourceError
from shared.jobs.masks import mask_of
from shared.mask_key import MaskKey
from shared.sources.canonical import Spelling, text_of, texts_of
from shared.sources.masking import ColumnMask, Hasher, find_masks, hasher_for, masked_value
from tests.builders import a_job

KEY = MaskKey("a key of thirty-two characters ..")
HASHER = Hasher(KEY)
EAST = timezone(timedelta(hours=2))

SAME: dict[str, list[tuple[pa.DataType, Any]]] = {
    "42": [
        (pa.int64(), 42),
        (pa.decimal128(10, 2), Decimal("42.00")),
        (pa.decimal128(38, 9), Decimal("42")),
        (pa.float64(), 42.0),
        (pa.string(), "42"),
    ],
    "-0.1": [(pa.decimal128(5, 3), Decimal("-0.100")), (pa.float64(), -0.1), (pa.string(), "-0.1")],
    "0": [(pa.float64(), -0.0), (pa.decimal128(3, 2), Decimal("0.00")), (pa.int64(), 0)],
    "100000000000000000000": [(pa.float64(), 1e20), (pa.decimal128(38, 0), Decimal(10) ** 20)],
    "true": [(pa.bool_(), True)],
    "2024-02-29": [
        (pa.date32(), date(2024, 2, 29)),
        (pa.timestamp("us"), datetime(2024, 2, 29)),
        (pa.string(), "2024-02-29"),
    ],
    "2024-02-29T12:30:00.5": [(pa.timestamp("us"), datetime(2024, 2, 29, 12, 30, 0, 500_000))],
    "2024-02-29T00:00:00Z": [
        (pa.timestamp("us", "UTC"), datetime(2024, 2, 29, tzinfo=UTC)),
        (pa.timestamp("us", "UTC"), datetime(2024, 2, 29, 2, tzinfo=EAST)),
    ],
    "12:30:00": [(pa.time64("us"), time(12, 30))],
    "00ff": [(pa.binary(), b"\x00\xff")],
    "\u00e9": [(pa.string(), "\u00e9")],
    "e\u0301": [(pa.string(), "e\u0301")],
    " Ada ": [(pa.string(), " Ada ")],
    "": [(pa.string(), ""), (pa.binary(), b"")],
}


@pytest.mark.parametrize(("text", "values"), SAME.items(), ids=map(repr, SAME))
def test_a_value_has_one_text_and_one_hash_in_every_type(text: str, values: list[tuple[pa.DataType, Any]]) -> None:
    expected = hmac.new(KEY.text.encode(), text.encode(), hashlib.sha256).hexdigest()
    for kind, value in values:
        mask = ColumnMask(mask_of("hash"), "c", HASHER)
        column = pa.chunked_array([pa.array([value, None, value], kind)])
        assert mask.of(column).to_pylist() == [expected, None, expected], kind
        assert mask.type_of(kind) == pa.string()
        assert masked_value(mask_of("hash"), value, "c", HASHER) == expected, kind


def test_texts_that_only_print_a_value_are_spelled_as_the_value_is() -> None:
    cases: list[tuple[Spelling, str, str]] = [
        ("uuid", "6F9619FF-8B86-D011-B42D-00C04FC964FF", "6f9619ff-8b86-d011-b42d-00c04fc964ff"),
        ("padded", "CH   ", "CH"),
        ("number", "5.00", "5"),
        ("number", "1E+2", "100"),
        ("number", "NaN", "NaN"),
        ("as it is", "6F96 ", "6F96 "),
    ]
    for spelling, printed, text in cases:
        assert texts_of(pa.array([printed]), spelling) == [text], spelling
    assert text_of(UUID("6F9619FF-8B86-D011-B42D-00C04FC964FF")) == "6f9619ff-8b86-d011-b42d-00c04fc964ff"


def test_dates_and_moments_that_python_does_not_have_have_a_text_too() -> None:
    days = pa.array([-800_000, 0], pa.int32()).cast(pa.date32())
    moments = pa.array([-800_000 * 86_400_000_000, -800_000 * 86_400_000_000 + 500_000, 0], pa.timestamp("us"))
    day = texts_of(days)[0]
    assert day.startswith("-0")
    assert texts_of(moments) == [day, f"{day}T00:00:00.5", "1970-01-01"]
    assert texts_of(moments.cast(pa.timestamp("us", "UTC")))[:2] == [f"{day}T00:00:00Z", f"{day}T00:00:00.5Z"]


_KINDS = {
    pa.int64(): some.integers(-(2**63), 2**63 - 1),
    pa.float64(): some.floats(allow_nan=False),
    pa.decimal128(12, 4): some.decimals(-(10**7), 10**7, places=4),
    pa.string(): some.text(some.characters(exclude_categories=["Cs"])),
    pa.binary(): some.binary(),
    pa.date32(): some.dates(),
    pa.time64("us"): some.times(),
    pa.timestamp("us"): some.datetimes(),
    pa.timestamp("us", "UTC"): some.datetimes(timezones=some.just(UTC)),
    pa.bool_(): some.booleans(),
}


@given(some.data())
def test_different_values_of_one_column_keep_different_texts(data: some.DataObject) -> None:
    kind = data.draw(some.sampled_from(list(_KINDS)))
    values = data.draw(some.lists(_KINDS[kind], max_size=20))
    texts = texts_of(pa.array(values, kind))
    assert len(set(texts)) == len(set(values)), (kind, values)


@given(some.lists(some.one_of(*_KINDS.values(), some.none())))
def test_a_huge_exponent_or_any_other_value_has_a_short_text(values: list[Any]) -> None:
    for value in [*values, Decimal("1E+999999999"), Decimal("-12E-999999")]:
        if value is not None and not isinstance(value, (str, bytes)):
            assert len(text_of(value)) < 500


@pytest.mark.parametrize(
    ("kind", "values", "masked"),
    [
        (
            pa.string(),
            ["0123456789", "12345", "1234", "", "a😀bcd", None],
            ["6789", "2345", "****", "****", "😀bcd", None],
        ),
        (pa.int64(), [41791234567, 1234], ["4567", "****"]),
        (pa.date32(), [date(1990, 5, 1)], ["5-01"]),
    ],
)
def test_last_keeps_the_end_and_never_the_whole(kind: pa.DataType, values: list[Any], masked: list[Any]) -> None:
    mask = ColumnMask(mask_of("last4"), "c")
    assert mask.of(pa.chunked_array([pa.array(values, kind)])).to_pylist() == masked
    assert [masked_value(mask_of("last4"), value, "c", None) for value in values] == masked


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.date32(), [date(1990, 5, 1), None]),
        (pa.timestamp("us"), [datetime(1990, 12, 31, 23), None]),
        (pa.timestamp("us", "UTC"), [datetime(1990, 12, 31, 23, tzinfo=UTC), None]),
        (pa.string(), ["1990-05-01", None]),
        (pa.string(), ["1990-05-01T10:00:00Z", None]),
    ],
)
def test_year_keeps_the_year_as_a_number(kind: pa.DataType, values: list[Any]) -> None:
    mask = ColumnMask(mask_of("year"), "c")
    found = mask.of(pa.chunked_array([pa.array(values, kind)]))
    assert (found.type, found.to_pylist(), mask.type_of(kind)) == (pa.int64(), [1990, None], pa.int64())
    assert [masked_value(mask_of("year"), value, "c", None) for value in values] == [1990, None]


def test_null_keeps_the_type_and_no_value() -> None:
    mask = ColumnMask(mask_of("null"), "c")
    found = mask.of(pa.chunked_array([pa.array([1.5, 2.5])]))
    assert (found.type, found.to_pylist(), mask.type_of(pa.float64())) == (pa.float64(), [None, None], pa.float64())
    assert masked_value(mask_of("null"), {"any": "thing"}, "c", None) is None


def test_a_value_that_its_mask_does_not_fit_is_an_error_without_the_value() -> None:
    secret = "canary-4711"
    year = ColumnMask(mask_of("year"), "birth")
    refused: list[Callable[[], Any]] = [
        lambda: year.of(pa.chunked_array([[secret]])),
        lambda: year.type_of(pa.float64()),
        lambda: masked_value(mask_of("year"), secret, "birth", None),
        lambda: masked_value(mask_of("hash"), {"a": secret}, "birth", HASHER),
        lambda: masked_value(mask_of("last4"), [secret], "birth", None),
    ]
    for refuse in refused:
        with pytest.raises(SourceError, match="birth") as refusal:
            refuse()
        assert secret not in str(refusal.value)


NAMES = ["id", "Email", "phone_no", "born"]

FOUND: list[tuple[dict[str, str], list[str], str | None]] = [
    ({"Email": "hash", "born": "year"}, [], None),
    ({"fax": "hash?"}, [], None),
    ({"fax": "hash"}, [], "masked_columns 'fax' is not a column"),
    ({"fax": "hash?"}, ["fax"], "The last load has masked it"),
    ({"email": "hash"}, [], "'Email': write it as the source does"),
    ({"email": "hash?"}, [], "'Email': write it as the source does"),
    ({"phoneNo": "null?"}, [], "'phone_no': write it as the source does"),
    ({"id": "hash"}, [], "'id' of table 't' is not read"),
]


@pytest.mark.parametrize(("masks", "before", "refused"), FOUND)
def test_a_masked_column_is_there_as_it_is_written_or_the_load_fails(
    masks: dict[str, str], before: list[str], refused: str | None
) -> None:
    job = a_job(masked_columns=masks)
    if refused is None:
        found = find_masks(job, "table 't'", NAMES, NAMES[1:], before)
        assert {name: str(mask) for name, mask in found.items()} == {
            name: text for name, text in masks.items() if not text.endswith("?")
        }
        return
    with pytest.raises(SourceError, match=refused):
        find_masks(job, "table 't'", NAMES, NAMES[1:], before)


def test_a_job_that_hashes_needs_the_key_and_no_other_job_does() -> None:
    assert hasher_for(a_job(masked_columns={"a": "last4"}), None) is None
    with pytest.raises(ConfigurationError, match="there is no key"):
        hasher_for(a_job(masked_columns={"a": "hash?"}), None)


def test_the_version_of_a_key_names_it_and_does_not_hold_it() -> None:
    assert KEY.version == MaskKey(KEY.text).version != MaskKey(KEY.text + "x").version
    assert KEY.text not in repr(KEY)
    assert len(KEY.version) == 12
