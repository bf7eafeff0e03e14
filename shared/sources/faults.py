"""What a database driver's error means: try again later, or say what to correct.

Each database has its own table (`postgresql/faults.py`, `sqlserver/faults.py`, `oracle/faults.py`): the rules go
by the codes that a driver reports, because texts differ between versions and languages. Texts count only for what a
driver says itself, without a code of the server.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError

from shared.errors.hierarchy import IngestionError, SourceError, TransientError
from shared.jobs.masks import WORDS_LEFT_OUT
from shared.models.job import Job
from shared.secrets import Secret
from shared.sources.connection import SqlConnection

NO_SERVER = "nothing answers there: check host and port, and that the server runs"
NO_ANSWER = "no answer within connect_timeout: check host and port, and the firewall between"
NO_HOST = "the host's name is not known: check host"
NOT_A_SERVER = "what answers there is not {}, or does not speak TLS as asked: check port and encryption settings"
HUNG_UP = "it hung up before the connection was open: check that port is the database's, and whether it restarts"
LOST = "the connection was lost"
WRONG_LOGIN = "the user name or the password is wrong"
BUSY = "the server has no room for the request just now"
LOCKED = "a lock was held by others"
ENDED = "the server ended the transaction so that others could continue"
STARTING = "the server is starting, stopping or failing over"
NO_SNAPSHOT = "the snapshot that was read is gone"
TOO_LONG = "a statement took longer than statement_timeout allows"
NO_RIGHT = "the user lacks a right that reading needs: GRANT SELECT"


@dataclass(frozen=True)
class Fault:
    """What some errors have in common.

    Attributes:
        meaning: What happened, and what to do.
        passes: Whether it passes by itself, so that a later attempt may succeed.
        codes: The codes of such errors, as the driver's table of codes reports them; `08*` is every code of a class.
        text: What the text of such an error has, where the driver gives no code; None if a code decides.
    """

    meaning: str
    passes: bool = False
    codes: frozenset[str] = frozenset()
    text: re.Pattern[str] | None = None

    def has(self, code: str) -> bool:
        """Whether this is what a code means."""
        return code in self.codes or any(one.endswith("*") and code.startswith(one[:-1]) for one in self.codes)


def fatal(meaning: str, codes: str = "", text: str | None = None) -> Fault:
    """A fault that a person must correct; `codes` are separated by blanks, `text` is a regular expression."""
    return Fault(meaning, False, frozenset(codes.split()), _pattern(text))


def passing(meaning: str, codes: str = "", text: str | None = None) -> Fault:
    """A fault that passes by itself; arguments as of `fatal`."""
    return Fault(meaning, True, frozenset(codes.split()), _pattern(text))


def _pattern(text: str | None) -> re.Pattern[str] | None:
    return re.compile(text, re.IGNORECASE) if text else None


def no_codes(error: BaseException) -> Sequence[str]:  # noqa: ARG001
    """The codes of a driver whose codes are not known here."""
    return ()


@dataclass(frozen=True)
class Faults:
    """The table of one database.

    Attributes:
        rules: The first that fits decides. A code counts before a text, and the first code before the next.
        drivers: The packages whose errors are this database's.
        codes: The codes of a driver's error, the most specific first; empty if the server gave none.
    """

    rules: tuple[Fault, ...]
    drivers: frozenset[str] = frozenset()
    codes: Callable[[BaseException], Sequence[str]] = no_codes

    def find(self, error: BaseException, text: str) -> Fault | None:
        """What an error means, None if no rule knows it; the text counts only where the error has no code."""
        codes = self.codes(error)
        for code in codes:
            for rule in self.rules:
                if rule.has(code):
                    return rule
        if codes:
            return None
        return next((rule for rule in self.rules if rule.text and rule.text.search(text)), None)


OTHERS = Faults(
    (
        fatal(WRONG_LOGIN, text=r"access denied|authentication fail|login fail|invalid (user|password)"),
        passing(NO_HOST, text=r"name or service not known|getaddrinfo|name resolution"),
        passing(NO_SERVER, text=r"connection refused|can't connect"),
        passing(NO_ANSWER, text=r"timed out|timeout expired"),
        passing(LOST, text=r"gone away|lost connection|connection (was )?(reset|closed|aborted)|broken pipe"),
        passing(ENDED, text=r"deadlock"),
        passing(BUSY, text=r"too many connections|database is locked"),
    )
)
"""Any other database: by what most drivers write."""


def explain(
    error: BaseException, job: Job, connection: SqlConnection, secret: Secret, faults: Faults = OTHERS
) -> BaseException:
    """A driver's error as a `SourceError` or `TransientError` of one sentence; other errors come back unchanged."""
    origin = error.orig if isinstance(error, DBAPIError) and error.orig else error
    driver = type(origin).__module__.split(".")[0]
    if isinstance(origin, IngestionError):
        return origin
    if driver not in faults.drivers and not isinstance(error, DBAPIError):
        return error
    text = secret.shown(str(origin))
    fault = faults.find(origin, text)
    meaning = f"{fault.meaning}. The driver says" if fault else "the database refused"
    if job.masked_columns and fault is None:  # such as "invalid input syntax", which shows the value
        text = f"{' '.join([type(origin).__name__, *faults.codes(origin)])}; {WORDS_LEFT_OUT}"
    sentence = f"Source '{job.source_name}' ({connection.place}): {meaning}: {text}"
    return TransientError(sentence) if fault and fault.passes else SourceError(sentence)
