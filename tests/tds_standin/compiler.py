"""T-SQL's trees into SQLite's SQL, with the type of every expression known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from . import kinds as k
from .catalog import system_view
from .conditions import Conditions, distinguished, folded_column
from .kinds import Kind
from .schema import FOREVER, Table, View
from .scope import Compiled, Relation, Scope
from .tokens import SqlError
from .tree import Expression, Select, Source
from .values import Value, common_kind, converted, ordered

NOT_FOUND = "Invalid object name '{}'."
_DIRTY = {"NOLOCK", "READUNCOMMITTED"}


class Compiler(Conditions):
    """Compiles one statement; what it needs to run is in `binds` and `reads`."""

    def __init__(self, session: Any, variables: dict[str, tuple[Kind, Any]]) -> None:
        self.session = session
        self.database = session.database
        self.variables = variables
        self.binds: dict[str, Any] = {}
        self.reads: list[tuple[Table, list[str]]] = []
        self._aliases = 0
        self._ctes: dict[str, tuple[list[str], Select]] = {}
        self._hints: list[str] = []

    def alias(self) -> str:
        self._aliases += 1
        return f"r{self._aliases}"

    def query(self, select: Select, parent: Scope | None = None) -> Compiled:
        kept = dict(self._ctes)
        for name, columns, inner in select.ctes:
            self._ctes[name.casefold()] = (columns, inner)
        try:
            return self._combined(select, parent) if select.combined else self._core(select, parent)
        finally:
            self._ctes = kept

    def _combined(self, select: Select, parent: Scope | None) -> Compiled:
        first = replace(select, combined=[], order=[], ctes=[], offset=None, fetch=None)
        branches = [first, *(branch for _, branch in select.combined)]
        compiled = [self.query(branch, parent) for branch in branches]
        count = len(compiled[0].values)
        if any(len(one.values) != count for one in compiled):
            raise SqlError(
                205, "All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number of "
                "expressions in their target lists.",
            )  # fmt: skip
        values = []
        for index in range(count):
            kind = compiled[0].values[index].kind
            for one in compiled[1:]:
                kind = common_kind(kind, one.values[index].kind)
            name = compiled[0].values[index].name
            values.append(Value(f"x{index}", kind, any(one.values[index].nullable for one in compiled), name))
        parts = []
        for (op, _), one in zip([("", None), *select.combined], compiled, strict=True):
            items = [
                f"{distinguished(converted(Value(f'x{index}', value.kind), values[index].kind), values[index].kind)} "
                f"AS x{index}"
                for index, value in enumerate(one.values)
            ]
            parts.append(f" {op} SELECT {', '.join(items)} FROM ({one.sql})")
        alias = self.alias()
        for value in values:
            value.sql = f"{alias}.{value.sql}"
        listed = ", ".join(f"{value.sql} AS x{index}" for index, value in enumerate(values))
        sql = f"SELECT {listed} FROM ({''.join(parts)}) AS {alias}"
        scope = Scope([Relation(("",), values)], parent)
        order = [(self._position(one, select, values), down) for one, down in select.order]
        return Compiled(sql + self._tail(replace(select, order=order), scope, values), values)

    def _position(self, expression: Expression, select: Select, values: list[Value]) -> Expression:
        """An item of the first query that ORDER BY names as that query does, as its place."""
        for index, (item, _) in enumerate(select.items):
            if expression == item or (
                expression[0] == item[0] == "column" and folded_column(expression) == folded_column(item)
            ):
                return ("num", str(index + 1))
        return expression

    def _core(self, select: Select, parent: Scope | None) -> Compiled:
        if select.rows:
            return self._rows(select, parent)
        scope = Scope(parent=parent)
        source = f" FROM {self._source(select.source, scope)}" if select.source else ""
        values = self._items(select, scope)
        sql = "SELECT " + "DISTINCT " * select.distinct
        sql += ", ".join(
            f"{distinguished(value.sql, value.kind) if select.distinct else value.sql} AS x{index}"
            for index, value in enumerate(values)
        )
        sql += source
        if select.where:
            sql += f" WHERE {self.condition(select.where, scope)}"
        if select.group:
            sql += " GROUP BY " + ", ".join(ordered(self.value(one, scope)) for one in select.group)
        if select.having:
            sql += f"{'' if select.group else ' GROUP BY NULL'} HAVING {self.condition(select.having, scope)}"
        return Compiled(sql + self._tail(select, scope, values), values)

    def _items(self, select: Select, scope: Scope) -> list[Value]:
        values: list[Value] = []
        for expression, name in select.items:
            if expression[0] == "star":
                values += self._star(expression[1], scope)
            else:
                value = self.value(expression, scope)
                if name is not None:
                    value = replace(value, name=name)
                elif expression[0] != "column":
                    value = replace(value, name="")
                values.append(value)
        return values

    def _star(self, qualifier: tuple[str, ...], scope: Scope) -> list[Value]:
        found = [one for one in scope.relations if not qualifier or one.answers_to(qualifier)]
        if not found:
            if qualifier:
                raise SqlError(
                    107, f"The column prefix '{'.'.join(qualifier)}' does not match with a table name or alias name."
                )
            raise SqlError(263, "Must specify table to select from.")
        return [replace(column) for one in found for column in one.columns]

    def _tail(self, select: Select, scope: Scope, values: list[Value]) -> str:
        sql = ""
        if select.order:
            parts = []
            for expression, descending in select.order:
                parts.append(ordered(self._order_value(expression, scope, values)) + (" DESC" if descending else ""))
            sql += " ORDER BY " + ", ".join(parts)
        if select.percent:
            raise SqlError(102, "Incorrect syntax near 'PERCENT': the stand-in knows no TOP … PERCENT.", 15)
        limit = select.top or select.fetch
        if limit:
            sql += f" LIMIT {self._amount(limit)}"
        if select.offset:
            sql += ("" if limit else " LIMIT -1") + f" OFFSET {self._amount(select.offset)}"
        return sql

    def _amount(self, expression: Expression) -> str:
        return converted(self.value(expression, Scope()), k.BIGINT)

    def _order_value(self, expression: Expression, scope: Scope, values: list[Value]) -> Value:
        if expression[0] == "num" and expression[1].isdigit():
            if not 0 < int(expression[1]) <= len(values):
                raise SqlError(108, f"The ORDER BY position number {expression[1]} is out of range of the number of "
                    f"items in the select list.")  # fmt: skip
            return values[int(expression[1]) - 1]
        if expression[0] == "column" and len(expression[1]) == 1:
            folded = expression[1][0].casefold()
            for value in values:
                if value.name.casefold() == folded:
                    return value
        return self.value(expression, scope)

    def _rows(self, select: Select, parent: Scope | None) -> Compiled:
        scope = Scope(parent=parent)
        rows = [[self.value(one, scope) for one in row] for row in select.rows]
        kinds = []
        for index in range(len(rows[0])):
            kind = rows[0][index].kind
            for row in rows[1:]:
                kind = common_kind(kind, row[index].kind)
            kinds.append(kind)
        lines = (", ".join(converted(value, kind) for value, kind in zip(row, kinds, strict=True)) for row in rows)
        names = ", ".join(f"column{index + 1} AS x{index}" for index in range(len(kinds)))
        sql = f"SELECT {names} FROM (VALUES {', '.join(f'({line})' for line in lines)})"
        return Compiled(sql, [Value(f"x{index}", kind) for index, kind in enumerate(kinds)])

    def _source(self, source: Source, scope: Scope) -> str:
        match source:
            case ("join", kind, left, right, on):
                before = len(scope.relations)
                sql = self._source(left, scope)
                between = len(scope.relations)
                sql += f" {kind} JOIN " + self._source_in_join(right, scope)
                if kind in ("LEFT", "FULL"):
                    _let_be_null(scope.relations[between:])
                if kind in ("RIGHT", "FULL"):
                    _let_be_null(scope.relations[before:between])
                return sql + (f" ON {self.condition(on, scope)}" if on else "")
            case ("derived", query, name, columns):
                return self._derived(query, name, columns, scope)
            case ("function", path, arguments, name, columns):
                return self._table_function(path, arguments, name, columns, scope)
            case ("table", path, alias, hints, sample):
                return self._table(path, alias, hints, sample, scope)
        raise AssertionError(source)

    def _source_in_join(self, source: Source, scope: Scope) -> str:
        sql = self._source(source, scope)
        return f"({sql})" if source[0] == "join" else sql

    def _derived(self, query: Select, name: str, columns: list[str], scope: Scope, path: tuple[str, ...] = ()) -> str:
        compiled = self.query(query, scope.parent)
        alias = self.alias()
        made = [
            replace(value, sql=f"{alias}.x{index}", name=columns[index] if columns else value.name)
            for index, value in enumerate(compiled.values)
        ]
        scope.relations.append(Relation(path or (name,), made))
        return f"({compiled.sql}) AS {alias}"

    def _table(self, path: tuple[str, ...], alias: str | None, hints: list[str], sample: Any, scope: Scope) -> str:
        if len(path) == 1 and path[0].casefold() in self._ctes:
            columns, query = self._ctes[path[0].casefold()]
            kept, self._ctes = self._ctes, {n: c for n, c in self._ctes.items() if n != path[0].casefold()}
            try:
                return self._derived(query, alias or path[0], columns, scope)
            finally:
                self._ctes = kept
        database, schema, name = self.session.full_path(path)
        if schema.casefold() in ("sys", "information_schema"):
            view = system_view(self.session, database, schema, name)
            if view:
                return self._system(view, (alias,) if alias else (database.name, schema, name), scope)
        found = self.session.find(path)
        if isinstance(found, View):
            names = (alias,) if alias else (database.name, schema, name)
            outer, self._hints = self._hints, [*self._hints, *hints]  # they count for the tables of the view, too
            try:
                return self._derived(found.query, name, found.columns, scope, names)
            finally:
                self._hints = outer
        if not isinstance(found, Table):
            raise SqlError(208, NOT_FOUND.format(".".join(path)))
        if f"{found.schema}.{found.name}".casefold() in self.session.engine.denied:
            raise SqlError(
                229, f"The SELECT permission was denied on the object '{found.name}', database '{database.name}', "
                f"schema "
                f"'{found.schema}'.", level=14, state=5,
            )  # fmt: skip
        hints = [*self._hints, *hints]
        self.reads.append((found, hints))
        dirty = bool(_DIRTY & set(hints)) or self.session.isolation == "READ UNCOMMITTED"
        return self._stored(
            found, (alias,) if alias else (database.name, found.schema, found.name), dirty, sample, scope
        )

    def _stored(self, table: Table, names: tuple[str, ...], dirty: bool, sample: Any, scope: Scope) -> str:
        alias = self.alias()
        condition = f"u = {FOREVER}"
        if not dirty:
            condition = "(f BETWEEN 0 AND :moment OR f = :own) AND (u > :moment OR (u < 0 AND u <> :own))"
        if sample:
            amount = float(sample[1][1])
            condition += f" AND rid / 50 * 7919 % 100000 < {amount * 1000 if sample[0] == 'PERCENT' else 100000}"
        places = ", ".join(f"c{index}" for index in range(len(table.columns)))
        columns = [
            Value(f"{alias}.c{index}", column.kind, column.nullable, column.name, (table, column))
            for index, column in enumerate(table.columns)
        ]
        scope.relations.append(Relation(names, columns, table, alias))
        return f"(SELECT rid, {places} FROM {table.stored} WHERE {condition}) AS {alias}"

    def _system(self, view: tuple[str, list[tuple[str, Kind]]], names: tuple[str, ...], scope: Scope) -> str:
        stored, columns = view
        alias = self.alias()
        made = [Value(f"{alias}.c{index}", kind, name=name) for index, (name, kind) in enumerate(columns)]
        scope.relations.append(Relation(names, made))
        return f"{stored} AS {alias}"

    def _table_function(
        self, path: tuple[str, ...], arguments: list[Expression], name: str, columns: list[str], scope: Scope
    ) -> str:
        function = path[-1].casefold()
        if function in ("fn_listextendedproperty", "dm_exec_sql_text", "fn_helpcollations"):
            view = system_view(self.session, self.database, "sys", function)
            if view:
                return self._system(view, (name,), scope)
        if function == "string_split":
            values = [self.value(one, scope) for one in arguments]
            alias = self.alias()
            text = converted(values[0], Kind("nvarchar", k.MAX))
            parts = f"json_each('[\"' || replace(replace({text}, '\"', '\\\"'), {values[1].sql}, '\",\"') || '\"]')"
            scope.relations.append(Relation((name,), [Value(f"{alias}.value", Kind("nvarchar", k.MAX), name="value")]))
            return f"{parts} AS {alias}"
        raise SqlError(208, NOT_FOUND.format(".".join(path)))


def _let_be_null(relations: list[Relation]) -> None:
    for relation in relations:
        for column in relation.columns:
            column.nullable = True
