"""What a load has read so far, kept over the attempts of one run: the next attempt asks only what is still open.

Whole questions are kept: a window, or a parent with all pages of its children. Their rows are written where no reader
of the lake sees them, without the columns that the job leaves out.
"""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from decimal import Decimal
from hashlib import sha256
from secrets import token_hex
from typing import Any

from shared.models.job import Job
from shared.sources.rest.answer import Answer
from shared.sources.rest.asks import Ask
from shared.sources.rest.client import Call
from shared.sources.rest.page import Page
from shared.sources.stage import Stage

FLUSH_SECONDS = 5.0
"""What is whole is written after so long at the latest: a process that is killed loses no more."""
_FLUSH_CHARACTERS = 4 << 20
_TYPED = "\uf8ff"  # a name that no field has, for values that JSON does not know
_TYPES: Mapping[str, Any] = {
    "Decimal": Decimal,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time_of_day.fromisoformat,
    "bytes": bytes.fromhex,
}
_NOTES = "note-"


@dataclass(frozen=True)
class _Head:
    """The first line of a chunk: whose it is, and what the load has found out by then.

    The other lines are pages, in the order of `lines`, which names the question of each; `done` are the questions that
    were answered whole. Names are those of one attempt: pages of a question that broke off are not part of its answer.
    """

    job: str
    began: str
    attempt: str
    rows_path: str | None
    fields: list[str]
    lines: list[str]
    done: list[str]


class Staging:
    """The answered questions of one load.

    Args:
        job: Whose load it is; what another version of the job has left does not count.
        stage: Where it is kept; None if nothing is.
        key_version: That of the key with which the rows are hashed: what another key has made does not count either.
    """

    def __init__(self, job: Job, stage: Stage | None = None, key_version: str = "") -> None:
        self._job = sha256(f"{key_version}{job.model_dump_json(exclude={'row'})}".encode()).hexdigest()
        self._stage = stage
        self._has_questions = bool(job.api_windows or job.api_for_each)
        self._attempt = token_hex(8)
        self.began = datetime.now(UTC)
        """When the load began, in its first attempt: the end of its windows, and `{now}`."""
        self.rows_path: str | None = None
        self.fields: frozenset[str] = frozenset()
        self._chunks: list[tuple[str, _Head]] = []
        self._answered: dict[str, str] = {}
        self._pages: list[tuple[str, str]] = []
        self._left_out: set[str] = set()
        self._done: list[str] = []
        self._flushed = time.monotonic()
        self._loaded: tuple[str, list[str]] = "", []
        for name in self._kept():
            self._take_up(name)

    @property
    def keeps(self) -> bool:
        """Whether answers are kept: a load of one question has none that is whole before its end."""
        return self._stage is not None and self._has_questions

    def holds(self, call: Call) -> bool:
        """Whether the question with this first request was answered by an earlier attempt."""
        return question_key(call) in self._answered

    def pages(self, call: Call, ask: Ask) -> Iterator[Page]:
        """The pages of such a question, with rows that were checked when they came."""
        key = question_key(call)
        for name, head in self._chunks:
            if head.attempt != self._answered[key] or key not in head.lines:
                continue
            loaded = self._loaded  # readers in other threads may change it
            if loaded[0] != name:
                loaded = self._loaded = name, self._text(name).split("\n")[1:]
            for question, line in zip(head.lines, loaded[1], strict=True):
                if question == key:
                    page = json.loads(line, object_hook=_decoded)
                    answer = Answer(page["place"], "", 200, b"")
                    yield Page(page["number"], call, answer, None, page["rows"], ask=ask, staged=True)

    def add(self, call: Call, page: Page, rows: list[Any]) -> None:
        """Take in a page of a question; `rows` are what is read of its rows."""
        if not self.keeps or page.staged or page.beyond or not rows or question_key(call) in self._left_out:
            return
        kept = {"number": page.number, "place": page.answer.place, "rows": rows}
        self._pages.append((question_key(call), json.dumps(kept, ensure_ascii=False, default=_encoded)))
        self._flush_in_time()

    def leave_out(self, call: Call) -> None:
        """Keep nothing more of a question; a next attempt asks it again."""
        self._left_out.add(question_key(call))
        self._pages = [page for page in self._pages if page[0] not in self._left_out]

    def finish(self, call: Call, rows_path: str | None, fields: Iterable[str]) -> None:
        """A question is answered whole."""
        self.rows_path, self.fields = rows_path, frozenset(fields)
        if self.keeps and not self.holds(call) and question_key(call) not in self._left_out:
            self._done.append(question_key(call))
            self._flush_in_time()

    def flush(self) -> None:
        """Write what has come."""
        if not (self._pages or self._done):
            return
        head = _Head(
            job=self._job,
            began=self.began.isoformat(),
            attempt=self._attempt,
            rows_path=self.rows_path,
            fields=sorted(self.fields),
            lines=[key for key, _ in self._pages],
            done=self._done,
        )
        text = "\n".join([json.dumps(asdict(head)), *(line for _, line in self._pages)])
        self._write(f"{time.time_ns():020}-{self._attempt}.jsonl.gz", text)
        self._pages.clear()
        self._done.clear()
        self._flushed = time.monotonic()

    def _flush_in_time(self) -> None:
        is_due = time.monotonic() - self._flushed >= FLUSH_SECONDS
        if is_due or sum(len(line) for _, line in self._pages) >= _FLUSH_CHARACTERS:
            self.flush()

    def note(self, name: str) -> Any:
        """What an earlier attempt has noted under a name; None if nothing."""
        kept = f"{_NOTES}{name}.json.gz"
        if self._stage is None or kept not in self._stage.names():
            return None
        known = json.loads(gzip.decompress(self._stage.read(kept)))
        return known["value"] if known["job"] == self._job else None

    def keep_note(self, name: str, value: Any) -> None:
        """Note something for later attempts."""
        if self._stage:
            self._write(f"{_NOTES}{name}.json.gz", json.dumps({"job": self._job, "value": value}))

    def _write(self, name: str, text: str) -> None:
        assert self._stage is not None
        self._stage.write(name, gzip.compress(text.encode("utf-8", "surrogatepass"), compresslevel=1))

    def _kept(self) -> list[str]:
        return sorted(name for name in self._stage.names() if not name.startswith(_NOTES)) if self._stage else []

    def _take_up(self, name: str) -> None:
        head = _Head(**json.loads(self._text(name).partition("\n")[0]))
        if head.job != self._job:
            return
        self.began = min(self.began, datetime.fromisoformat(head.began))
        self.rows_path, self.fields = head.rows_path, self.fields | frozenset(head.fields)
        self._chunks.append((name, head))
        self._answered |= dict.fromkeys(head.done, head.attempt)

    def _text(self, name: str) -> str:
        assert self._stage is not None
        return gzip.decompress(self._stage.read(name)).decode("utf-8", "surrogatepass")


def question_key(call: Call) -> str:
    """A question by its first request."""
    asked = [call.method, call.url, dict(call.params), call.body, dict(call.headers)]
    return sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()[:24]


def _encoded(value: Any) -> dict[str, list[str]]:
    kind = type(value).__name__
    text = value.hex() if isinstance(value, bytes) else value.isoformat() if hasattr(value, "isoformat") else str(value)
    return {_TYPED: [kind, text]}


def _decoded(value: dict[str, Any]) -> Any:
    if value.keys() != {_TYPED}:
        return value
    kind, text = value[_TYPED]
    return _TYPES[kind](text)
