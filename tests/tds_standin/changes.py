"""The statements that change data and tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from . import kinds as k
from . import tokens
from .compiler import Compiler, Relation, Scope
from .engine import Column, ForeignKey, Index, Table, Transaction, View
from .kinds import Kind
from .parser import Select, Statement
from .tokens import Output, SqlError
from .values import Value, converted

if TYPE_CHECKING:
    from .engine import Engine
    from .session import Session


class Changes:
    """The part of the runner that writes."""

    session: Session
    engine: Engine
    variables: dict[str, tuple[Kind, Any]]

    def begin(self) -> Iterator[Any]:
        raise NotImplementedError

    @contextmanager
    def _writing(self) -> Iterator[Transaction]:
        """The transaction that a statement writes in; what it did is undone if it fails."""
        own = self.session.transaction
        if own is None:
            made = self.engine.begin()
            try:
                yield made
            except BaseException:
                self.engine.end_rolled_back(made)
                raise
            self.engine.commit(made)
            return
        done = len(own.done)
        try:
            yield own
        except BaseException:
            self.engine.rollback(own, done) if done else self._undo_all(own)
            raise

    def _undo_all(self, transaction: Transaction) -> None:
        kept, transaction.undo = transaction.undo, []
        self.engine.rollback(transaction)
        transaction.undo = kept

    def _rows_of(self, sql: str, compiler: Compiler) -> list[Any]:
        cursor = self.session.run(sql, compiler.binds, self._moment(compiler))
        found: list[Any] = []
        while part := self.session.fetch(cursor, 5000):
            found += part
        return found

    def _moment(self, compiler: Compiler) -> int:
        raise NotImplementedError

    def _start_implicitly(self) -> Iterator[Any]:
        if self.session.on("IMPLICIT_TRANSACTIONS") and not self.session.transaction:
            yield from self.begin()

    # --- INSERT ---

    def _insert(self, statement: Statement) -> Iterator[Any]:
        yield from self._start_implicitly()
        self._refuse_when_read_only()
        table = self.session.table(statement.path)
        places = [table.place(name) for name in statement.columns] or [
            index for index, column in enumerate(table.columns)
            if not (column.computed or column.kind.name == "timestamp")
            and (column.identity is None or self.session.identity_insert is table)
        ]  # fmt: skip
        self._check_places(table, places)
        if isinstance(statement.source, Statement):
            raise SqlError(102, "Incorrect syntax near 'EXEC': the stand-in knows no INSERT … EXEC.", 15)
        with self._writing() as transaction:
            rows = self._new_rows(table, places, statement)
            self.engine.insert(self.session, transaction, table, rows)
        yield from self._output(statement, table, [(None, row) for row in rows])
        self.session.row_count = len(rows)
        yield self.done(tokens.INSERT, len(rows))

    def done(self, command: int, count: int | None) -> Any:
        from .runner import Done

        return Done(command, count)

    def _refuse_when_read_only(self) -> None:
        if self.session.database.read_only:
            raise SqlError(
                3906, f'Failed to update database "{self.session.database.name}" because the database is read-only.'
            )

    def _check_places(self, table: Table, places: list[int]) -> None:
        for place in places:
            column = table.columns[place]
            if column.kind.name == "timestamp":
                raise SqlError(273, "Cannot insert an explicit value into a timestamp column. Use INSERT with a "
                    "column list to exclude the timestamp column, or insert a DEFAULT into the timestamp column."
                )  # fmt: skip
            if column.identity and self.session.identity_insert is not table:
                raise SqlError(544, f"Cannot insert explicit value for identity column in table '{table.name}' when "
                    f"IDENTITY_INSERT is set to OFF.")  # fmt: skip

    def _new_rows(self, table: Table, places: list[int], statement: Statement) -> list[list[Any]]:
        """Whole rows, stored, from VALUES, a query or DEFAULT VALUES."""
        compiler = Compiler(self.session, self.variables)
        scope = Scope()
        for name, columns, inner in statement.ctes:
            compiler._ctes[name.casefold()] = (columns, inner)
        source: Select | None = statement.source
        if source is None:
            places, rows, inner = [], [], "SELECT 1"
        elif source.rows and not source.combined:
            if any(len(row) != len(places) for row in source.rows):
                raise SqlError(213, "Column name or number of supplied values does not match table definition.")
            rows = [
                ", ".join(
                    self._assigned(compiler, table.columns[place], value, scope)
                    for place, value in zip(places, row, strict=True)
                )
                for row in source.rows
            ]
            named = ", ".join(f"column{n + 1} AS x{n}" for n in range(len(places)))
            inner = f"SELECT {named} FROM (VALUES {', '.join(f'({row})' for row in rows)})"
        else:
            compiled = compiler.query(source)
            if len(compiled.values) != len(places):
                raise SqlError(121 if len(compiled.values) > len(places) else 120,
                    "The select list for the INSERT statement does not match the insert list. The number of SELECT "
                    "values must match the number of INSERT columns.", 15)  # fmt: skip
            listed = (
                f"{converted(Value(f'x{n}', value.kind), table.columns[place].kind, mode='s')} AS x{n}"
                for n, (value, place) in enumerate(zip(compiled.values, places, strict=True))
            )
            inner = f"SELECT {', '.join(listed)} FROM ({compiled.sql})"
        parts = {place: f"x{n}" for n, place in enumerate(places)}
        for place, column in enumerate(table.columns):
            if place not in parts:
                parts[place] = self._assigned(compiler, column, ("default",), scope) if not column.computed else "NULL"
        sql = f"SELECT {', '.join(f'{parts[place]} AS c{place}' for place in range(len(table.columns)))} FROM ({inner})"
        found = self._rows_of(self._with_computed(sql, table, compiler), compiler)
        return [self._identified(table, places, list(row)) for row in found]

    def _assigned(self, compiler: Compiler, column: Column, expression: Any, scope: Scope) -> str:
        if expression == ("default",):
            if column.default is None:
                return "NULL"
            expression = column.default
        value = compiler.value(expression, scope)
        return converted(value, column.kind, mode="s")

    def _with_computed(self, sql: str, table: Table, compiler: Compiler) -> str:
        if not any(column.computed for column in table.columns):
            return sql
        alias = compiler.alias()
        values = [
            Value(f"{alias}.c{place}", column.kind, column.nullable, column.name)
            for place, column in enumerate(table.columns)
        ]
        scope = Scope([Relation((table.name,), values)])
        parts = [
            converted(compiler.value(column.computed, scope), column.kind) if column.computed else f"{alias}.c{place}"
            for place, column in enumerate(table.columns)
        ]
        return f"SELECT {', '.join(f'{part} AS c{place}' for place, part in enumerate(parts))} FROM ({sql}) AS {alias}"

    def _identified(self, table: Table, places: Sequence[int], row: list[Any]) -> list[Any]:
        for place, column in enumerate(table.columns):
            if not column.identity:
                continue
            seed, step = column.identity
            if place in places:
                number = row[place] if isinstance(row[place], int) else k.decimal_unscaled(row[place], 0)
                table.identity_value = max(number, table.identity_value or number)
            else:
                table.identity_value = number = seed if table.identity_value is None else table.identity_value + step
                row[place] = number if column.kind.family == "int" else k.decimal_stored(number, 0)
            self.session.identity = number
        return row

    def select_into(self, query: Select) -> Iterator[Any]:
        """SELECT … INTO a new table."""
        compiler = Compiler(self.session, self.variables)
        compiled = compiler.query(replace(query, into=None))
        rows = self._rows_of(compiled.sql, compiler)
        path = query.into or ()
        columns = [
            Column(value.name, value.kind if value.kind.name != "null" else k.INT, value.nullable)
            for value in compiled.values
        ]
        table = self._place_table(path, columns)
        with self._writing() as transaction:
            self.engine.insert(self.session, transaction, table, rows)
        self.session.row_count = len(rows)
        yield self.done(tokens.INSERT, len(rows))

    # --- UPDATE and DELETE ---

    def _update(self, statement: Statement) -> Iterator[Any]:
        yield from self._change(statement, tokens.UPDATE)

    def _delete(self, statement: Statement) -> Iterator[Any]:
        yield from self._change(statement, tokens.DELETE)

    def _change(self, statement: Statement, command: int) -> Iterator[Any]:
        yield from self._start_implicitly()
        self._refuse_when_read_only()
        with self._writing() as transaction:
            while True:
                table, found = self._found_rows(statement, transaction)
                if self.engine.end_rows(self.session, transaction, table, [row[0] for row in found]):
                    break
            width = len(table.columns)
            pairs = [(list(row[1 : 1 + width]), list(row[1 + width :]) or None) for row in found]
            if command == tokens.UPDATE:
                self.engine.insert(self.session, transaction, table, [new for _, new in pairs if new])
        yield from self._output(statement, table, pairs)
        self.session.row_count = len(found)
        yield self.done(command, len(found))

    def _found_rows(self, statement: Statement, transaction: Transaction) -> tuple[Table, list[Any]]:
        """The table, and of each row its number, its values and its new ones."""
        compiler = Compiler(self.session, self.variables)
        for name, columns, inner in statement.ctes:
            compiler._ctes[name.casefold()] = (columns, inner)
        scope = Scope()
        source = compiler._source(statement.source, scope) if statement.source else ""
        target = next((one for one in scope.relations if one.answers_to(statement.path)), None)
        if target is None:
            before = len(scope.relations)
            own = compiler._source(("table", statement.path, None, [], None), scope)
            source = f"{source}, {own}" if source else own
            target = scope.relations[before]
        table = target.table
        if table is None:
            raise SqlError(4406, "Update or insert of view or function failed: the stand-in changes tables only.")
        compiler.reads = [(one, hints if one is not table else ["READPAST"]) for one, hints in compiler.reads]
        self.engine.lock_write(self.session, transaction, table)
        parts = [f"{target.alias}.rid", *(f"{target.alias}.c{place}" for place in range(len(table.columns)))]
        if statement.sets:
            parts += self._set_parts(statement, table, target, compiler, scope)
        sql = f"SELECT {', '.join(parts)} FROM {source}"
        if statement.where:
            sql += f" WHERE {compiler.condition(statement.where, scope)}"
        sql += f" GROUP BY {target.alias}.rid" if statement.source else ""
        if statement.top:
            sql += f" LIMIT {converted(compiler.value(statement.top, scope), k.BIGINT)}"
        return table, self._rows_of(sql, compiler)

    def _set_parts(
        self, statement: Statement, table: Table, target: Relation, compiler: Compiler, scope: Scope
    ) -> list[str]:
        made = {place: f"{target.alias}.c{place}" for place in range(len(table.columns))}
        for path, op, expression in statement.sets:
            place = table.place(path[-1])
            column = table.columns[place]
            if column.identity or column.computed or column.kind.name == "timestamp":
                raise SqlError(
                    8102 if column.identity else 272 if column.kind.name == "timestamp" else 271,
                    f"Cannot update column '{column.name}'.",
                )
            if op != "=":
                expression = ("op", op[0], ("column", path[-1:]), expression)
            made[place] = self._assigned(compiler, column, expression, scope)
        own = {
            place: Value(sql, table.columns[place].kind, name=table.columns[place].name) for place, sql in made.items()
        }
        inner = Scope([Relation((table.name,), list(own.values()))])
        for place, column in enumerate(table.columns):
            if column.computed:
                made[place] = converted(compiler.value(column.computed, inner), column.kind)
        return [made[place] for place in range(len(table.columns))]

    def _truncate(self, statement: Statement) -> Iterator[Any]:
        everything = Statement(
            "delete", path=statement.path, sets=[], output=[], source=None, where=None, top=None, ctes=[]
        )
        for event in self._change(everything, tokens.DELETE):
            if not hasattr(event, "count"):
                yield event
        self.session.table(statement.path).identity_value = None
        yield self.done(0, None)

    def _output(self, statement: Statement, table: Table, pairs: list[tuple[Any, Any]]) -> Iterator[Any]:
        from .runner import Rows

        if not statement.output:
            return
        compiler = Compiler(self.session, self.variables)
        relations = []
        for name, mark in (("deleted", "d"), ("inserted", "i")):
            values = [
                Value(f":{mark}{place}", column.kind, column.nullable, column.name)
                for place, column in enumerate(table.columns)
            ]
            relations.append(Relation((name,), values))
        compiled = compiler.query(Select(items=statement.output), Scope(relations)) if not any(
            item[0] == "star" for item, _ in statement.output
        ) else None  # fmt: skip
        if compiled is None:
            values = compiler._items(Select(items=statement.output), Scope(relations))
            sql = "SELECT " + ", ".join(value.sql for value in values)
            outputs = [Output(value.name, value.kind, nullable=value.nullable) for value in values]
        else:
            sql, outputs = compiled.sql, compiled.outputs
        rows = []
        width = len(table.columns)
        for old, new in pairs:
            binds = {f"d{place}": (old or [None] * width)[place] for place in range(width)}
            binds |= {f"i{place}": (new or [None] * width)[place] for place in range(width)}
            rows += self.session.fetch(self.session.run(sql, {**compiler.binds, **binds}, 0), 1)
        yield Rows(outputs, [rows])

    # --- tables ---

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
