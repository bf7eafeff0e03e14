"""What `GET /api/health` answers every caller: whether the app can work, without a name or an address of anything."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, NamedTuple

from azure.core.exceptions import ResourceNotFoundError

from shared.activation.store import configuration_store
from shared.api.answers import Health, Unhealthy
from shared.audit.runs import any_run
from shared.errors.hierarchy import SettingsError
from shared.planning.triggers import trigger_problems
from shared.telemetry.invocation import carried

log = logging.getLogger(__name__)

SECONDS = 10.0  # in which the checks must end
_threads = ThreadPoolExecutor(4, thread_name_prefix="health")  # of its own: it waits for no other call


class _Check(NamedTuple):
    state: Literal["ok", "missing", "unjudged", "unreachable", "wrong"]
    problems: tuple[str, ...] = ()


async def health() -> Health | Unhealthy:
    """Whether all is well, the state of each part, and what is wrong as sentences."""
    try:
        return await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(_threads, carried(_look)), SECONDS)
    except TimeoutError:
        sentence = f"The storage accounts did not answer within {SECONDS:.0f} seconds."
        return _answer({"settings": _Check("ok"), "storage": _Check("unreachable", (sentence,))})


def _look() -> Health | Unhealthy:
    try:
        triggers = trigger_problems()
    except SettingsError as error:
        return _answer({"settings": _Check("wrong", (str(error),))})
    checks = {"settings": _Check("wrong" if triggers else "ok", tuple(triggers.values()))}
    checks["audit"] = _guarded("audit", _audit)
    checks["configuration"] = _guarded("configuration", _configuration)
    return _answer(checks)


def _answer(checks: dict[str, _Check]) -> Health | Unhealthy:
    problems = [problem for check in checks.values() for problem in check.problems]
    content = {"checks": {name: check.state for name, check in checks.items()}, "problems": problems}
    if problems:
        return Unhealthy.model_validate({"status": "unhealthy", **content})
    return Health.model_validate({"status": "healthy", **content})


def _guarded(part: str, check: Callable[[], _Check]) -> _Check:
    try:
        return check()
    except Exception:
        log.exception("The %s storage cannot be reached", part)
        return _Check("unreachable", (f"The {part} storage cannot be reached; the app's log says why.",))


def _audit() -> _Check:
    """Asks the table itself: that it could be made once says nothing of now."""
    try:
        any_run()
    except ResourceNotFoundError:
        return _Check("missing", ("The audit table does not exist: restart the app, which creates it.",))
    return _Check("ok")


def _configuration() -> _Check:
    store = configuration_store()
    if store.has_unjudged_upload():  # the blob trigger, or the next run, takes it in; the last good version is active
        return _Check("unjudged")
    if store.active():
        return _Check("ok")
    if any_run():  # an app without a workbook is new and well, unless it has worked with one
        return _Check("missing", ("The app has carried out runs, but finds no active workbook: upload it again.",))
    return _Check("missing")
