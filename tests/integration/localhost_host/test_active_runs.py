"""The app finds every active run, however many instances there are."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from shared.runs.orchestrations import active_runs
from tests.integration.localhost_host.sample import Sample


async def test_active_runs_are_found_beyond_the_first_page(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadPoolExecutor(8) as threads:
        started = set(threads.map(lambda n: sample.start("approval", 600, f"active-{n:03}")["id"], range(120)))
    asked: list[dict[str, str]] = []
    plain_get = requests.get

    def get(url: str, headers: dict[str, str], **arguments: Any) -> requests.Response:
        asked.append(headers)
        return plain_get(url, headers=headers | {"x-functions-key": sample.host.master_key}, **arguments)

    monkeypatch.setattr("shared.runs.orchestrations.requests.get", get)
    address = f"{sample.host.url}/runtime/webhooks/durabletask/"
    client: Any = SimpleNamespace(_orchestration_bindings=SimpleNamespace(rpc_base_url=address))
    found = await active_runs(client, "approval")
    assert started <= set(found)
    assert len(found) == len(set(found))
    assert len(asked) > 1
