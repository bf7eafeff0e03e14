"""The statements that change data and tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from . import kinds as k
from . import tokens
from .compiler import Compiler
from .schema import Column, Table, Transaction
from .schema_changes import SchemaChanges
from .scope import Relation, Scope
from .tokens import Output, SqlError
from .tree import Select, Statement
from .values import Value, converted

if TYPE_CHECKING:
    pass


class Changes(SchemaChanges):
    """The part of the runner that writes."""

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
        from .events import Rows

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
