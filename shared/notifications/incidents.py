"""Incidents: what is broken and whether a message about it was sent, in the audit table, so that none is sent twice.

| PartitionKey | RowKey | holds |
| --- | --- | --- |
| `incident` | kind and subject | one thing that is or was broken: `open` is its state, `notified_open` the one sent |
| `incident` | `sender` | who sends at the moment, and until when |

An incident waits for a message as long as the two differ. One that opened and closed in between needs none. A
sender notes first that it begins a message (`in_doubt`) and afterwards what was sent: if it dies in between, the
message may have arrived or not, and the next sender sends the state as it is then.

Several processes find out at once how a job is. Each decides on what it has read, and its change is refused if the row
has changed since: then it reads and decides again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableEntity, TableTransactionError, UpdateMode

from shared.audit.batches import write_unchanged
from shared.audit.properties import as_properties
from shared.audit.table import INCIDENT, audit_table

_SENDER = "sender"
_SENDING = timedelta(minutes=2)  # after which a sender counts as dead
_TRIES = 10  # to write a change, while others change the same incidents


class Kind(StrEnum):
    """What can break."""

    JOB = "job"
    OVERDUE = "overdue"
    RUN = "run"
    WORKBOOK = "workbook"
    WARNING = "warning"
    SETTING = "setting"


@dataclass(frozen=True)
class Incident:
    """One thing that is or was broken.

    Attributes:
        kind: What broke.
        subject: Which one: a job id, the folder of a refused upload, a setting; blank for runs: the app has one kind.
        sentence: What is wrong.
        run_id: The run that noticed it.
        open: Whether it is still so.
        notified_open: The state that the last message reported.
        in_doubt: Whether a message about it was begun whose sender has not noted that it was sent.
        etag: Of its row; None if it has none.
    """

    kind: Kind
    subject: str
    sentence: str
    run_id: str | None = None
    open: bool = True
    notified_open: bool = False
    in_doubt: bool = False
    etag: str | None = field(default=None, compare=False)

    @property
    def key(self) -> str:
        """The name of the incident."""
        return incident_key(self.kind, self.subject)

    @property
    def is_unreported(self) -> bool:
        """Whether a message about its state is still to be sent."""
        return self.in_doubt or self.open != self.notified_open

    def following(self, before: Incident) -> Incident:
        """This incident in the row of an earlier one of the same key, with what was notified of that."""
        return replace(self, notified_open=before.notified_open, in_doubt=before.in_doubt, etag=before.etag)


def incident_key(kind: Kind, subject: str) -> str:
    """The name of an incident; part of a row's key."""
    return f"{kind.value}:{subject.replace('/', '|')}"


def changed(known: Mapping[str, Incident], broken: Iterable[Incident], well: Collection[str]) -> list[Incident]:
    """What is new: incidents that open, open again or close.

    Args:
        known: Every incident so far, by key.
        broken: What was found broken.
        well: Keys of what was found to be well.
    """
    news = []
    for incident in broken:
        before = known.get(incident.key)
        if before is None or not before.open:
            news.append(incident.following(before) if before else incident)
    closed = (known[key] for key in well if key in known)
    return news + [replace(incident, open=False) for incident in closed if incident.open]


def read_incidents() -> dict[str, Incident]:
    """Every incident, by key."""
    query, parameters = "PartitionKey eq @key and RowKey ne @sender", {"key": INCIDENT, "sender": _SENDER}
    rows = audit_table().query_entities(query, parameters=parameters)
    return {row["RowKey"]: _incident(row) for row in rows}


def change_incidents(change: Callable[[Mapping[str, Incident]], Iterable[Incident]]) -> dict[str, Incident]:
    """Write what a function makes of the incidents; it is asked again if another process has changed one meanwhile.

    Args:
        change: Given every incident by key, the incidents that are new or different. What it reads itself is as new
            as they are, or newer.

    Returns:
        Every incident, by key, as it is now.

    Raises:
        TableTransactionError: others were faster each time.
    """
    for tries_left in reversed(range(_TRIES)):
        known = read_incidents()
        news = {incident.key: incident for incident in change(known)}
        try:
            return known | {incident.key: incident for incident in _written(list(news.values()))}
        except TableTransactionError:
            if not tries_left:
                raise
    raise AssertionError("unreachable")


def begin_sending() -> tuple[list[Incident], set[str]]:
    """Note in the rows of the incidents that wait for a message that one is about to be sent.

    Returns:
        These incidents, and the keys of those about which an earlier message may have arrived.

    Raises:
        TableTransactionError: others have changed them each time.
    """
    doubtful: set[str] = set()

    def change(known: Mapping[str, Incident]) -> list[Incident]:
        doubtful.update(key for key, incident in known.items() if incident.in_doubt)
        return [replace(incident, in_doubt=True) for incident in known.values() if incident.is_unreported]

    return [incident for incident in change_incidents(change).values() if incident.in_doubt], doubtful


def mark_notified(sent: Iterable[Incident]) -> None:
    """Note what was sent. What has changed since then is in doubt: the message may have arrived after a later one.

    Args:
        sent: As `begin_sending` gave them.
    """
    for incident in _changed_since([replace(one, in_doubt=False, notified_open=one.open) for one in sent]):
        audit_table().upsert_entity({"PartitionKey": INCIDENT, "RowKey": incident.key, "in_doubt": True})


def mark_refused(sent: Iterable[Incident], doubtful: Collection[str]) -> None:
    """Note that the message was not taken, and so did not arrive. For the arguments see `begin_sending`."""
    _changed_since([replace(incident, in_doubt=False) for incident in sent if incident.key not in doubtful])


def _changed_since(incidents: list[Incident]) -> list[Incident]:
    """Write these unless they have changed; returns those that have. One that has keeps no other from being written."""
    try:
        _written(incidents)
    except TableTransactionError:
        known = read_incidents()
        return [one for one in incidents if known.get(one.key) != one and not _is_written(one)]
    return []


def _is_written(incident: Incident) -> bool:
    try:
        _written([incident])
    except TableTransactionError:
        return False
    return True


def _written(incidents: list[Incident]) -> list[Incident]:
    etags = write_unchanged(audit_table(), ((_row(incident), incident.etag) for incident in incidents))
    return [replace(incident, etag=etag) for incident, etag in zip(incidents, etags, strict=True)]


def _row(incident: Incident) -> dict[str, Any]:
    values = asdict(replace(incident, etag=None)) | {"kind": incident.kind.value}
    return {"PartitionKey": INCIDENT, "RowKey": incident.key, "time": datetime.now(UTC)} | as_properties(values)


def _incident(row: TableEntity) -> Incident:
    fields = {name: row[name] for name in Incident.__dataclass_fields__ if name in row}
    if "told_open" in row:  # as an earlier version of the app wrote it
        fields.setdefault("notified_open", row["told_open"])
    return Incident(**fields | {"kind": Kind(row["kind"]), "etag": row.metadata["etag"]})


@contextmanager
def sole_sender() -> Iterator[bool]:
    """Whether this process may send now. While another one sends, the next tick sends what is left."""
    etag = _claim(datetime.now(UTC))
    try:
        yield etag is not None
    finally:
        if etag:
            _give_back(etag)


def _claim(now: datetime) -> str | None:
    """The ETag of this sender's claim; None if another one sends."""
    row = {"PartitionKey": INCIDENT, "RowKey": _SENDER, "until": now + _SENDING}
    try:
        return str(audit_table().create_entity(row)["etag"])
    except ResourceExistsError:
        return _taken_over(row, now)


def _taken_over(row: dict[str, Any], now: datetime) -> str | None:
    """The ETag of this sender's claim in the place of one whose sender counts as dead; None if it does not."""
    table = audit_table()
    try:
        held = table.get_entity(INCIDENT, _SENDER)
        if held["until"] > now:
            return None
        etag, unchanged = held.metadata["etag"], MatchConditions.IfNotModified
        return str(table.update_entity(row, mode=UpdateMode.REPLACE, etag=etag, match_condition=unchanged)["etag"])
    except (
        ResourceModifiedError,
        ResourceNotFoundError,
    ):  # it has ended this very moment, or another has taken it over
        return None


def _give_back(etag: str) -> None:
    """Remove the claim, unless this sender was so slow that another one has taken it over."""
    with suppress(ResourceModifiedError):
        audit_table().delete_entity(INCIDENT, _SENDER, etag=etag, match_condition=MatchConditions.IfNotModified)
