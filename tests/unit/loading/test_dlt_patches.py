"""What dlt checks its schemas by is looked up once, and is what it looked up itself."""

from __future__ import annotations

import pytest
from dlt.common import validation
from dlt.common.exceptions import DictValidationException
from dlt.common.schema.typing import TColumnSchema, TTableSchema
from typing_extensions import get_type_hints

from shared.loading.dlt_patches import keep_type_hints


@pytest.mark.parametrize("spec", [TColumnSchema, TTableSchema])
def test_the_types_are_dlts_own_and_are_looked_up_once(spec: type) -> None:
    keep_type_hints()
    known = vars(validation)["get_type_hints"]
    assert known(spec) == get_type_hints(spec)
    assert known(spec) is known(spec)


def test_a_wrong_schema_is_still_refused() -> None:
    keep_type_hints()
    with pytest.raises(DictValidationException, match="unexpected fields"):
        validation.validate_dict(TColumnSchema, {"name": "id", "colour": "red"}, "column")
