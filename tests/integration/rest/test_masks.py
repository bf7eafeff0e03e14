"""Masks of an API's rows: by name at any depth, optional fields, and nothing plain kept for the next attempt."""

from __future__ import annotations

import gzip
import hashlib
import hmac
from typing import Any

import pytest

from shared.errors.hierarchy import ConfigurationError, SourceError
from shared.mask_key import MaskKey
from shared.models.job import Job
from shared.sources.rest.masking import RowMasks
from tests.api_server import ApiServer, Reply
from tests.integration.rest.conftest import Lake, api_job

KEY = MaskKey("a key of thirty-two characters ..")
OTHER = MaskKey("another key of 32 characters ....")


def hashed(text: str, key: MaskKey = KEY) -> str:
    return hmac.new(key.text.encode(), text.encode(), hashlib.sha256).hexdigest()


def masked(rows: list[Any], **cells: Any) -> list[Any]:
    return RowMasks(api_job("/x", **cells), KEY).masked(rows)


NESTED: dict[str, Any] = {
    "id": 1,
    "user": {"email": "a@x", "age": 40},
    "lines": [{"email": "b@x", "note": "n", "tags": ["red", None]}, {"email": None}],
}

NAMED: list[tuple[dict[str, str], dict[str, Any]]] = [
    ({"user__email": "hash"}, {**NESTED, "user": {"email": hashed("a@x"), "age": 40}}),
    ({"user": "null"}, {**NESTED, "user": None}),
    ({"email": "last1"}, {**NESTED, "lines": [{**NESTED["lines"][0], "email": "x"}, {"email": None}]}),
    ({"lines__email": "null"}, {**NESTED, "lines": [{**NESTED["lines"][0], "email": None}, {"email": None}]}),
    (
        {"lines__tags__value": "hash?"},
        {**NESTED, "lines": [{**NESTED["lines"][0], "tags": [hashed("red"), None]}, {"email": None}]},
    ),
    ({"lines__tags": "null"}, {**NESTED, "lines": [{**NESTED["lines"][0], "tags": None}, {"email": None}]}),
]


@pytest.mark.parametrize(("masks", "expected"), NAMED, ids=lambda value: str(next(iter(value))))
def test_a_mask_names_a_column_of_any_table_that_the_rows_become(masks: dict[str, str], expected: Any) -> None:
    assert masked([NESTED], masked_columns=masks) == [expected]


def test_within_json_only_whole_fields_are_masked() -> None:
    assert masked([NESTED], masked_columns={"user": "null"}, api_nested="json") == [{**NESTED, "user": None}]
    with pytest.raises(SourceError, match="'email' is not a column"):
        masked([NESTED], masked_columns={"email": "hash"}, api_nested="json")


def test_tables_of_lists_have_the_types_of_their_masks(lake: Lake, server: ApiServer) -> None:
    rows = [{"id": n, "zip": "0123", "items": [{"code": f"{n:05}", "born": "1990-01-31", "name": "x"}]} for n in (1, 2)]
    server.endpoints["/typed"] = lambda _: Reply(rows)
    masks = {"zip": "last2", "items__code": "last3", "items__born": "year", "items__name": "null"}
    lake.load(api_job("/typed", masked_columns=masks), mask_key=KEY)
    assert [row["zip"] for row in lake.rows()] == ["23", "23"]
    found = lake.table("things__items")
    assert [str(found.schema.field(name).type) for name in ("code", "born", "name")] == ["string", "int64", "string"]
    assert [(row["code"], row["born"], row["name"]) for row in found.to_pylist()] == [
        ("001", 1990, None),
        ("002", 1990, None),
    ]


def test_an_optional_column_may_be_absent_until_another_comes_in_its_place(lake: Lake, server: ApiServer) -> None:
    job = api_job("/optional", masked_columns={"email": "hash?"})
    said: list[str] = []
    options: dict[str, Any] = {"mask_key": KEY, "warn": said.append}
    server.endpoints["/optional"] = lambda _: Reply([{"id": 1}])
    lake.load(job, **options)
    assert said == ["masked_columns 'email' was in no row of this load: see that its name is right."]
    server.endpoints["/optional"] = lambda _: Reply([{"id": 1, "email": "a@x"}])
    assert lake.load(job, **options)[0]["email"] == hashed("a@x")
    server.endpoints["/optional"] = lambda _: Reply([{"id": 1}])
    lake.load(job, **options, masked_before=frozenset(["email"]))
    server.endpoints["/optional"] = lambda _: Reply([{"id": 1, "mail": "a@x"}])
    with pytest.raises(SourceError, match="The last load has masked it"):
        lake.load(job, **options, masked_before=frozenset(["email"]))


def test_a_page_without_the_column_fails_the_load(lake: Lake, server: ApiServer) -> None:
    pages = [[{"id": 1, "email": "a@x"}], [{"id": 2, "mail": "canary@x"}]]
    server.endpoints["/pages"] = lambda request: Reply({"items": pages[request.number("offset", 0)], "total": 2})
    job = api_job("/pages", pagination_type="offset", api_page_size=1, masked_columns={"email": "hash"})
    with pytest.raises(SourceError, match="'email' is not a column of the rows of a page") as refusal:
        lake.load(job, mask_key=KEY)
    assert "canary" not in str(refusal.value)


class Kept:
    """A stage in memory."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}

    def names(self) -> list[str]:
        return list(self.contents)

    def read(self, name: str) -> bytes:
        return self.contents[name]

    def write(self, name: str, content: bytes) -> None:
        self.contents[name] = content

    def clear(self) -> None:
        self.contents.clear()


def parents_job(**cells: Any) -> Job:
    return api_job("/kept/{each}", api_for_each="list: 1, 2, 3", **cells)


def test_what_is_kept_for_the_next_attempt_is_masked_and_of_one_key(lake: Lake, server: ApiServer) -> None:
    stage, job = Kept(), parents_job(masked_columns={"email": "hash"})
    server.endpoints["/kept/1"] = lambda _: Reply([{"id": 1, "email": "canary@x"}])
    server.endpoints["/kept/2"] = lambda _: Reply([{"id": 2, "email": "b@x"}])
    server.endpoints["/kept/3"] = lambda _: Reply({"error": "canary@x"}, 400)
    with pytest.raises(SourceError) as refusal:
        lake.load(job, mask_key=KEY, stage=stage)
    kept = b"".join(map(gzip.decompress, stage.contents.values()))
    assert hashed("canary@x").encode() in kept
    assert b"canary" not in kept + str(refusal.value).encode()
    server.endpoints["/kept/3"] = lambda _: Reply([])
    asked = len(server.asked("/kept/1"))
    assert [row["email"] for row in lake.load(job, mask_key=KEY, stage=stage)] == [hashed("canary@x"), hashed("b@x")]
    assert len(server.asked("/kept/1")) == asked
    rows = lake.load(job, mask_key=OTHER, stage=stage)
    assert [row["email"] for row in rows] == [hashed("canary@x", OTHER), hashed("b@x", OTHER)]


def test_a_question_whose_rows_lack_an_optional_column_is_not_kept(lake: Lake, server: ApiServer) -> None:
    stage, job = Kept(), parents_job(masked_columns={"email": "hash?"})
    server.endpoints["/kept/1"] = lambda _: Reply([{"id": 1, "email": "a@x"}])
    server.endpoints["/kept/2"] = lambda _: Reply([{"id": 2, "mail": "canary@x"}])
    server.endpoints["/kept/3"] = lambda _: Reply({}, 400)
    with pytest.raises(SourceError):
        lake.load(job, mask_key=KEY, stage=stage)
    kept = b"".join(map(gzip.decompress, stage.contents.values()))
    assert hashed("a@x").encode() in kept
    assert b"canary" not in kept


def test_what_is_written_into_addresses_is_not_masked() -> None:
    parent = api_job("/parents", job_id="parents", masked_columns={"user__email": "hash"})
    job = api_job("/x/{each}", api_for_each="parents.user.email", api_parent=parent)
    with pytest.raises(ConfigurationError, match="writes a column into addresses that job 'parents' masks"):
        RowMasks(job, KEY)
    own = api_job("/x/{each}", api_for_each="parents.id", masked_columns={"parent_id": "hash"})
    with pytest.raises(ConfigurationError, match="cannot be masked"):
        RowMasks(own, KEY)
