"""What a server says of its patience: whether it is busy, how long it asks to wait, and whether a budget is spent."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from shared.sources.rest.answer import Answer
from shared.sources.rest.words import is_throttling, word

_BUSY = {408, 420, 423, 425, 429, 430, 500, 502, 503, 504, 509, 520, 521, 522, 523, 524, 525, 527, 529, 530, 598, 599}
"""Statuses after which the same request may succeed in a moment; Cloudflare's, Shopify's and Twitter's among them."""

_MAYBE_BUSY = (400, 403, 418)
"""Statuses that some APIs (AWS, Facebook, GitHub, Salesforce, Binance) also give for too many requests."""
_IN_SECONDS = (
    "retryafter",
    "xretryafter",
    "xratelimitretryafter",
    "xratelimitretryafterseconds",
    "retryafterseconds",
    "ratelimitretryafter",
    "xratelimitresetafter",
    "ratelimitresetafter",
)
_IN_MILLISECONDS = (
    "retryafterms",
    "xmsretryafterms",
    "xretryafterms",
    "retryafterinms",
    "retryaftermilliseconds",
    "xratelimitresetms",
    "msretryafterms",
)
_RESET = re.compile(
    r"(x|xapp|x24hour)?ratelimit(requests|limit|global|user|app|perminute)?reset(time|at|seconds|requests|on)?|xratereset|xratelimitreset\w*"
)
_REMAINING = re.compile(r"(x|xapp)?ratelimit(requests|user|app)?remaining(requests)?|xrateremaining")
_STRUCTURED = ("ratelimit",)  # RateLimit: "default";r=0;t=30, or limit=100, remaining=0, reset=30
_STRUCTURED_RESET = re.compile(r"\b(?:t|reset)\s*=\s*(\d+)")
_STRUCTURED_SPENT = re.compile(r"\b(?:r|remaining)\s*=\s*0\b")
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hours?)?\s*", re.I)
_WAIT = re.compile(
    r"(?:retry|again|wait|available|expected|resets?)\D{0,40}?(\d+(?:\.\d+)?)\s*(ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hours?)\b",
    re.I,
)
_EPOCH = 1_000_000_000  # a larger number is a moment, since 1970 in seconds
_EPOCH_MS = 100_000_000_000  # or in milliseconds
_DEPTH = 4


def is_busy(answer: Answer) -> bool:
    """Whether a status, or another one that means too many requests, says that the same request may succeed later."""
    if answer.status in _BUSY:
        return True
    if answer.status not in _MAYBE_BUSY:
        return False
    names = {word(name) for name in answer.headers}
    return bool(names & {*_IN_SECONDS, *_IN_MILLISECONDS}) or _is_spent(answer) or _speaks_of_limits(answer)


def pause_asked(answer: Answer) -> float:
    """The seconds that a busy server asks to wait, by its headers or its body; 0 if it does not say."""
    asked = max((seconds for seconds in _pauses(answer) if seconds > 0), default=0.0)
    if asked or not answer.body:
        return asked
    text = answer.body.decode("utf-8", errors="replace")
    try:
        return pause_in_body(json.loads(text))
    except (ValueError, RecursionError):
        return pause_in_body(text)


def spent_budget(answer: Answer) -> float:
    """The seconds until more requests are welcome, from an answer that says that there are none left; else 0."""
    if not _is_spent(answer):
        return 0.0
    return max((seconds for seconds in _resets(answer) if seconds > 0), default=0.0)


def pause_in_body(said: Any, depth: int = 0) -> float:
    """The seconds that a body asks to wait (`retry_after`, Google's `retryDelay`, a sentence); 0 if it does not say."""
    if isinstance(said, str):
        wait = _WAIT.search(said)
        return _seconds(wait[1], wait[2]) if wait else 0.0
    if depth > _DEPTH or not isinstance(said, (dict, list)):
        return 0.0
    found = [pause_in_body(value, depth + 1) for value in (said.values() if isinstance(said, dict) else said)]
    for name, value in said.items() if isinstance(said, dict) else ():
        kind = word(name)
        if kind in (*_IN_SECONDS, "retrydelay", "retryin", "waitseconds"):
            found.append(_until(str(value)))
        elif kind in _IN_MILLISECONDS:
            found.append(_until(str(value)) / 1000)
    return max(found, default=0.0)


def _pauses(answer: Answer) -> Iterator[float]:
    for name, value in answer.headers.items():
        kind = word(name)
        if kind in _IN_SECONDS:
            yield _until(value)
        elif kind in _IN_MILLISECONDS:
            yield _until(value) / 1000
    if answer.status in (429, *_MAYBE_BUSY) and not answer.headers.get("Retry-After"):
        yield from _resets(answer)


def _resets(answer: Answer) -> Iterator[float]:
    for name, value in answer.headers.items():
        kind = word(name)
        if kind in _STRUCTURED:
            yield from (float(seconds) for seconds in _STRUCTURED_RESET.findall(value))
        elif _RESET.fullmatch(kind):
            yield _until(value)


def _is_spent(answer: Answer) -> bool:
    for name, value in answer.headers.items():
        kind = word(name)
        if kind in _STRUCTURED and _STRUCTURED_SPENT.search(value):
            return True
        if _REMAINING.fullmatch(kind) and value.strip() in ("0", "0.0"):
            return True
    return False


def _speaks_of_limits(answer: Answer) -> bool:
    text = answer.body.decode("utf-8", errors="replace")
    return bool(
        re.search(
            r"rate.?limit|too.?many|throttl|quota.?exceeded|limit.?exceeded|requests?.?limit|rate.?exceeded|abuse|secondary",
            text,
            re.IGNORECASE,
        )
    ) and is_throttling(text)


def _until(value: str) -> float:
    """The seconds of a number, a duration (`32s`), a moment since 1970, or a date in ISO 8601 or as HTTP writes it."""
    text = value.split(";")[0].strip()
    first = text.split(",")[0]
    if found := _DURATION.fullmatch(first):
        number = float(found[1])
        if found[2] or number < _EPOCH:
            return _seconds(found[1], found[2])
        return max(number / (1000 if number > _EPOCH_MS else 1) - time.time(), 0.0)
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = parse(text)
        except (ValueError, TypeError):
            continue
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max((moment - datetime.now(UTC)).total_seconds(), 0.0)
    return 0.0


def _seconds(number: str, unit: str | None) -> float:
    kind = (unit or "s").lower()
    factor = 0.001 if kind.startswith("ms") or kind.startswith("milli") else {"s": 1, "m": 60, "h": 3600}[kind[0]]
    return float(number) * factor
