"""Incidents: what is broken and whether a message about it was sent, in the audit table, so that none is sent twice.

| PartitionKey | RowKey | holds |
| --- | --- | --- |
| `incident` | kind and subject | one thing that is or was broken: `open` is its state, `notified_open` the one sent |
| `incident` | `sender` | who sends at the moment, and until when |

An incident waits for a message as long as the two differ. One that opened and closed in between needs none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError
from azure.data.tables import UpdateMode

from shared.audit.batches import merge_rows, upsert_rows
from shared.audit.properties import as_properties
from shared.audit.table import INCIDENT, audit_table

_SENDER = "sender"
_SENDING = timedelta(minutes=2)  # after which a sender counts as dead


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
    """

    kind: Kind
    subject: str
    sentence: str
    run_id: str | None = None
    open: bool = True
    notified_open: bool = False

    @property
    def key(self) -> str:
        """The name of the incident."""
        return incident_key(self.kind, self.subject)

    @property
    def is_unreported(self) -> bool:
        """Whether a message about its state is still to be sent."""
        return self.open != self.notified_open


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
            news.append(replace(incident, notified_open=before is not None and before.notified_open))
    closed = (known[key] for key in well if key in known)
    return news + [replace(incident, open=False) for incident in closed if incident.open]


def read_incidents() -> dict[str, Incident]:
    """Every incident, by key."""
    query, parameters = "PartitionKey eq @key and RowKey ne @sender", {"key": INCIDENT, "sender": _SENDER}
    rows = audit_table().query_entities(query, parameters=parameters)
    return {row["RowKey"]: _incident(row) for row in rows}


def write_incidents(incidents: Iterable[Incident]) -> None:
    """Write incidents; writing one again writes the same row."""
    now = datetime.now(UTC)
    upsert_rows(
        audit_table(),
        (
            {"PartitionKey": INCIDENT, "RowKey": incident.key, "time": now}
            | as_properties(asdict(incident) | {"kind": incident.kind.value})
            for incident in incidents
        ),
    )


def mark_notified(incidents: Iterable[Incident]) -> None:
    """Note what was sent; what has changed since then stays as it is, and the next message reports it."""
    merge_rows(
        audit_table(),
        ({"PartitionKey": INCIDENT, "RowKey": incident.key, "notified_open": incident.open} for incident in incidents),
    )


def _incident(row: Mapping[str, Any]) -> Incident:
    fields = {name: row[name] for name in Incident.__dataclass_fields__ if name in row}
    if "told_open" in row:  # as an earlier version of the app wrote it
        fields.setdefault("notified_open", row["told_open"])
    return Incident(**fields | {"kind": Kind(row["kind"])})


@contextmanager
def sole_sender() -> Iterator[bool]:
    """Whether this process may send now. While another one sends, the next tick sends what is left."""
    claimed = _claim(datetime.now(UTC))
    try:
        yield claimed
    finally:
        if claimed:
            audit_table().delete_entity(INCIDENT, _SENDER)


def _claim(now: datetime) -> bool:
    table = audit_table()
    row = {"PartitionKey": INCIDENT, "RowKey": _SENDER, "until": now + _SENDING}
    try:
        table.create_entity(row)
    except ResourceExistsError:
        held = table.get_entity(INCIDENT, _SENDER)
        if held["until"] > now:
            return False
        try:
            etag = held.metadata["etag"]
            table.update_entity(row, mode=UpdateMode.REPLACE, etag=etag, match_condition=MatchConditions.IfNotModified)
        except ResourceModifiedError:
            return False
    return True
