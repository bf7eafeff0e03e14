"""Exports: the API is asked for one, says when it is ready, and gives it as files.

The order is the job's own request. What was ordered is noted for the next attempt of the run, which waits for it
instead of ordering another one.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urljoin

from shared.errors.hierarchy import SourceError, TransientError
from shared.sources.rest.answer import Answer
from shared.sources.rest.client import Call
from shared.sources.rest.faults import TryAgainError
from shared.sources.rest.manners import pause_asked
from shared.sources.rest.page import PageReader, answer_value
from shared.sources.rest.parsing import parse
from shared.sources.rest.paths import value_at, values_at
from shared.sources.rest.staging import Staging, question_key
from shared.sources.rest.templates import filled
from shared.sources.rest.verdict import refuse_failures
from shared.sources.rest.words import FAILED, STATUS, word

LONGEST_WATCH = 1800.0
"""Seconds for which one attempt asks whether an export is ready; then the run waits on a durable timer."""

_PAUSE_BETWEEN = 120.0  # of that timer
_LONGEST_PAUSE = 30.0  # between two questions, if the API does not say how long
_PLACES = ("Operation-Location", "Azure-AsyncOperation", "Location", "Content-Location")
_DONE = frozenset(
    [
        "done",
        "complete",
        "completed",
        "finished",
        "success",
        "succeeded",
        "successful",
        "ready",
        "available",
        "exported",
        "jobcomplete",
        "processed",
        "generated",
        "ok",
    ]
)
_BROKEN = FAILED | {"cancelled", "canceled", "expired", "deleted", "fatal", "stopped", "terminated"}
_NOT_YET = 202
_REDIRECTS = (301, 302, 303, 307, 308)
_GONE = (404, 410)


@dataclass(frozen=True)
class _Ready:
    """What the API said of a finished export: where it was asked, and its answer."""

    call: Call
    answer: Answer
    document: Any


class Export:
    """The exports of one job.

    Args:
        reader: Knows the job and sends its requests.
        staging: What an earlier attempt has noted.
    """

    def __init__(self, reader: PageReader, staging: Staging) -> None:
        self._reader = reader
        self._staging = staging
        self._options: Mapping[str, str] = reader.job.api_export

    def files(self, order: Call) -> Iterator[Call]:
        """Order an export, wait for it, and give the requests for its files.

        Raises:
            SourceError: it failed, or the answers do not say where it is.
            TransientError: it takes longer than an attempt may wait.
        """
        note = f"export-{question_key(order)}"
        known = self._staging.note(note)
        ready = self._watched(known) if known else None
        if ready is None:
            known = self._ordered(order)
            if self._reader.client.is_at_home(known["status"]):
                self._staging.keep_note(note, known)
            ready = self._watched(known)
        if ready is None:
            raise SourceError(f"{self._reader.client.place(order)} was ordered, but the API does not know the export.")
        yield from self._files(ready, known)

    def _ordered(self, order: Call) -> dict[str, str]:
        """Order the export; gives its id, and the address that says whether it is ready."""
        answer = self._reader.client.fetch(replace(order, waits=True, label="order of the export"))
        document = self._document(answer)
        number = value_at(document, self._options["id"]) if "id" in self._options else None
        if "id" in self._options and (number is None or isinstance(number, (dict, list))):
            raise SourceError(f"{answer.place} names no export at '{self._options['id']}'; see id in api_export.")
        export = "" if number is None else str(number)
        place = self._options.get("status")
        if place and place.startswith("/"):
            return {"id": export, "status": self._path(place, export)}
        link = answer_value(answer, document, place) if place else self._location(answer)
        if not isinstance(link, str) or not link:
            raise SourceError(
                f"{answer.place} was accepted, but does not say when the export is ready: name the path or the place "
                f"of the address by status in api_export. It says: {answer.excerpt()}"
            )
        return {"id": export, "status": urljoin(order.url, link)}

    def _watched(self, known: Mapping[str, str]) -> _Ready | None:
        """Wait until the export is ready; None if the API does not know it."""
        client, began, asked = self._reader.client, time.monotonic(), 0
        call = client.leading(Call(known["status"], "status of the export", waits=True))
        while True:
            answer = client.fetch(call, _GONE)
            if answer.is_empty:
                return None
            document = None if answer.status in _REDIRECTS else self._document(answer)
            state = self._state(document)
            if state is not None and word(state) in self._words("failed", _BROKEN):
                raise SourceError(f"{answer.place} says that it is {answer.shown(state, 60)}: {answer.excerpt()}")
            if self._is_ready(answer, document, state):
                return _Ready(call, answer, document)
            self._pause(answer, state, asked, time.monotonic() - began)
            asked += 1

    def _is_ready(self, answer: Answer, document: Any, state: str | None) -> bool:
        if answer.status in _REDIRECTS:
            return True
        if "state" in self._options:
            return state is not None and word(state) in self._words("done", _DONE)
        place = self._options.get("file", "/")
        return answer.status != _NOT_YET and (place.startswith("/") or bool(values_at(document, place)))

    def _pause(self, answer: Answer, state: str | None, asked: int, waited: float) -> None:
        patience = self._reader.client.patience
        wanted = pause_asked(answer)
        pause = wanted or min(patience.first_pause * 2 * 2 ** min(asked, 10), _LONGEST_PAUSE)
        if wanted > patience.longest_pause or waited > LONGEST_WATCH:
            raise TransientError(
                f"{answer.place} is not ready yet{f' ({answer.shown(state, 60)})' if state else ''}.",
                max(wanted, _PAUSE_BETWEEN),
            )
        self._reader.client.sleep(pause)

    def _files(self, ready: _Ready, known: Mapping[str, str]) -> Iterator[Call]:
        client, place = self._reader.client, self._options.get("file")
        if ready.answer.status in _REDIRECTS:
            links: list[Any] = [ready.answer.headers.get("Location", "")]
        elif place is None:
            yield Call(ready.call.url, "export", away=ready.call.away)
            return
        elif place.startswith("/"):
            yield Call(self._path(place, known["id"]), "export")
            return
        else:
            found = values_at(ready.document, place)
            links = [one for value in found for one in (value if isinstance(value, list) else [value])]
            if not found or not all(isinstance(link, str) and link for link in links):
                raise SourceError(
                    f"{ready.answer.place} is ready, but has no address at '{place}'; see file in api_export. "
                    f"It says: {ready.answer.excerpt()}"
                )
        for number, link in enumerate(links, 1):
            yield client.leading(Call(urljoin(ready.call.url, link), f"file {number} of the export"))

    def _state(self, document: Any) -> str | None:
        """What the API says of the export: at the place that the job names, or in a usual one."""
        if "state" in self._options:
            found = value_at(document, self._options["state"])
            return None if found is None else str(found)
        fields = document.items() if isinstance(document, dict) else ()
        return next((value for name, value in fields if word(name) in STATUS and isinstance(value, str)), None)

    def _words(self, option: str, otherwise: frozenset[str]) -> frozenset[str]:
        named = self._options.get(option)
        return frozenset(word(part) for part in re.split(r"[,|]", named)) if named else otherwise

    def _document(self, answer: Answer) -> Any:
        """An answer as JSON; None if it is something else, such as the export itself."""
        if not answer.body.strip() or not answer.content_type.endswith(("/json", "+json")):
            return None
        try:
            document = parse(answer, "json", {})
            refuse_failures(self._reader.job, answer, document)
        except TryAgainError as error:
            raise TransientError(f"{answer.place} cannot be read just now: {error}.", error.pause or None) from None
        return document

    def _location(self, answer: Answer) -> str | None:
        return next((answer.headers[name] for name in _PLACES if answer.headers.get(name)), None)

    def _path(self, place: str, export: str) -> str:
        values = {"export": export or None}
        return self._reader.client.url(filled(place, values, self._reader.job, in_path=True))
