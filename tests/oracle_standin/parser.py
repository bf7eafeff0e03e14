"""Queries of Oracle's SQL as trees, as far as the stand-in understands them."""

from __future__ import annotations

from .expression_parser import ExpressionParser
from .tree import NOT_NAMES, Node, Query, Select, Table
from .values import OracleError


class Parser(ExpressionParser):
    """A statement; what changes data or tables is taken apart by its own module, with these means."""

    def query(self) -> Query:
        with_ = []
        if self.take("WITH"):
            while True:
                name = self.name()
                self.need("AS")
                self.need("(")
                with_.append((name, self.query()))
                self.need(")")
                if not self.take(","):
                    break
        query = Query([("", self.part())], with_=with_)
        while self.is_("UNION", "MINUS", "EXCEPT", "INTERSECT"):
            operator = self.next().text.upper().replace("MINUS", "EXCEPT")
            if self.take("ALL") and operator == "UNION":  # SQLite has no other ALL; names have no duplicates
                operator = "UNION ALL"
            query.parts.append((operator, self.part()))
        if self.take("ORDER", "BY"):
            while True:
                node = self.expression()
                direction = " DESC" if self.take("DESC") else ""
                self.take("ASC")
                nulls = f" NULLS {self.next().text}" if self.take("NULLS") else ""
                query.order.append((node, direction + (nulls or (" NULLS FIRST" if direction else " NULLS LAST"))))
                if not self.take(","):
                    break
        if self.take("OFFSET"):
            query.offset = self.expression()
            self.take("ROWS") or self.take("ROW")
        if self.take("FETCH"):
            self.next()  # FIRST or NEXT
            query.limit = self.expression()
            self.take("ROWS") or self.take("ROW")
            self.need("ONLY")
        if self.take("FOR", "UPDATE"):
            pass
        return query

    def part(self) -> Select | Query:
        if self.take("("):
            query = self.query()
            self.need(")")
            return query
        return self.select()

    def select(self) -> Select:
        if not self.take("SELECT"):
            raise OracleError(900, "invalid SQL statement", self.token.at)
        distinct = self.take("DISTINCT") or (self.take("ALL") and False)
        items = []
        while True:
            start = self.token.at
            node = Node("star", at=start) if self.take("*") else self.expression()
            end = self.tokens[self.i - 1]
            alias = None
            if self.take("AS") or (self.token.kind in ("word", "quoted") and not self.is_(*NOT_NAMES)):
                alias = self.name()
            items.append((node, alias, "".join(self.text[start : end.at + len(end.text)].split())))
            if not self.take(","):
                break
        self.need("FROM")
        tables = [self.table(",")]
        while True:
            if self.take(","):
                tables.append(self.table(","))
            elif self.is_("JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS"):
                kind = self.next().text.upper()
                if kind != "JOIN":
                    self.take("OUTER")
                    self.need("JOIN")
                table = self.table({"JOIN": "INNER"}.get(kind, kind))
                if self.take("ON"):
                    table.on = self.expression()
                tables.append(table)
            else:
                break
        select = Select(items, tables, distinct=bool(distinct))
        if self.take("WHERE"):
            select.where = self.expression()
        if self.take("GROUP", "BY"):
            select.group.append(self.expression())
            while self.take(","):
                select.group.append(self.expression())
        if self.take("HAVING"):
            select.having = self.expression()
        return select

    def table(self, join: str) -> Table:
        at = self.token.at
        if self.take("("):
            table = Table((), query=self.query(), at=at, join=join)
            self.need(")")
        else:
            table = Table(self.path(), at=at, join=join)
        if self.take("AS", "OF"):
            kind = self.next().text.upper()
            table.scn = self.additive()
            if kind != "SCN":
                table.scn = Node("call", ("TIMESTAMP_TO_SCN",), [table.scn])
        if self.take("SAMPLE"):
            block = self.take("BLOCK")
            self.need("(")
            table.sample = (float(self.next().text), block)
            self.need(")")
            if self.take("SEED"):
                self.i += 3
        self.take("AS")
        if self.token.kind == "quoted" or (self.token.kind == "word" and not self.is_(*NOT_NAMES)):
            table.alias = self.name()
        return table
