"""What one caller may ask of the app, and how much of it is repeated in an answer."""

from __future__ import annotations

import asyncio
import json

import azure.functions as func
import pytest
from pydantic import BaseModel

from shared.api.endpoint import Endpoint
from shared.api.gate import AT_ONCE, WAITING
from shared.api.http import problem_response, read_body
from shared.api.routes.runs import RunBody
from shared.api.serving import serve


class Busy(BaseModel):
    """How many calls were carried out at once."""

    at_once: int


class Route:
    """A route that takes its time."""

    def __init__(self) -> None:
        self.busy = self.most = 0
        self.release = asyncio.Event()

    async def answer(self, key: str) -> func.HttpResponse:
        async def look() -> Busy:
            self.busy += 1
            self.most = max(self.most, self.busy)
            await self.release.wait()
            self.busy -= 1
            return Busy(at_once=self.busy)

        request = func.HttpRequest("GET", "/api/look", headers={"x-functions-key": key}, params={}, body=b"")
        return await serve(Endpoint("GET", "look", look), request, {})


async def test_a_caller_keeps_a_few_threads_busy_and_no_other_caller_waits_for_it() -> None:
    route, other = Route(), Route()
    calls = [asyncio.create_task(route.answer("one")) for _ in range(40)]
    await asyncio.sleep(0.05)
    other.release.set()
    assert (await asyncio.wait_for(other.answer("two"), 5)).status_code == 200
    route.release.set()
    assert {(await call).status_code for call in calls} == {200}
    assert route.most == AT_ONCE


async def test_a_caller_with_too_many_calls_is_refused() -> None:
    route = Route()
    calls = [asyncio.create_task(route.answer("one")) for _ in range(AT_ONCE + WAITING)]
    await asyncio.sleep(0.05)
    refused = await route.answer("one")
    assert (refused.status_code, json.loads(refused.get_body())["detail"]) == (
        429,
        "64 of your calls are being answered; send fewer at once.",
    )
    route.release.set()
    assert {(await call).status_code for call in calls} == {200}
    assert (await route.answer("one")).status_code == 200


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"job_ids": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", "the body is nested too deeply"),
        (b"[" * 100_000, "the body is nested too deeply"),
        (b'{"run_id": "' + b"x" * 5_000_000 + b'"}', "the body has more than 4 MiB"),
        (b'{"job_ids": ["' + b"x" * 90_000_000 + b'"]}', "the body has more than 4 MiB"),
        (b'{"job_ids": ["\\ud800"]}', "the body holds half of a character"),
        (b'{"\\udfff": 1}', "the body holds half of a character"),
        (b'{"job_ids": ["\xed\xa0\x80"]}', "the body holds half of a character"),
    ],
    ids=["deep", "open", "long", "a job id of 90 MB", "a surrogate", "a name", "bytes of one"],
)
def test_a_body_that_no_caller_needs_is_refused(body: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_body(body, RunBody)


def test_an_answer_repeats_the_beginning_of_what_was_sent() -> None:
    response = problem_response(400, "There is no job " + "x" * 10_000_000, ["\x1b[2J" + "y" * 10_000] * 5_000)
    answer = json.loads(response.get_body())
    assert len(response.get_body()) < 200_000
    assert len(answer["detail"]) == 1000
    assert answer["problems"][0].startswith("?[2Jyyy")
    assert answer["problems"][-1] == "and 4900 more"
