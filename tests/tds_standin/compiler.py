"""T-SQL's trees into SQLite's SQL, with the type of every expression known."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from . import kinds as k
from .calls import Builtins
from .catalog import system_view
from .engine import FOREVER, Table, View
from .functions import collation_function
from .kinds import Kind
from .parser import Expression, Select, Source
from .tokens import Output, SqlError
from .values import Value, common_kind, converted, decimal_result, literal_text, ordered

NOT_FOUND = "Invalid object name '{}'."
_DIRTY = {"NOLOCK", "READUNCOMMITTED"}


class Relation:
    """Something in a FROM clause."""

    def __init__(
        self, names: tuple[str, ...], columns: list[Value], table: Table | None = None, alias: str = ""
    ) -> None:
        self.table, self.alias = table, alias
        self.names = tuple(name.casefold() for name in names)
        self.columns = columns
        self.by_name: dict[str, list[Value]] = {}
        for column in columns:
            self.by_name.setdefault(column.name.casefold(), []).append(column)

    def answers_to(self, qualifier: tuple[str, ...]) -> bool:
        folded = tuple(part.casefold() for part in qualifier)
        return len(folded) <= len(self.names) and self.names[-len(folded) :] == folded


@dataclass
class Scope:
    relations: list[Relation] = field(default_factory=list)
    parent: Scope | None = None


@dataclass
class Compiled:
    sql: str
    values: list[Value]

    @property
    def outputs(self) -> list[Output]:
        made = []
        for value in self.values:
            output = Output(value.name, value.kind, nullable=value.nullable, computed=value.column is None)
            if value.column:
                table, column = value.column
                output.identity = column.identity is not None
                output.table = (table.schema, table.name)
            made.append(output)
        return made


class Compiler(Builtins):
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

    # --- queries ---

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
                f"{_distinguished(converted(Value(f'x{index}', value.kind), values[index].kind), values[index].kind)} "
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
            if expression == item or (expression[0] == item[0] == "column" and _folded(expression) == _folded(item)):
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
            f"{_distinguished(value.sql, value.kind) if select.distinct else value.sql} AS x{index}"
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

    # --- sources ---

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

    # --- conditions ---

    def condition(self, expression: Expression, scope: Scope) -> str:
        match expression:
            case ("and" | "or" as op, left, right):
                return f"({self.condition(left, scope)} {op.upper()} {self.condition(right, scope)})"
            case ("not", inner):
                return f"(NOT {self.condition(inner, scope)})"
            case ("compare", op, left, right):
                return self._compared(self.value(left, scope), op, self.value(right, scope))
            case ("distinct", left, right, negated):
                return self._compared(self.value(left, scope), "IS" if negated else "IS NOT", self.value(right, scope))
            case ("isnull", inner, negated):
                return f"({self.value(inner, scope).sql} IS {'NOT ' if negated else ''}NULL)"
            case ("exists", query):
                return f"EXISTS ({self.query(query, scope).sql})"
            case ("between", inner, low, high, negated):
                value = self.value(inner, scope)
                parts = (
                    self._compared(value, ">=", self.value(low, scope)),
                    self._compared(value, "<=", self.value(high, scope)),
                )
                return f"({'NOT ' if negated else ''}({parts[0]} AND {parts[1]}))"
            case ("in", inner, listed, negated):
                value = self.value(inner, scope)
                tests = " OR ".join(self._compared(value, "=", self.value(one, scope)) for one in listed)
                return f"({'NOT ' if negated else ''}({tests}))"
            case ("in query", inner, query, negated):
                return self._in_query(self.value(inner, scope), query, negated, scope)
            case ("like", inner, pattern, escape, negated):
                return self._like(inner, pattern, escape, negated, scope)
        raise SqlError(
            4145, "An expression of non-boolean type specified in a context where a condition is expected.", 15
        )

    def _compared(self, left: Value, op: str, right: Value) -> str:
        kind = common_kind(left.kind, right.kind, comparing=True)
        first, second = converted(left, kind), converted(right, kind)
        if kind.family == "char":
            return f"({first} COLLATE {collation_function(kind.collation)} {op} {second})"
        if kind.family == "zoned":
            return f"(t_utc({first}) {op} t_utc({second}))"
        return f"({first} {op} {second})"

    def _in_query(self, value: Value, query: Select, negated: bool, scope: Scope) -> str:
        inner = self.query(query, scope)
        kind = common_kind(value.kind, inner.values[0].kind, comparing=True)
        column = converted(Value("x0", inner.values[0].kind), kind)
        tested = converted(value, kind)
        if kind.family == "char":
            tested += f" COLLATE {collation_function(kind.collation)}"
        elif kind.family == "zoned":
            tested, column = f"t_utc({tested})", f"t_utc({column})"
        return f"({tested} {'NOT ' if negated else ''}IN (SELECT {column} FROM ({inner.sql})))"

    def _like(
        self, inner: Expression, pattern: Expression, escape: Expression | None, negated: bool, scope: Scope
    ) -> str:
        value, sought = self.value(inner, scope), self.value(pattern, scope)
        text = Kind("nvarchar", k.MAX)
        ignores = collation_function(common_kind(value.kind, sought.kind).collation) == "no_case"
        parts = [converted(value, text), converted(sought, text), self.value(escape, scope).sql if escape else "NULL"]
        return f"({'NOT ' if negated else ''}t_like({', '.join(parts)}, {int(ignores)}))"

    # --- values ---

    def value(self, expression: Expression, scope: Scope) -> Value:
        match expression:
            case ("column", path):
                return self._column(path, scope)
            case ("num" | "money" | "str" | "nstr" | "bin" | "null", *_):
                return literal(expression)
            case ("var", name):
                return self._variable(name)
            case ("op", op, left, right):
                return self.arithmetic(op, self.value(left, scope), self.value(right, scope))
            case ("minus", inner):
                value = self.value(inner, scope)
                return replace(value, sql=f"t_number('MINUS', {value.sql})", column=None)
            case ("invert", inner):
                value = self.value(inner, scope)
                return replace(value, sql=f"(~{value.sql})", column=None)
            case ("cast", inner, kind, style, trying):
                return self.cast(self.value(inner, scope), kind, self.value(style, scope) if style else None, trying)
            case ("collate", inner, name):
                value = self.value(inner, scope)
                kind = value.kind.with_collation(name)
                return replace(value, kind=kind, sql=f"({value.sql} COLLATE {collation_function(name)})", column=None)
            case ("case", operand, whens, other):
                return self._case(operand, whens, other, scope)
            case ("scalar", query):
                inner = self.query(query, scope)
                if len(inner.values) != 1:
                    raise SqlError(116, "Only one expression can be specified in the select list when the subquery is "
                        "not introduced with EXISTS.")  # fmt: skip
                return Value(f"({inner.sql})", inner.values[0].kind)
            case ("zone", inner, zone):
                value, named = self.value(inner, scope), self.value(zone, scope)
                zoned = Kind("datetimeoffset", scale=value.kind.scale if value.kind.scale else 3)
                if value.kind.family == "zoned":
                    return Value(f"t_offset({value.sql}, {named.sql}, 1)", value.kind)
                return Value(f"t_offset({converted(value, zoned)}, {named.sql}, 0)", zoned)
            case ("next value", path):
                return Value(str(self.session.next_value(path)), k.BIGINT, False)
            case ("method", inner, name, _) if name.upper() == "TOSTRING":
                return self.cast(self.value(inner, scope), "nvarchar(4000)", None, False)
            case ("call", name, arguments, distinct, over):
                return self.call(name, arguments, distinct, over, scope)
            case ("and" | "or" | "not" | "compare" | "isnull" | "exists" | "in" | "like" | "between", *_):
                raise SqlError(102, "Incorrect syntax: a condition is given where a value is expected.", 15)
        raise SqlError(102, f"Incorrect syntax near '{expression[0]}'.", 15)

    def _column(self, path: tuple[str, ...], scope: Scope) -> Value:
        name, qualifier = path[-1].casefold(), path[:-1]
        at: Scope | None = scope
        while at:
            found = [
                column
                for one in at.relations
                if not qualifier or one.answers_to(qualifier)
                for column in one.by_name.get(name, ())
            ]
            if len(found) > 1:
                raise SqlError(209, f"Ambiguous column name '{path[-1]}'.")
            if found:
                return found[0]
            at = at.parent
        if qualifier and not self._knows(qualifier, scope):
            raise SqlError(4104, f'The multi-part identifier "{".".join(path)}" could not be bound.')
        raise SqlError(207, f"Invalid column name '{path[-1]}'.")

    def _knows(self, qualifier: tuple[str, ...], scope: Scope | None) -> bool:
        while scope:
            if any(one.answers_to(qualifier) for one in scope.relations):
                return True
            scope = scope.parent
        return False

    def _variable(self, name: str) -> Value:
        if name.startswith("@@"):
            return self.global_variable(name[2:].upper())
        if name not in self.variables:
            raise SqlError(137, f'Must declare the scalar variable "{name}".', 15, 2)
        kind, value = self.variables[name]
        bind = f"v{list(self.variables).index(name)}"
        self.binds[bind] = value
        return Value(f":{bind}", kind)

    def cast(self, value: Value, text: str, style: Value | None, trying: bool) -> Value:
        kind = k.parse_kind(text, 30)
        if not kind:
            raise SqlError(243, f"Type {text} is not a defined system type.", state=1)
        if kind.family == "char":
            kind = kind.with_collation(value.kind.collation if value.kind.family == "char" else self.database.collation)
        return Value(
            converted(value, kind, style.sql if style else "0", "t" if trying else ""), kind, value.nullable or trying
        )

    def _case(self, operand: Expression | None, whens: list[Any], other: Expression | None, scope: Scope) -> Value:
        tested = self.value(operand, scope) if operand else None
        conditions = [
            self._compared(tested, "=", self.value(when, scope)) if tested else self.condition(when, scope)
            for when, _ in whens
        ]
        values = [self.value(then, scope) for _, then in whens]
        last = self.value(other, scope) if other else Value("NULL", k.NULL)
        return self.chosen(conditions, values, last)

    def chosen(self, conditions: list[str], values: list[Value], last: Value) -> Value:
        """A CASE, all of whose results have one type."""
        kind = last.kind
        for value in values:
            kind = common_kind(kind, value.kind)
        parts = [f"WHEN {when} THEN {converted(then, kind)}" for when, then in zip(conditions, values, strict=True)]
        nullable = any(value.nullable for value in [*values, last])
        return Value(f"CASE {' '.join(parts)} ELSE {converted(last, kind)} END", kind, nullable)

    def arithmetic(self, op: str, left: Value, right: Value) -> Value:
        nullable = left.nullable or right.nullable
        families = {left.kind.family, right.kind.family}
        if op == "+" and families <= {"char", "null"} and "char" in families:
            return self._joined(left, right, nullable)
        if families & {"moment"} and op in "+-" and not families & {"char"}:
            moment, number = (left, right) if left.kind.family == "moment" else (right, left)
            if number.kind.family == "int" and moment.kind.name in ("datetime", "smalldatetime"):
                sign = "-" if op == "-" else ""
                return Value(
                    f"t_dateadd('day', {sign}{number.sql}, {moment.sql}, '{moment.kind.shown}')", moment.kind, nullable
                )
            raise SqlError(206, f"Operand type clash: {left.kind.name} is incompatible with {right.kind.name}")
        kind = common_kind(left.kind, right.kind)
        if kind.family == "bin":
            kind = k.INT
        if kind.family not in ("int", "dec", "float", "null"):
            raise SqlError(402, f"The data types {left.kind.name} and {right.kind.name} are incompatible in the "
                f"{_OPERATORS.get(op, op)} operator.")  # fmt: skip
        if op in "&|^":
            a, b = converted(left, k.BIGINT), converted(right, k.BIGINT)
            sql = f"(({a} | {b}) - ({a} & {b}))" if op == "^" else f"({a} {op} {b})"
            return Value(sql, kind if kind.family == "int" else k.INT, nullable)
        if kind.family == "dec":
            result = decimal_result(op, _exact(left), _exact(right))
            a, b = converted(left, _as_decimal(left.kind)), converted(right, _as_decimal(right.kind))
            return Value(
                f"t_decimal('{op}', {a}, {b}, {result.digits[0]}, {result.scale or result.digits[1]})", result, nullable
            )
        a, b = converted(left, kind), converted(right, kind)
        if op in "/%":
            return Value(f"t_{'divide' if op == '/' else 'modulo'}({a}, {b})", kind, nullable)
        if kind.family == "float" or kind.name == "null":
            return Value(f"({a} {op} {b})", kind, nullable)
        kind = kind if kind.name != "bit" else k.INT
        return Value(f"t_int({a} {op} {b}, '{kind.name}')", kind, nullable)

    def _joined(self, left: Value, right: Value, nullable: bool) -> Value:
        kind = common_kind(left.kind, right.kind)
        length = k.MAX if left.kind.is_max or right.kind.is_max else left.kind.length + right.kind.length
        most = 4000 if kind.national else 8000
        kind = replace(kind, name="nvarchar" if kind.national else "varchar", length=min(length, most))
        return Value(f"({left.sql} || {right.sql})", kind, nullable)


_OPERATORS = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "%": "modulo"}


def _as_decimal(kind: Kind) -> Kind:
    return kind if kind.family == "dec" else Kind("decimal", precision=38, scale=0 if kind.family == "int" else 10)


def _folded(expression: Expression) -> list[str]:
    return [part.casefold() for part in expression[1]]


def _exact(value: Value) -> Kind:
    """The type that decimal arithmetic sees: a whole number as it is written has no more digits than that."""
    if value.kind.name == "int" and value.sql.lstrip("-").isdigit():
        return Kind("numeric", precision=len(value.sql.lstrip("-")))
    return value.kind


def _let_be_null(relations: list[Relation]) -> None:
    for relation in relations:
        for column in relation.columns:
            column.nullable = True


def _distinguished(sql: str, kind: Kind) -> str:
    return f"{sql} COLLATE {collation_function(kind.collation)}" if kind.family == "char" else sql


def literal(expression: Expression) -> Value:
    match expression:
        case ("null",):
            return Value("NULL", k.NULL)
        case ("str" | "nstr" as op, text):
            length = len(text.encode("utf-16-le")) // 2 or 1
            name, most = ("nvarchar", 4000) if op == "nstr" else ("varchar", 8000)
            return Value(literal_text(text), Kind(name, length if length <= most else k.MAX), False)
        case ("bin", raw):
            return Value(f"X'{raw.hex()}'", Kind("varbinary", len(raw) or 1), False)
        case ("money", text):
            return Value(f"t_cast('{text}', 'varchar(40)', 'money', 0, '')", Kind("money"), False)
        case ("num", text):
            if "e" in text:
                return Value(repr(float(text)), k.FLOAT, False)
            if "." not in text and -(1 << 31) <= int(text) < 1 << 31:
                return Value(text, k.INT, False)
            whole, _, fraction = text.lstrip("-").partition(".")
            precision = max(len(whole.lstrip("0")) + len(fraction), 1)
            if precision > 38:
                raise SqlError(
                    1007,
                    f"The number '{text}' is out of the range for numeric representation (maximum precision 38).",
                    15,
                )
            unscaled = int(text.replace(".", "") or 0)
            stored = k.decimal_stored(unscaled, len(fraction))
            return Value(f"X'{stored.hex()}'", Kind("numeric", precision=precision, scale=len(fraction)), False)
    raise AssertionError(expression)
