"""The clients of azure.data.tables, as far as the app uses them, over a `TableStore`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from email.utils import formatdate
from functools import partial
from itertools import islice
from types import SimpleNamespace
from typing import Any, TypeVar

from azure.core import MatchConditions
from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableEntity, TableTransactionError, UpdateMode

from tests.simulation.storage.odata import Predicate, compiled
from tests.simulation.storage.table_store import Change, Entity, TableStore

T = TypeVar("T")
Send = Callable[[str, Callable[[], T]], T]
Hook = Callable[[Any], None]
_PAGE = 1000
_UPDATES = {UpdateMode.MERGE: "merge", UpdateMode.REPLACE: "replace"}


class TableServiceClient:
    """An account with one table, for the app has one.

    Args:
        store: What the table holds.
        send: By which the requests go.
    """

    def __init__(self, store: TableStore, send: Send[Any]) -> None:
        self._client = TableClient(store, send)

    def create_table_if_not_exists(self, table_name: str) -> TableClient:
        return self._client

    def get_table_client(self, table_name: str) -> TableClient:
        return self._client


class TableClient:
    """The table; for the arguments see `TableServiceClient`."""

    def __init__(self, store: TableStore, send: Send[Any]) -> None:
        self._store, self._send = store, send

    def create_entity(self, entity: Mapping[str, Any]) -> dict[str, Any]:
        return self._change("create", entity)

    def upsert_entity(self, entity: Mapping[str, Any], mode: UpdateMode = UpdateMode.MERGE) -> dict[str, Any]:
        return self._change(f"upsert_{_UPDATES[mode]}", entity)

    def update_entity(
        self,
        entity: Mapping[str, Any],
        mode: UpdateMode = UpdateMode.MERGE,
        etag: str | None = None,
        match_condition: MatchConditions | None = None,
    ) -> dict[str, Any]:
        wanted = etag if match_condition is MatchConditions.IfNotModified else None
        return self._change(_UPDATES[mode], entity, wanted)

    def delete_entity(
        self,
        entity: str | Mapping[str, Any],
        row_key: str | None = None,
        etag: str | None = None,
        match_condition: MatchConditions | None = None,
    ) -> None:
        keys = {"PartitionKey": entity, "RowKey": row_key} if isinstance(entity, str) else entity
        wanted = etag if match_condition is MatchConditions.IfNotModified else None
        try:
            self._change("delete", keys, wanted)
        except ResourceNotFoundError:  # as the SDK does
            return

    def get_entity(self, partition_key: str, row_key: str) -> TableEntity:
        return _shown(self._send(f"read {partition_key} {row_key}", lambda: self._store.get(partition_key, row_key)))

    def query_entities(
        self,
        query_filter: str,
        parameters: Mapping[str, Any] | None = None,
        select: Sequence[str] = (),
        results_per_page: int | None = None,
        raw_response_hook: Hook | None = None,
    ) -> Found:
        per_page = results_per_page or _PAGE
        return Found(self._store, self._send, query_filter, dict(parameters or {}), select, per_page, raw_response_hook)

    def submit_transaction(self, operations: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
        changes = [_as_change(*operation) for operation in operations]
        first = changes[0][1]

        def act() -> list[Entity | None]:
            try:
                return self._store.transact(changes)
            except Exception as error:
                if not hasattr(error, "position"):
                    raise
                raise TableTransactionError(message=str(error), index=error.position) from None

        written = self._send(f"write {len(changes)} rows of {first['PartitionKey']}", act)
        return [{"etag": entity.etag} if entity else {} for entity in written]

    def _change(self, operation: str, entity: Mapping[str, Any], etag: str | None = None) -> dict[str, Any]:
        change = (operation, dict(entity), etag)
        what = f"{operation} {entity['PartitionKey']} {entity['RowKey']}"
        (written,) = self._send(what, lambda: self._store.transact([change]))
        return {"etag": written.etag} if written else {}


class Found:
    """The rows that a query finds, asked for page by page as they are read."""

    def __init__(
        self,
        store: TableStore,
        send: Send[Any],
        query_filter: str,
        parameters: Mapping[str, Any],
        select: Sequence[str],
        per_page: int,
        hook: Hook | None,
    ) -> None:
        for word in query_filter.split(" "):  # as the SDK puts them in, which takes a bracket for a part of the name
            if word.startswith("@"):
                parameters[word[1:]]
        self._store, self._send, self._query, self._parameters = store, send, query_filter, parameters
        self._select, self._per_page, self._hook = select, per_page, hook

    def __iter__(self) -> Iterator[TableEntity]:
        for page in self.by_page():
            yield from page

    def by_page(self) -> Iterator[Iterator[TableEntity]]:
        matches = compiled(self._query)
        after: tuple[str, str] | None = None
        while True:
            found = self._send(f"query {self._query} {self._parameters}", partial(self._page, matches, after))
            if self._hook:
                self._hook(_answered(self._store.clock()))
            yield (_shown(entity, self._select) for entity in found[: self._per_page])
            if len(found) <= self._per_page:
                return
            after = _key(found[self._per_page - 1])

    def _page(self, matches: Predicate, after: tuple[str, str] | None) -> list[Entity]:
        """A page and one row more, if there is one."""
        words = self._query.split(maxsplit=3)  # every query of the app names its partition first
        partition = self._parameters[words[2][1:]] if words[:2] == ["PartitionKey", "eq"] else None
        stamped = _stamped if " Timestamp " in self._query else _plain
        found = (
            entity
            for entity in self._store.rows(partition)
            if (after is None or _key(entity) > after) and matches(stamped(entity), self._parameters)
        )
        return list(islice(found, self._per_page + 1))


def _plain(entity: Entity) -> Mapping[str, Any]:
    return entity.values


def _stamped(entity: Entity) -> Mapping[str, Any]:
    return {**entity.values, "Timestamp": entity.written_at}


def _answered(clock: float) -> Any:
    return SimpleNamespace(http_response=SimpleNamespace(headers={"Date": formatdate(clock, usegmt=True)}))


def _key(entity: Entity) -> tuple[str, str]:
    return entity.values["PartitionKey"], entity.values["RowKey"]


def _as_change(operation: str, entity: Mapping[str, Any], options: Mapping[str, Any] | None = None) -> Change:
    mode = UpdateMode((options or {}).get("mode", UpdateMode.MERGE))
    names = {"upsert": f"upsert_{_UPDATES[mode]}", "update": _UPDATES[mode]}
    wanted = options["etag"] if options and options.get("match_condition") is MatchConditions.IfNotModified else None
    return names.get(operation, operation), entity, wanted


def _shown(entity: Entity, select: Sequence[str] = ()) -> TableEntity:
    shown = TableEntity({name: value for name, value in entity.values.items() if not select or name in select})
    shown._metadata = {"etag": entity.etag, "timestamp": entity.written_at}
    return shown
