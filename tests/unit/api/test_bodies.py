"""A body that names nothing starts nothing: an empty list is no wish for everything."""

from __future__ import annotations

import pytest

from shared.api.http import read_body
from shared.api.routes.runs import RunBody


@pytest.mark.parametrize("name", ["job_ids", "tags"])
def test_an_empty_list_starts_nothing(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: the list is empty; leave it out to run every job"):
        read_body(f'{{"{name}": []}}'.encode(), RunBody)
    assert read_body(b"{}", RunBody) == RunBody()
