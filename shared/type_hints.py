"""dlt's check of its own schemas, with the types of each kind of dictionary looked up once.

dlt looks them up for every column and table, some twenty times in a load: a quarter of the time of a table with 150
columns, by profile. Its source (`dlt/common/validation.py`) says that the result should be kept.
"""

from __future__ import annotations

from typing import Any

from dlt.common import validation

_look_up = validation.get_type_hints  # type: ignore[attr-defined]  # as it is before anybody replaces it


def keep_type_hints() -> None:
    """Let `validate_dict` find the types of a dictionary's fields where they were found before."""
    validation.get_type_hints = _kept  # type: ignore[attr-defined,assignment]


def _kept(spec: type[Any], globalns: dict[str, Any] | None = None) -> dict[str, Any]:
    """As `typing.get_type_hints`; the names that a class knows are always those of its module."""
    if spec not in _hints:
        _hints[spec] = _look_up(spec, globalns=globalns)
    return _hints[spec]


_hints: dict[type[Any], dict[str, Any]] = {}
