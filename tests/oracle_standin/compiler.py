"""Oracle's queries as SQLite's, with the type of every expression. What is not known here is an error."""

from __future__ import annotations

from datetime import datetime

from . import values as v
from .calls import Calls
from .scope import Relation, Scope, q
from .tree import Node, Query, Select, Table
from .values import OracleError, Type


class Compiler(Calls):
    """One statement."""

    def query(self, query: Query, parent: Scope | None = None) -> tuple[str, list[tuple[str, Type]]]:
        saved = dict(self.with_)
        for name, inner in query.with_:
            sql, columns = self.query(inner)
            self.with_[name] = (sql, dict(columns))
        parts, columns, scope = [], [], None
        for operator, part in query.parts:
            if isinstance(part, Select):
                sql, found, scope = self.select(part, parent)
            else:
                sql, found = self.query(part, parent)
                sql = f"SELECT * FROM ({sql})"
            if columns and len(columns) != len(found):
                raise OracleError(1789, "query block has incorrect number of result columns")
            columns = (
                [(name, self._common(kind, other)) for (name, kind), (_, other) in zip(columns, found, strict=True)]
                if columns
                else found
            )
            parts.append(f"{operator} {sql}")
        sql = " ".join(parts)
        if query.order:
            sql += " ORDER BY " + ", ".join(
                self._order(node, columns, scope, len(parts) > 1) + how for node, how in query.order
            )
        if query.limit or query.offset:
            limit = f"plain({self.expression(query.limit, Scope())[0]})" if query.limit else "-1"
            sql += f" LIMIT {limit}"
            if query.offset:
                sql += f" OFFSET plain({self.expression(query.offset, Scope())[0]})"
        self.with_ = saved
        return sql, columns

    def _order(self, node: Node, columns: list[tuple[str, Type]], scope: Scope | None, is_set: bool) -> str:
        if node.kind == "number":
            return str(node.value)
        if node.kind == "name" and len(node.value) == 1:
            places = [n for n, (name, _) in enumerate(columns, 1) if name == node.value[0]]
            if places:
                return str(places[0])
        if scope is None or is_set:
            raise OracleError(1785, "ORDER BY item must be the number of a SELECT-list expression", node.at)
        return self.expression(node, scope)[0]

    def select(self, select: Select, parent: Scope | None) -> tuple[str, list[tuple[str, Type]], Scope]:
        scope = Scope(parent=parent)
        sources: list[str] = []
        for table in select.tables:
            relation = self.relation(table, scope)
            scope.relations.append(relation)
            source = f"{relation.sql} AS {q(relation.alias)}"
            if not sources:
                sources.append(source)
            elif table.join in (",", "CROSS"):
                sources.append(f"CROSS JOIN {source}")
            else:
                on = self.condition(table.on, scope) if table.on else "1"
                sources.append(f"{table.join} JOIN {source} ON {on}")
        self.limits.append(None)
        wheres = [self.condition(one, scope) for one in self._conjuncts(select.where)]
        limit = self.limits.pop()
        for table, relation in zip(select.tables, scope.relations, strict=True):
            if table.sample:
                percent, blocks = table.sample
                if not relation.has_rowid:  # stricter than Oracle, which samples simple views
                    raise OracleError(1446, "cannot select ROWID from, or sample, a view with DISTINCT, GROUP BY, etc.")
                unit = f'{q(relation.alias)}."$rid"' + (f" / {v.ROWS_PER_BLOCK}" if blocks else "")
                wheres.append(
                    f"(({unit}) * 2654435761 + {datetime.now().microsecond}) % 1000003 < {percent * 10000.03}"
                )
        items: list[tuple[str, Type, str]] = []
        for node, alias, text in select.items:
            if node.kind == "star":
                chosen = [one for one in scope.relations if node.value is None or one.alias == node.value[-1]]
                items += [
                    (sql, kind, name)
                    for one in chosen
                    for name, (sql, kind) in one.columns.items()
                    if name not in one.hidden
                ]
                continue
            sql, kind = self.expression(node, scope)
            name = node.value[-1] if node.kind == "name" else text.upper()
            items.append((sql, kind, alias or name))
        sql = (
            "SELECT "
            + ("DISTINCT " if select.distinct else "")
            + ", ".join(f"{sql} AS {q(name)}" for sql, _, name in items)
        )
        sql += " FROM " + " ".join(sources)
        if any(where != "1" for where in wheres):
            sql += " WHERE " + " AND ".join(wheres)
        if select.group:
            sql += " GROUP BY " + ", ".join(self.expression(node, scope)[0] for node in select.group)
        if select.having:
            sql += " HAVING " + self.condition(select.having, scope)
        if limit is not None:
            sql = f"SELECT * FROM ({sql} LIMIT {limit})" if not select.group else f"{sql} LIMIT {limit}"
        return sql, [(name, kind) for _, kind, name in items], scope

    def _conjuncts(self, node: Node | None) -> list[Node]:
        if node is None:
            return []
        if node.kind == "binary" and node.value == "AND":
            return [*self._conjuncts(node.args[0]), *self._conjuncts(node.args[1])]
        return [node]

    def relation(self, table: Table, scope: Scope) -> Relation:
        if table.query:
            sql, columns = self.query(table.query)
            alias = table.alias or f"$q{table.at}"
            return Relation(alias, (), {name: (f"{q(alias)}.{q(name)}", kind) for name, kind in columns}, f"({sql})")
        alias = table.alias or table.name[-1]
        if len(table.name) == 1 and table.name[0] in self.with_:
            sql, kinds = self.with_[table.name[0]]
            return Relation(
                alias, (), {name: (f"{q(alias)}.{q(name)}", kind) for name, kind in kinds.items()}, f"({sql})"
            )
        scn = self.scn
        if table.scn is not None:
            scn = self._integer(table.scn, scope)
            if not self.catalogue.allows("flashback"):
                raise OracleError(1031, "insufficient privileges", table.at)
            if scn > self.catalogue.current_scn():
                raise OracleError(8181, "specified number is not a valid system change number", table.at)
        sql, kinds, has_rowid, full, hidden = self.catalogue.relation(table.name, self, scn, table.at)
        own = {name: (f"{q(alias)}.{q(name)}", kind) for name, kind in kinds.items()}
        return Relation(alias, full, own, sql, has_rowid, hidden)
