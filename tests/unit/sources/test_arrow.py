"""Batches become the schema's types, and no value becomes another one."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors.hierarchy import SourceError
from shared.sources.arrow import conform


def decimals(texts: list[str | None], precision: int = 38, scale: int = 9) -> list[Decimal | None]:
    batch = pa.record_batch({"n": pa.array(texts, pa.string())})
    values: list[Decimal | None] = (
        conform(batch, pa.schema([("n", pa.decimal128(precision, scale))])).column("n").to_pylist()
    )
    return values


@given(st.decimals(allow_nan=False, allow_infinity=False), st.integers(0, 60))
def test_a_number_comes_whole_or_not_at_all(number: Decimal, zeros: int) -> None:
    text = f"{number:f}"
    text += ("" if "." in text else ".") + "0" * zeros
    text = text.rstrip(".")
    try:
        (value,) = decimals([text])
    except SourceError:
        whole, _, fraction = text.lstrip("-").partition(".")
        assert len(whole.lstrip("0")) > 29 or len(fraction.rstrip("0")) > 9
    else:
        assert value == number


@pytest.mark.parametrize(
    ("text", "value"), [("1.5E+3", Decimal(1500)), ("-2E-3", Decimal("-0.002")), (".5", Decimal("0.5"))]
)
def test_oracle_writes_numbers_shorter_than_others(text: str, value: Decimal) -> None:
    assert decimals([text, None]) == [value, None]


@pytest.mark.parametrize("text", ["1E+64", "1E-64", "NaN", "Infinity", "-inf", "", "1.5.5"])
def test_what_is_no_number_of_the_type_is_an_error(text: str) -> None:
    with pytest.raises(SourceError):
        decimals(["1", text])


@pytest.mark.parametrize("digits", [30, 38, 39, 42, 44, 61, 77, 200, 131072])
def test_a_number_with_too_many_digits_is_an_error(digits: int) -> None:
    with pytest.raises(SourceError, match=r"Column 'n' holds 999999.*does not fit decimal128"):
        decimals(["1.5", None, "9" * digits])


def test_an_extension_type_becomes_what_it_stores() -> None:
    stored = pa.array(["1.50"], pa.string())
    column = pa.ExtensionArray.from_storage(pa.opaque(pa.string(), "numeric", "PostgreSQL"), stored)
    table = conform(pa.record_batch({"n": column}), pa.schema([("n", pa.decimal128(10, 2))]))
    assert table.column("n").to_pylist() == [Decimal("1.50")]


def test_the_error_shows_the_first_value_that_does_not_fit() -> None:
    batch = pa.record_batch({"n": pa.array(["1", "2", "three", "4", "five"])})
    with pytest.raises(SourceError, match=r"Column 'n' holds three, which does not fit int64.*for example n:text"):
        conform(batch, pa.schema([("n", pa.int64())]))
