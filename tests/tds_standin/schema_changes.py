"""The statements that change tables, views and other objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from . import kinds as k
from .compiler import Compiler
from .kinds import Kind
from .schema import Column, ForeignKey, Index, Table, View
from .scope import Relation, Scope
from .tokens import SqlError
from .tree import Statement
from .values import Value, converted

if TYPE_CHECKING:
    from .engine import Engine
    from .session import Session


class SchemaChanges:
    """The part of the runner that defines."""

    session: Session
    engine: Engine
    variables: dict[str, tuple[Kind, Any]]
    _rows_of: Callable[[str, Compiler], list[Any]]
    _assigned: Callable[[Compiler, Column, Any, Scope], str]

    def begin(self) -> Iterator[Any]:
        raise NotImplementedError

    def done(self, command: int, count: int | None) -> Any:
        from .events import Done

        return Done(command, count)

    def _refuse_when_read_only(self) -> None:
        if self.session.database.read_only:
            raise SqlError(
                3906, f'Failed to update database "{self.session.database.name}" because the database is read-only.'
            )

    def _create_table(self, statement: Statement) -> Iterator[Any]:
        columns, indexes, more = self._table_parts(statement.items, statement.path[-1])
        table = self._place_table(statement.path, columns, indexes, more)
        table.memory_optimized = statement.memory_optimized
        yield self.done(0xC6, None)

    def declare_table(self, name: str, items: list[Statement]) -> None:
        columns, indexes, more = self._table_parts(items, name)
        self._place_table((name,), columns, indexes, more)

    def _place_table(
        self, path: tuple[str, ...], columns: list[Column], indexes: Sequence[Index] = (), more: Sequence[Any] = ()
    ) -> Table:
        if path[-1].startswith(("#", "@")):
            database, schema, name = self.engine.database("tempdb"), "dbo", path[-1]
        else:
            self._refuse_when_read_only()
            database, schema, name = self.session.full_path(path)
        known = next((one for one in database.schemas if one.casefold() == schema.casefold()), None)
        if known is None:
            raise SqlError(
                2760,
                f'The specified schema name "{schema}" either does not exist or you do not have permission to use it.',
            )
        table = Table(known, name, columns, self.engine.next_id())
        table.indexes = list(indexes)
        for index in table.indexes:
            for column, _ in index.columns:
                place = table.place(column)
                if index.primary:
                    table.columns[place].nullable = False
        table.foreign = [one for one in more if isinstance(one, ForeignKey)]
        table.checks = [(one[0], one[1]) for one in more if isinstance(one, tuple)]
        if name.startswith(("#", "@")):
            self.session.temporary.pop(name.casefold(), None) if name[0] == "@" else None
            table.name = f"{name}{table.object_id}"
            self.engine.create_table(database, table)
            self.session.temporary[name.casefold()] = table
        else:
            self.engine.create_table(database, table)
            if self.session.transaction:
                self.session.transaction.undo.append(lambda: self.engine.drop_table(database, table))
        return table

    def _table_parts(self, items: list[Statement], name: str) -> tuple[list[Column], list[Index], list[Any]]:
        columns: list[Column] = []
        indexes: list[Index] = []
        more: list[Any] = []
        for item in items:
            if item.op == "column":
                columns.append(self._new_column(item, columns, name))
            for part in item.constraints if item.op == "column" else [item]:
                self._add_constraint(part, name, columns, indexes, more)
        return columns, indexes, more

    def _add_constraint(
        self, part: Statement, name: str, columns: list[Column], indexes: list[Index], more: list[Any]
    ) -> None:
        tail = f"{self.engine.next_id():016X}"
        if part.op == "key":
            made = part.name or f"{'PK' if part.primary else 'UQ'}__{name[:10]}__{tail}"
            indexes.append(
                Index(made, part.columns, True, part.primary, part.clustered, True, object_id=self.engine.next_id())
            )
        elif part.op == "foreign":
            path = ("dbo", *part.target)[-2:]
            own = [one for one, _ in part.columns]
            found = self.session.find(part.target)
            referred = part.referred or (
                [one for one, _ in found.key.columns] if isinstance(found, Table) and found.key else own
            )
            target = (found.schema, found.name) if isinstance(found, Table) else (path[0], path[1])
            more.append(
                ForeignKey(
                    part.name or f"FK__{name[:10]}__{tail}", own, target, referred, part.rules, self.engine.next_id()
                )
            )
        elif part.op == "check":
            more.append((part.name or f"CK__{name[:10]}__{tail}", part.body))
        elif part.op == "default":
            column = next(one for one in columns if one.name.casefold() == part.column.casefold())
            column.default, column.default_text, column.default_id = part.value, part.body, self.engine.next_id()
            column.default_name = part.name or f"DF__{name[:10]}__{tail}"

    def _new_column(self, item: Statement, columns: list[Column], name: str) -> Column:
        if item.computed:
            values = [Value("NULL", one.kind, one.nullable, one.name) for one in columns]
            value = Compiler(self.session, {}).value(item.computed, Scope([Relation((name,), values)]))
            return Column(
                item.name,
                value.kind,
                value.nullable,
                computed=item.computed,
                computed_text=item.body,
                persisted=item.persisted,
            )
        kind = k.parse_kind(item.kind)
        if kind is None:
            raise SqlError(
                2715, f"Column, parameter, or variable #{len(columns) + 1}: Cannot find data type {item.kind}."
            )
        if kind.family == "char" and kind.name != "xml":
            kind = kind.with_collation(item.collation or self.session.database.collation)
        nullable = item.nullable if item.nullable is not None else item.identity is None and kind.name != "timestamp"
        made = Column(item.name, kind, nullable, item.identity)
        if item.default is not None:
            made.default, made.default_text, made.default_id = item.default, item.body, self.engine.next_id()
            made.default_name = item.default_name or f"DF__{name[:10]}__{item.name[:6]}__{made.default_id:08X}"
        return made

    def _create_view(self, statement: Statement) -> Iterator[Any]:
        database, schema, name = self.session.full_path(statement.path)
        path = (schema.casefold(), name.casefold())
        if not statement.replaces and (path in database.views or path in database.tables):
            raise SqlError(2714, f"There is already an object named '{name}' in the database.")
        Compiler(self.session, {}).query(statement.query)
        database.views[path] = View(
            schema, name, statement.query, statement.body, statement.columns, self.engine.next_id()
        )
        database.version += 1
        yield self.done(0, None)

    def _create_schema(self, statement: Statement) -> Iterator[Any]:
        schemas = self.session.database.schemas
        if any(one.casefold() == statement.name.casefold() for one in schemas):
            raise SqlError(2714, f"There is already an object named '{statement.name}' in the database.")
        schemas[statement.name] = max(schemas.values()) + 1
        self.session.database.version += 1
        yield self.done(0, None)

    def _create_database(self, statement: Statement) -> Iterator[Any]:
        if statement.name.casefold() in self.engine.databases:
            raise SqlError(1801, f"Database '{statement.name}' already exists. Choose a different database name.")
        self.engine.create_database(statement.name)
        yield self.done(0, None)

    def _create_synonym(self, statement: Statement) -> Iterator[Any]:
        database, schema, name = self.session.full_path(statement.path)
        database.synonyms[schema.casefold(), name.casefold()] = (schema, name, statement.target, self.engine.next_id())
        database.version += 1
        yield self.done(0, None)

    def _create_sequence(self, statement: Statement) -> Iterator[Any]:
        database, schema, name = self.session.full_path(statement.path)
        database.sequences[schema.casefold(), name.casefold()] = [schema, name, statement.start, self.engine.next_id()]
        database.version += 1
        yield self.done(0, None)

    def _create_index(self, statement: Statement) -> Iterator[Any]:
        table = self.session.table(statement.path)
        index = Index(
            statement.name, statement.columns, statement.unique, clustered=statement.clustered,
            included=statement.included, condition=statement.condition
        )  # fmt: skip
        for name, _ in index.columns:
            table.place(name)
        table.indexes.append(index)
        self.engine.store_index(table, index)
        self.session.database.version += 1
        yield self.done(0, None)

    def _drop(self, statement: Statement) -> Iterator[Any]:
        for path in statement.paths:
            self._drop_one(statement, path)
        self.session.database.version += 1
        yield self.done(0xC7, None)

    def _drop_one(self, statement: Statement, path: tuple[str, ...]) -> None:
        database = (
            self.session.full_path(path)[0]
            if statement.what not in ("DATABASE", "SCHEMA", "INDEX")
            else self.session.database
        )
        key = (self.session.full_path(path)[1].casefold(), path[-1].casefold()) if len(path) < 4 else ("", "")
        found: Any = None
        if statement.what == "TABLE":
            found = self.session.find(path)
            if isinstance(found, Table):
                owner = self.engine.database("tempdb") if path[-1].startswith("#") else database
                self.engine.drop_table(owner, found)
                self.session.temporary.pop(path[-1].casefold(), None)
        elif statement.what == "INDEX":
            table = self.session.table(path[:-1])
            found = next((one for one in table.indexes if one.name.casefold() == path[-1].casefold()), None)
            if found:
                table.indexes.remove(found)
        elif statement.what == "SCHEMA":
            found = self.session.database.schemas.pop(path[-1], None)
        elif statement.what == "DATABASE":
            found = self.engine.databases.pop(path[-1].casefold(), None)
        else:
            holder = {"VIEW": database.views, "SYNONYM": database.synonyms, "SEQUENCE": database.sequences}.get(
                statement.what, {}
            )
            found = holder.pop(key, None)  # type: ignore[attr-defined]
        if found is None and not statement.missing:
            raise SqlError(
                3701, f"Cannot drop the {statement.what.lower()} '{'.'.join(path)}', because it does not exist or you "
                f"do not have permission.", 11, 5
            )  # fmt: skip

    def _alter_database(self, statement: Statement) -> Iterator[Any]:
        database = self.engine.database(statement.name) if statement.name else self.session.database
        words = statement.words
        value = "ON" in words
        if words[0] == "ALLOW_SNAPSHOT_ISOLATION":
            database.snapshots = value
        elif words[0] == "READ_COMMITTED_SNAPSHOT":
            database.read_committed_snapshot = value
        elif words[0] in ("READ_ONLY", "READ_WRITE"):
            database.read_only = words[0] == "READ_ONLY"
        yield self.done(0, None)

    def _alter_add(self, statement: Statement) -> Iterator[Any]:
        table = self.session.table(statement.path)
        for item in statement.items:
            if item.op == "column":
                column = self._new_column(item, table.columns, table.name)
                default = "NULL"
                if column.default is not None and not column.nullable:
                    default = self._literal(column)
                collation = (
                    f" COLLATE no_case DEFAULT {default}" if column.kind.family == "char" else f" DEFAULT {default}"
                )
                self.engine.execute(f"ALTER TABLE {table.stored} ADD COLUMN c{len(table.columns)}{collation}")
                table.columns.append(column)
            indexes: list[Index] = []
            more: list[Any] = []
            for part in item.constraints if item.op == "column" else [item]:
                self._add_constraint(part, table.name, table.columns, indexes, more)
            for index in indexes:
                table.indexes.append(index)
                self.engine.store_index(table, index)
                for name, _ in index.columns if index.primary else ():
                    table.columns[table.place(name)].nullable = False
            table.foreign += [one for one in more if isinstance(one, ForeignKey)]
            table.checks += [(one[0], one[1]) for one in more if isinstance(one, tuple)]
        self.session.database.version += 1
        yield self.done(0, None)

    def _literal(self, column: Column) -> str:
        compiler = Compiler(self.session, {})
        found = self._rows_of(f"SELECT quote({self._assigned(compiler, column, ('default',), Scope())})", compiler)
        return str(found[0][0])

    def _alter_drop(self, statement: Statement) -> Iterator[Any]:
        table = self.session.table(statement.path)
        for name in statement.names:
            if statement.what == "COLUMN":
                place = table.place(name)
                self.engine.execute(f"ALTER TABLE {table.stored} DROP COLUMN c{place}")
                for later in range(place + 1, len(table.columns)):
                    self.engine.execute(f"ALTER TABLE {table.stored} RENAME COLUMN c{later} TO c{later - 1}")
                del table.columns[place]
            else:
                table.indexes = [one for one in table.indexes if one.name.casefold() != name.casefold()]
                table.foreign = [one for one in table.foreign if one.name.casefold() != name.casefold()]
        self.session.database.version += 1
        yield self.done(0, None)

    def _alter_column(self, statement: Statement) -> Iterator[Any]:
        table = self.session.table(statement.path)
        place = table.place(statement.item.name)
        old, new = table.columns[place], self._new_column(statement.item, table.columns, table.name)
        compiler = Compiler(self.session, {})
        self.engine.execute(
            f"UPDATE {table.stored} SET c{place} = {converted(Value(f'c{place}', old.kind), new.kind, mode='s')}",
            compiler.binds,
        )
        table.columns[place] = replace(old, kind=new.kind, nullable=new.nullable)
        self.session.database.version += 1
        yield self.done(0, None)

    def _identity_insert(self, statement: Statement) -> Iterator[Any]:
        self.session.identity_insert = self.session.table(statement.path) if statement.on else None
        yield self.done(0, None)
