"""The statements of T-SQL that define and change tables, views and other objects."""

from __future__ import annotations

from collections.abc import Callable

from .lexer import END
from .parser import Parser
from .reader import STATEMENT_WORDS
from .tree import Statement


def read_create(p: Parser) -> Statement:
    replaces = p.accept("OR", "ALTER")
    for word, reader in _CREATED.items():
        if p.accept(word):
            return reader(p)
    return _view(p, replaces) if p.accept("VIEW") else _index(p)


def _table(p: Parser) -> Statement:
    path = p.path()
    made = Statement("create table", path=path, items=read_table_items(p), memory_optimized=False)
    if p.accept("ON"):
        p.next()
    if p.accept("TEXTIMAGE_ON"):
        p.next()
    if p.sees("WITH") and p.ahead().upper == "(":
        p.next()
        made.memory_optimized = "MEMORY_OPTIMIZED=ON" in p.balanced().replace(" ", "").upper()
    return made


def _view(p: Parser, replaces: bool) -> Statement:
    path = p.path()
    columns = p.names() if p.sees("(") else []
    if p.accept("WITH"):
        p.listed(p.next)
    p.expect("AS")
    start = p.token.at
    query = p.query()
    body = p.text[start : p.token.at].strip()
    return Statement("create view", path=path, columns=columns, query=query, body=body, replaces=replaces)


def _schema(p: Parser) -> Statement:
    name = p.name()
    if p.accept("AUTHORIZATION"):
        p.name()
    return Statement("create schema", name=name)


def _database(p: Parser) -> Statement:
    name = p.name()
    if p.accept("COLLATE"):
        p.next()
    return Statement("create database", name=name)


def _synonym(p: Parser) -> Statement:
    path = p.path()
    p.expect("FOR")
    return Statement("create synonym", path=path, target=p.path())


def _sequence(p: Parser) -> Statement:
    path, start = p.path(), 1
    while p.sees("AS", "START", "INCREMENT", "BY", "WITH") or p.token.kind == "num":
        token = p.next()
        start = int(token.text) if token.kind == "num" else start
        if token.upper == "AS":
            p.type_text()
    return Statement("create sequence", path=path, start=start)


def _index(p: Parser) -> Statement:
    unique = p.accept("UNIQUE")
    clustered = p.accept("CLUSTERED")
    if not clustered:
        p.accept("NONCLUSTERED")
    p.expect("INDEX")
    name = p.name()
    p.expect("ON")
    path = p.path()
    keys = _key_columns(p)
    included: list[str] = p.names() if p.accept("INCLUDE") else []
    condition = ""
    if p.accept("WHERE"):
        start = p.token.at
        p.condition()
        condition = p.text[start : p.token.at].strip()
    if p.accept("WITH"):
        p.balanced()
    return Statement(
        "create index", name=name, path=path, columns=keys, included=included, unique=unique, clustered=clustered,
        condition=condition,
    )  # fmt: skip


_CREATED: dict[str, Callable[[Parser], Statement]] = {
    "TABLE": _table,
    "SCHEMA": _schema,
    "DATABASE": _database,
    "SYNONYM": _synonym,
    "SEQUENCE": _sequence,
}


def _key_columns(p: Parser) -> list[tuple[str, bool]]:
    def one() -> tuple[str, bool]:
        name = p.name()
        descending = p.accept("DESC")
        p.accept("ASC")
        return name, descending

    p.expect("(")
    made: list[tuple[str, bool]] = p.listed(one)
    p.expect(")")
    return made


def read_table_items(p: Parser) -> list[Statement]:
    p.expect("(")
    made = []
    while not p.accept(")"):
        made.append(_table_item(p))
        p.accept(",")
    return made


def _table_item(p: Parser) -> Statement:
    name = ""
    if p.accept("CONSTRAINT"):
        name = p.name()
    if p.sees("PRIMARY", "UNIQUE", "FOREIGN", "CHECK", "DEFAULT", "INDEX") and p.token.kind == "word":
        return _constraint(p, name)
    column = Statement(
        "column", name=p.name(), kind="", nullable=None, identity=None, default=None, default_name="", computed=None,
        collation="", constraints=[], persisted=False,
    )  # fmt: skip
    if p.accept("AS"):
        start = p.token.at
        column.computed = p.value()
        column.body = p.text[start : p.token.at].strip()
        column.persisted = p.accept("PERSISTED")
    else:
        column.kind = p.type_text()
    name = ""
    while not p.sees(",", ")"):
        if p.token is END:
            raise p.wrong()
        if p.accept("NOT", "NULL"):
            column.nullable = False
        elif p.accept("NULL"):
            column.nullable = True
        elif p.accept("CONSTRAINT"):
            name = p.name()
        elif p.accept("IDENTITY"):
            column.identity = (1, 1)
            if p.accept("("):
                seed = p.unary()
                p.expect(",")
                column.identity = (int(seed[1]), int(p.unary()[1]))
                p.expect(")")
        elif p.accept("COLLATE"):
            column.collation = p.next().text
        elif p.accept("DEFAULT"):
            start = p.token.at
            column.default = p.value()
            column.body, column.default_name, name = p.text[start : p.token.at].strip(), name, ""
        elif p.sees("SPARSE", "ROWGUIDCOL", "HIDDEN"):
            p.next()
        elif p.sees("PRIMARY", "UNIQUE", "REFERENCES", "CHECK", "FOREIGN"):
            column.constraints.append(_constraint(p, name, column.name))
            name = ""
        else:
            raise p.wrong()
    return column


def _constraint(p: Parser, name: str, column: str = "") -> Statement:
    own = [(column, False)] if column else []
    if p.accept("PRIMARY", "KEY") or p.accept("UNIQUE"):
        primary = p.tokens[p.at - 1].upper == "KEY"
        clustered = primary
        if p.sees("CLUSTERED", "NONCLUSTERED"):
            clustered = p.next().upper == "CLUSTERED"
        columns = _key_columns(p) if p.sees("(") else own
        if p.accept("WITH"):
            p.balanced()
        if p.accept("ON"):
            p.next()
        return Statement("key", name=name, columns=columns, primary=primary, clustered=clustered)
    if p.accept("CHECK"):
        return Statement("check", name=name, body=p.balanced())
    if p.accept("DEFAULT"):
        start = p.token.at
        value = p.value()
        body = p.text[start : p.token.at].strip()
        p.expect("FOR")
        return Statement("default", name=name, value=value, body=body, column=p.name())
    columns = _key_columns(p) if p.accept("FOREIGN", "KEY") else own
    p.expect("REFERENCES")
    target = p.path()
    referred = p.names() if p.sees("(") else []
    rules = {"DELETE": "NO ACTION", "UPDATE": "NO ACTION"}
    while p.accept("ON"):
        event, rule = p.next().upper, p.next().upper
        rules[event] = f"{rule} {p.next().upper}" if rule in ("NO", "SET") else rule
    return Statement("foreign", name=name, columns=columns, target=target, referred=referred, rules=rules)


def read_drop(p: Parser) -> Statement:
    what = p.next().upper
    missing = p.accept("IF", "EXISTS")
    paths = p.listed(p.path)
    if what == "INDEX" and p.accept("ON"):
        return Statement("drop", what=what, paths=[(*p.path(), paths[0][-1])], missing=missing)
    return Statement("drop", what=what, paths=paths, missing=missing)


def read_alter(p: Parser) -> Statement:
    if p.accept("DATABASE"):
        name = "" if p.accept("CURRENT") else p.name()
        p.expect("SET")
        words = []
        while p.token is not END and not p.sees(";") and p.token.upper not in ("SELECT", "GO"):
            words.append(p.next().upper)
        return Statement("alter database", name=name, words=words)
    p.expect("TABLE")
    path = p.path()
    if p.accept("WITH"):
        p.next()
    if p.accept("DROP"):
        kind = "CONSTRAINT" if p.accept("CONSTRAINT") else "COLUMN" if p.accept("COLUMN") else "CONSTRAINT"
        return Statement("alter drop", path=path, what=kind, names=p.listed(p.name))
    if p.accept("ALTER", "COLUMN"):
        return Statement("alter column", path=path, item=_alone(p))
    p.expect("ADD")
    return Statement("alter add", path=path, items=p.listed(lambda: _alone(p)))


def _alone(p: Parser) -> Statement:
    """A column or constraint that no parenthesis ends."""
    p.tokens.insert(_end_of_item(p), Parser(")").tokens[0])
    made = _table_item(p)
    if p.sees(")"):
        del p.tokens[p.at]
    return made


def _end_of_item(p: Parser) -> int:
    at, depth = p.at, 0
    while at < len(p.tokens):
        text = p.tokens[at].upper
        depth += (text == "(") - (text == ")")
        if not depth and (text in (",", ";") or (text in STATEMENT_WORDS and text not in ("SET", "DELETE", "UPDATE"))):
            break
        at += 1
    return at


def read_truncate(p: Parser) -> Statement:
    p.expect("TABLE")
    return Statement("truncate", path=p.path())
