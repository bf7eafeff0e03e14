"""The event store: one SQLite file that holds everything that another host needs to continue after one was killed.

Each method is one transaction. Methods may be called from any thread. What an orchestrator asked for (activities,
timers, children) and what came back (messages) are rows until the episode or completion that deals with them, so the
work to do after a start is simply what the tables hold. Results for an instance that was purged, restarted or continued
as new meanwhile do not arrive: they carry the execution id of the instance they belong to.
"""

import json
import sqlite3
import uuid
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

from localhost.host.database import Database, Holds
from localhost.host.durable.history import Event, EventType, Status, event, parse_timestamp, timestamp
from localhost.host.durable.records import Activity, Ending, Episode, Instance, Message, NewWork, Parent, Timer
from localhost.host.durable.replay import Task
from localhost.host.durable.rewinding import rewound

_SCHEMA = """
CREATE TABLE IF NOT EXISTS instances (
    instance_id TEXT PRIMARY KEY, execution_id TEXT NOT NULL, name TEXT NOT NULL, input TEXT, status TEXT NOT NULL,
    output TEXT, custom_status TEXT, created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
    parent_instance_id TEXT, parent_execution_id TEXT, parent_task_id INTEGER, version TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS history (
    instance_id TEXT, sequence INTEGER, event TEXT NOT NULL, PRIMARY KEY (instance_id, sequence)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
    message_id INTEGER PRIMARY KEY AUTOINCREMENT, instance_id TEXT NOT NULL, execution_id TEXT, event TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS messages_by_instance ON messages (instance_id);
CREATE TABLE IF NOT EXISTS activities (
    execution_id TEXT, task_id INTEGER, instance_id TEXT NOT NULL, name TEXT NOT NULL, input TEXT,
    PRIMARY KEY (execution_id, task_id));
CREATE TABLE IF NOT EXISTS timers (
    execution_id TEXT, task_id INTEGER, instance_id TEXT NOT NULL, fire_at TEXT NOT NULL,
    PRIMARY KEY (execution_id, task_id));
"""
_ACTIVE = "('Pending', 'Running', 'Suspended')"


class Store:
    """The open store; `path` is made if it does not exist.

    Args:
        path: The file.
        default_version: Of instances that are started without one.
    """

    def __init__(self, path: Path, default_version: str = "") -> None:
        self._default_version = default_version
        self._database = Database(path, _SCHEMA)
        self._transaction = self._database.transaction
        with self._transaction() as connection:
            columns = {row["name"] for row in connection.execute("PRAGMA table_info (instances)")}
            if "version" not in columns:  # the file of an earlier host
                connection.execute("ALTER TABLE instances ADD COLUMN version TEXT NOT NULL DEFAULT ''")
        self.holds = Holds(self._database)

    def close(self) -> None:
        """Close the file; every change is in it already."""
        self._database.close()

    def create(self, instance_id: str, name: str, input_: str | None, version: str | None = None) -> bool:
        """Start an instance, in place of a finished one of that id; False if one is still active."""
        with self._transaction() as connection:
            return self._create(
                connection, instance_id, Task(0, EventType.EXECUTION_STARTED, name, input_), None, version
            )

    def instance(self, instance_id: str) -> Instance | None:
        """The instance of that id, or None."""
        with self._transaction() as connection:
            row = connection.execute("SELECT * FROM instances WHERE instance_id = ?", (instance_id,)).fetchone()
        return None if row is None else _instance(row)

    def instances(self, prefix: str, created_from: str, created_to: str, statuses: Sequence[Status]) -> list[Instance]:
        """Instances by id whose id starts with `prefix`, made in that time span (as texts), in one of `statuses`."""
        query = (
            "SELECT * FROM instances WHERE substr(instance_id, 1, ?) = ? AND created_at BETWEEN ? AND ? "
            f"AND status IN ({','.join('?' * len(statuses))}) ORDER BY instance_id"
        )
        arguments = (len(prefix), prefix, created_from, created_to, *(status.value for status in statuses))
        with self._transaction() as connection:
            return [_instance(row) for row in connection.execute(query, arguments)]

    def history(self, instance_id: str) -> list[str]:
        """The instance's events, each as JSON text, oldest first."""
        query = "SELECT event FROM history WHERE instance_id = ? ORDER BY sequence"
        with self._transaction() as connection:
            return [row["event"] for row in connection.execute(query, (instance_id,))]

    def progress(self, instance_id: str) -> tuple[str, int] | None:
        """How far an instance is: its execution, and how many events that has; None if there is no such instance."""
        query = "SELECT execution_id, (SELECT COUNT(*) FROM history WHERE instance_id = ?1) FROM instances"
        with self._transaction() as connection:
            row = connection.execute(f"{query} WHERE instance_id = ?1", (instance_id,)).fetchone()
        return None if row is None else (str(row[0]), int(row[1]))

    def messages(self, instance_id: str) -> list[Message]:
        """The events that wait for the instance's next episode, oldest first."""
        query = "SELECT * FROM messages WHERE instance_id = ? ORDER BY message_id"
        with self._transaction() as connection:
            rows = connection.execute(query, (instance_id,)).fetchall()
        return [Message(row["message_id"], json.loads(row["event"])) for row in rows]

    def pending_work(self) -> NewWork:
        """Everything there is to do and that no other host holds."""
        others = self.holds.held_by_others()
        with self._transaction() as connection:
            runnable = connection.execute(
                "SELECT instance_id FROM instances WHERE status = 'Pending' UNION SELECT instance_id FROM messages "
                "JOIN instances USING (instance_id) WHERE status = 'Running' ORDER BY 1"
            ).fetchall()
            activities = [Activity(**row) for row in connection.execute("SELECT * FROM activities ORDER BY rowid")]
            timers = connection.execute("SELECT * FROM timers ORDER BY fire_at").fetchall()
        instances = [str(row["instance_id"]) for row in runnable]
        return NewWork(
            instances=[instance_id for instance_id in instances if hold_of(instance_id) not in others],
            activities=[activity for activity in activities if hold_of(activity) not in others],
            timers=[Timer(**{**row, "fire_at": parse_timestamp(row["fire_at"])}) for row in timers],
        )

    def claim(self, activity: Activity, seconds: float) -> bool:
        """Hold an activity; False if another host holds it, or it has its result."""
        query = "SELECT 1 FROM activities WHERE execution_id = ? AND task_id = ?"
        with self._transaction() as connection:
            found = connection.execute(query, (activity.execution_id, activity.task_id)).fetchone()
            return found is not None and self.holds.claim(hold_of(activity), seconds)

    def raise_event(self, instance_id: str, name: str, input_: str) -> None:
        """Leave an external event for the instance; `input_` is JSON text."""
        with self._transaction() as connection:
            self._post(connection, instance_id, event(EventType.EVENT_RAISED, Name=name, Input=input_))

    def complete(self, activity: Activity, result: Event) -> None:
        """Leave an activity's result for its orchestrator; only the first one counts."""
        with self._transaction() as connection:
            self.holds.release(hold_of(activity))
            if _delete(connection, "activities", activity):
                self._post(connection, activity.instance_id, result, activity.execution_id)

    def fire(self, timer: Timer) -> bool:
        """Leave a timer's event for its orchestrator; False if the timer was cancelled meanwhile."""
        with self._transaction() as connection:
            if not _delete(connection, "timers", timer):
                return False
            fired = event(EventType.TIMER_FIRED, TimerId=timer.task_id, FireAt=timestamp(timer.fire_at))
            self._post(connection, timer.instance_id, fired, timer.execution_id)
            return True

    def suspend(self, instance_id: str) -> None:
        """Keep an active instance from going on."""
        self._switch(instance_id, "('Pending', 'Running')", Status.SUSPENDED)

    def resume(self, instance_id: str) -> None:
        """Resume a suspended instance, with an episode in any case: it may have been suspended before its first."""
        self._switch(instance_id, "('Suspended')", Status.PENDING)

    def terminate(self, instance_id: str, reason: str) -> NewWork:
        """End an active instance; its activities and children run to their end, as in Azure."""
        with self._transaction() as connection:
            instance = self.instance(instance_id)
            if instance is None or not instance.status.is_active:
                return NewWork()
            self._append(connection, instance_id, [event(EventType.EXECUTION_TERMINATED, Reason=reason)])
            return self._end(connection, instance, Ending(Status.TERMINATED, json.dumps(reason), reason))

    def rewind(self, instance_id: str) -> NewWork:
        """Let a failed instance go on as if its tasks had not failed; children that failed are rewound, too."""
        with self._transaction() as connection:
            instance = self.instance(instance_id)
            if instance is None or instance.status != Status.FAILED:
                return NewWork()
            left = rewound([json.loads(text) for text in self.history(instance_id)])
            connection.execute("DELETE FROM history WHERE instance_id = ?", (instance_id,))
            self._append(connection, instance_id, left.events)
            change = "UPDATE instances SET status = 'Pending', output = NULL, updated_at = ? WHERE instance_id = ?"
            connection.execute(change, (timestamp(), instance_id))
            query = "SELECT instance_id, parent_task_id AS task FROM instances WHERE parent_execution_id = ?"
            children = connection.execute(query, (instance.execution_id,)).fetchall()
            failed = [self.rewind(row["instance_id"]) for row in children if row["task"] in left.children]
            return NewWork([instance_id, *(child for work in failed for child in work.instances)])

    def purge(self, instance_id: str) -> bool:
        """Forget a finished instance; False if there is none of that id."""
        with self._transaction() as connection:
            found = connection.execute(
                f"DELETE FROM instances WHERE instance_id = ? AND status NOT IN {_ACTIVE}",
                (instance_id,),
            )
            if found.rowcount:
                connection.execute("DELETE FROM history WHERE instance_id = ?", (instance_id,))
            return bool(found.rowcount)

    def commit(self, episode: Episode) -> NewWork | None:
        """Store an episode; None (and no change) if the instance was changed or taken over since it was read."""
        instance = episode.instance
        status = episode.ending.status if episode.ending else Status.RUNNING
        with self._transaction() as connection:
            if not self.holds.holds(hold_of(instance.instance_id)):
                return None
            changed = connection.execute(
                "UPDATE instances SET status = ?, custom_status = ?, updated_at = ? "
                "WHERE instance_id = ? AND execution_id = ? AND status = ?",
                (status.value, episode.custom_status, timestamp(), instance.instance_id, instance.execution_id,
                 instance.status.value),
            )  # fmt: skip
            if not changed.rowcount:
                return None
            consumed = [(message.message_id,) for message in episode.consumed]
            connection.executemany("DELETE FROM messages WHERE message_id = ?", consumed)
            self._append(connection, instance.instance_id, episode.events)
            for task_id in episode.cancelled_timers:
                connection.execute(
                    "DELETE FROM timers WHERE execution_id = ? AND task_id = ?", (instance.execution_id, task_id)
                )
            if episode.continues_as_new:
                return self._continue_as_new(connection, instance, episode.next_input)
            work = self._schedule(connection, instance, episode)
            if episode.ending is None:
                return work
            return self._end(connection, instance, episode.ending)

    def _create(
        self,
        connection: sqlite3.Connection,
        instance_id: str,
        task: Task,
        parent: Parent | None,
        version: str | None,
    ) -> bool:
        existing = self.instance(instance_id)
        if existing is not None and existing.status.is_active:
            return False
        connection.execute("DELETE FROM history WHERE instance_id = ?", (instance_id,))
        now = timestamp()
        own_version = self._default_version if version is None else version
        ancestry = (parent.instance_id, parent.execution_id, parent.task_id) if parent else (None, None, None)
        connection.execute(
            "INSERT OR REPLACE INTO instances VALUES (?, ?, ?, ?, 'Pending', NULL, NULL, ?, ?, ?, ?, ?, ?)",
            (instance_id, uuid.uuid4().hex, task.name, task.input, now, now, *ancestry, own_version),
        )
        return True

    def _switch(self, instance_id: str, current: str, status: Status) -> None:
        query = f"UPDATE instances SET status = ?, updated_at = ? WHERE instance_id = ? AND status IN {current}"
        with self._transaction() as connection:
            connection.execute(query, (status.value, timestamp(), instance_id))

    def _append(self, connection: sqlite3.Connection, instance_id: str, events: Sequence[Event]) -> None:
        query = "SELECT COALESCE(MAX(sequence) + 1, 0) FROM history WHERE instance_id = ?"
        (first,) = connection.execute(query, (instance_id,)).fetchone()
        rows = [(instance_id, first + i, json.dumps({**new, "IsPlayed": True})) for i, new in enumerate(events)]
        connection.executemany("INSERT INTO history VALUES (?, ?, ?)", rows)

    def _post(
        self, connection: sqlite3.Connection, instance_id: str, new: Event, execution_id: str | None = None
    ) -> None:
        connection.execute(
            "INSERT INTO messages (instance_id, execution_id, event) SELECT instance_id, ?, ? FROM instances "
            f"WHERE instance_id = ? AND execution_id = COALESCE(?, execution_id) AND status IN {_ACTIVE}",
            (execution_id, json.dumps(new), instance_id, execution_id),
        )

    def _schedule(self, connection: sqlite3.Connection, instance: Instance, episode: Episode) -> NewWork:
        owner = instance.execution_id
        activities, timers, children = [], [], []
        for task in episode.tasks:
            if task.kind == EventType.TASK_SCHEDULED:
                activities.append(Activity(owner, task.task_id, instance.instance_id, task.name, task.input))
            elif task.kind == EventType.SUB_ORCHESTRATION_CREATED:
                children.append(self._create_child(connection, instance, task))
            elif task.fire_at is not None and task.task_id not in episode.cancelled_timers:
                timers.append(Timer(owner, task.task_id, instance.instance_id, task.fire_at))
        connection.executemany("INSERT INTO activities VALUES (?, ?, ?, ?, ?)", [astuple(row) for row in activities])
        rows = [(*astuple(timer)[:3], timestamp(timer.fire_at)) for timer in timers]
        connection.executemany("INSERT INTO timers VALUES (?, ?, ?, ?)", rows)
        return NewWork(children, activities, timers)

    def _create_child(self, connection: sqlite3.Connection, parent: Instance, task: Task) -> str:
        """Start a sub-orchestration; gives the instance to wake: the child, or its parent if the id is taken."""
        child_id = task.instance_id or f"{parent.execution_id}:{task.task_id}"
        by = Parent(parent.instance_id, parent.execution_id, task.task_id)
        if self._create(connection, child_id, task, by, task.version):
            return child_id
        reason = f"An orchestration instance with the id {child_id} is active already."
        self._post(connection, parent.instance_id, _child_failed(task.task_id, reason), parent.execution_id)
        return parent.instance_id

    def _continue_as_new(self, connection: sqlite3.Connection, instance: Instance, next_input: str | None) -> NewWork:
        connection.execute(
            "UPDATE instances SET status = 'Pending', execution_id = ?, input = ?, updated_at = ? "
            "WHERE instance_id = ?",
            (uuid.uuid4().hex, next_input, timestamp(), instance.instance_id),
        )
        connection.execute("DELETE FROM history WHERE instance_id = ?", (instance.instance_id,))
        connection.execute("DELETE FROM timers WHERE execution_id = ?", (instance.execution_id,))
        # External events stay: no execution has read them yet.
        connection.execute("DELETE FROM messages WHERE execution_id = ?", (instance.execution_id,))
        return NewWork([instance.instance_id])

    def _end(self, connection: sqlite3.Connection, instance: Instance, ending: Ending) -> NewWork:
        connection.execute(
            "UPDATE instances SET status = ?, output = ?, updated_at = ? WHERE instance_id = ?",
            (ending.status.value, ending.output, timestamp(), instance.instance_id),
        )
        connection.execute("DELETE FROM timers WHERE execution_id = ?", (instance.execution_id,))
        connection.execute("DELETE FROM messages WHERE instance_id = ?", (instance.instance_id,))
        parent = instance.parent
        if parent is None:
            return NewWork()
        result = event(EventType.SUB_ORCHESTRATION_COMPLETED, TaskScheduledId=parent.task_id, Result=ending.output)
        if ending.status != Status.COMPLETED:
            result = _child_failed(parent.task_id, ending.reason)
        self._post(connection, parent.instance_id, result, parent.execution_id)
        return NewWork([parent.instance_id])


def hold_of(work: Activity | str) -> str:
    """The name under which a host holds an activity, or an instance (by its id) during an episode."""
    return f"instance:{work}" if isinstance(work, str) else f"activity:{work.execution_id}:{work.task_id}"


def _child_failed(task_id: int, reason: str | None) -> Event:
    return event(EventType.SUB_ORCHESTRATION_FAILED, TaskScheduledId=task_id, Reason=reason, Details=reason)


def _delete(connection: sqlite3.Connection, table: str, work: Activity | Timer) -> bool:
    query = f"DELETE FROM {table} WHERE execution_id = ? AND task_id = ?"
    return bool(connection.execute(query, (work.execution_id, work.task_id)).rowcount)


def _instance(row: sqlite3.Row) -> Instance:
    parent = Parent(row["parent_instance_id"], row["parent_execution_id"], row["parent_task_id"])
    return Instance(
        instance_id=row["instance_id"],
        execution_id=row["execution_id"],
        name=row["name"],
        input=row["input"],
        status=Status(row["status"]),
        output=row["output"],
        custom_status=row["custom_status"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        parent=parent if parent.instance_id is not None else None,
        version=row["version"],
    )
