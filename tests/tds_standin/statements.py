"""The statements of T-SQL but queries, read from a parser's tokens."""

from __future__ import annotations

from typing import Any

from .definitions import read_alter, read_create, read_drop, read_table_items, read_truncate
from .lexer import END
from .parser import Parser
from .reader import STATEMENT_WORDS, unquoted
from .tokens import SqlError
from .tree import Statement


def read_statement(p: Parser) -> Statement:
    word = p.token.upper
    if word in ("SELECT", "(", "WITH"):
        return _query(p)
    reader = _READERS.get(word)
    if not reader:
        if p.at == 0 and p.token.kind in ("word", "quoted"):
            return _execute(p)  # a batch may begin with a procedure's name
        raise p.wrong()
    p.next()
    made: Statement = reader(p)
    return made


def _query(p: Parser) -> Statement:
    if p.sees("WITH"):
        ctes = p.with_clause()
        if p.sees("INSERT", "UPDATE", "DELETE"):
            made: Statement = _READERS[p.next().upper](p)
            made.ctes = ctes
            return made
        query = p.query()
        query.ctes = ctes
        return Statement("select", query=query)
    return Statement("select", query=p.query())


def _output(p: Parser) -> list[tuple[Any, str | None]]:
    if not p.accept("OUTPUT"):
        return []
    found = p.listed(p.item)
    if p.accept("INTO"):
        raise SqlError(102, "Incorrect syntax near 'INTO': the stand-in knows no OUTPUT … INTO.", 15)
    return found


def _top(p: Parser) -> Any:
    if not p.accept("TOP"):
        return None
    p.expect("(")
    found = p.value()
    p.expect(")")
    return found


def _target(p: Parser) -> tuple[str, ...]:
    found = (p.next().text.lower(),) if p.token.kind == "var" else p.path()
    if p.accept("WITH"):
        p.balanced()
    return found


def _insert(p: Parser) -> Statement:
    p.accept("INTO")
    path = _target(p)
    columns = p.names() if p.sees("(") and p.ahead().upper != "SELECT" else []
    output = _output(p)
    source: Any = None
    if p.accept("DEFAULT", "VALUES"):
        source = None
    elif p.accept("EXEC") or p.accept("EXECUTE"):
        source = _execute(p)
    else:
        source = p.query()
    return Statement("insert", path=path, columns=columns, output=output, source=source, ctes=[])


def _update(p: Parser) -> Statement:
    top = _top(p)
    path = _target(p)
    p.expect("SET")

    def one() -> tuple[tuple[str, ...], str, Any]:
        if p.token.kind == "var":
            raise SqlError(
                102, f"Incorrect syntax near '{p.token.text}': the stand-in sets no variables in UPDATE.", 15
            )
        name, op = p.path(), p.next().upper
        if op not in ("=", "+=", "-=", "*="):
            raise p.wrong()
        return name, op, p.value_or_default()

    sets = p.listed(one)
    output = _output(p)
    source = p.sources() if p.accept("FROM") else None
    where = p.condition() if p.accept("WHERE") else None
    p.option_clause()
    return Statement("update", path=path, sets=sets, output=output, source=source, where=where, top=top, ctes=[])


def _delete(p: Parser) -> Statement:
    top = _top(p)
    p.accept("FROM")
    path = _target(p)
    output = _output(p)
    source = p.sources() if p.accept("FROM") else None
    where = p.condition() if p.accept("WHERE") else None
    p.option_clause()
    return Statement("delete", path=path, sets=[], output=output, source=source, where=where, top=top, ctes=[])


def _declare(p: Parser) -> Statement:
    def one() -> tuple[str, Any, Any]:
        name = p.next().text.lower()
        p.accept("AS")
        if p.accept("TABLE"):
            return name, read_table_items(p), None
        kind = p.type_text()
        return name, kind, p.value() if p.accept("=") else None

    return Statement("declare", variables=p.listed(one))


def _set(p: Parser) -> Statement:
    if p.token.kind == "var":
        name, op = p.next().text.lower(), p.next().upper
        return Statement("assign", name=name, operation=op, value=p.condition())
    if p.accept("TRANSACTION", "ISOLATION", "LEVEL"):
        level = p.next().upper
        if level in ("READ", "REPEATABLE"):
            level += " " + p.next().upper
        return Statement("isolation", level=level)
    names = [p.next().upper]
    if names[0] == "IDENTITY_INSERT":
        return Statement("identity insert", path=p.path(), on=p.next().upper == "ON")
    while p.accept(","):
        names.append(p.next().upper)
    if names[0] == "STATISTICS":
        names.append(p.next().upper)
    token = p.next()
    value: Any = unquoted(token.text) if token.kind == "str" else token.text
    if value == "-":
        value += p.next().text
    return Statement("set", names=names, value=value)


def _if(p: Parser) -> Statement:
    condition = p.condition()
    then = p.statement()
    while p.accept(";"):
        pass
    return Statement("if", condition=condition, then=then, other=p.statement() if p.accept("ELSE") else None)


def _while(p: Parser) -> Statement:
    return Statement("while", condition=p.condition(), body=p.statement())


def _begin(p: Parser) -> Statement:
    if p.accept("TRAN") or p.accept("TRANSACTION"):
        _name(p)
        return Statement("begin")
    if p.accept("TRY"):
        tried = _until_end(p, "TRY")
        p.expect("BEGIN", "CATCH")
        return Statement("try", tried=tried, caught=_until_end(p, "CATCH"))
    return Statement("block", statements=_until_end(p, ""))


def _until_end(p: Parser, what: str) -> list[Statement]:
    made = []
    while not p.accept("END"):
        if p.token is END:
            raise p.wrong()
        if not p.accept(";"):
            made.append(p.statement())
    if what:
        p.expect(what)
    return made


def _name(p: Parser) -> str:
    """The name of a transaction or savepoint, if there is one."""
    if p.token.kind in ("word", "quoted", "var") and p.token.upper not in STATEMENT_WORDS and not p.sees("END", "ELSE"):
        return p.next().text
    return ""


def _commit(p: Parser) -> Statement:
    if p.accept("TRAN") or p.accept("TRANSACTION"):
        _name(p)
    else:
        p.accept("WORK")
    return Statement("commit")


def _rollback(p: Parser) -> Statement:
    name = ""
    if p.accept("TRAN") or p.accept("TRANSACTION"):
        name = _name(p)
    else:
        p.accept("WORK")
    return Statement("rollback", name=name)


def _save(p: Parser) -> Statement:
    p.next()
    return Statement("save", name=p.next().text)


def _use(p: Parser) -> Statement:
    return Statement("use", name=p.name())


def _wait(p: Parser) -> Statement:
    p.expect("DELAY")
    return Statement("wait", value=p.value())


def _print(p: Parser) -> Statement:
    return Statement("print", value=p.value())


def _raise(p: Parser) -> Statement:
    arguments = p.arguments()
    if p.accept("WITH"):
        p.listed(p.next)
    return Statement("raise", arguments=arguments)


def _throw(p: Parser) -> Statement:
    return Statement("raise", arguments=p.listed(p.value) if p.token.kind in ("num", "var") else [], throws=True)


def _return(p: Parser) -> Statement:
    value = p.value() if p.token.kind in ("num", "var") or p.sees("(", "-") else None
    return Statement("return", value=value)


def _execute(p: Parser) -> Statement:
    if p.sees("("):
        p.next()
        text = p.value()
        p.expect(")")
        return Statement("execute text", text_value=text)
    result = None
    if p.token.kind == "var" and p.ahead().upper == "=":
        result = p.next().text.lower()
        p.next()
    path = p.path()
    arguments = []

    def one() -> tuple[str, Any, bool]:
        name = ""
        if p.token.kind == "var" and p.ahead().upper == "=":
            name = p.next().text.lower()
            p.next()
        value = p.value_or_default()
        output = p.accept("OUTPUT") or p.accept("OUT")
        return name, value, output

    if (
        p.token is not END
        and not p.sees(";")
        and p.token.upper not in STATEMENT_WORDS
        and not p.sees("SELECT", "END", "ELSE")
    ):
        arguments = p.listed(one)
    return Statement("execute", path=path, arguments=arguments, result=result)


def _kill(p: Parser) -> Statement:
    return Statement("kill", session=int(p.next().text))


def _nothing(p: Parser) -> Statement:
    """A statement that is taken and means nothing here."""
    while p.token is not END and not p.sees(";"):
        p.next()
    return Statement("nothing")


def _go(p: Parser) -> Statement:
    return Statement("nothing")


def _leave(op: str) -> Any:
    return lambda p: Statement(op)


_READERS: dict[str, Any] = {
    "INSERT": _insert, "UPDATE": _update, "DELETE": _delete, "DECLARE": _declare, "SET": _set, "IF": _if,
    "WHILE": _while, "BEGIN": _begin, "COMMIT": _commit, "ROLLBACK": _rollback, "SAVE": _save, "USE": _use,
    "WAITFOR": _wait, "PRINT": _print, "RAISERROR": _raise, "THROW": _throw, "RETURN": _return, "EXEC": _execute,
    "EXECUTE": _execute, "CREATE": read_create, "DROP": read_drop, "ALTER": read_alter, "TRUNCATE": read_truncate,
    "KILL": _kill,
    "GRANT": _nothing, "DENY": _nothing, "REVOKE": _nothing, "CHECKPOINT": _go, "DBCC": _nothing, "GO": _go,
    "BREAK": _leave("break"), "CONTINUE": _leave("continue"),
}  # fmt: skip
