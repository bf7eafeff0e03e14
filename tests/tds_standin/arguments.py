"""The arguments of a procedure, and the rows that it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from . import kinds as k
from .convert import cast
from .kinds import LONG_TEXT, Kind
from .tokens import Output, SqlError

if TYPE_CHECKING:
    from .events import Results
    from .runner import Runner


Argument = tuple[str, Kind, Any]


def text_of(argument: Argument) -> str | None:
    """An argument as text."""
    _, kind, value = argument
    return None if value is None else str(cast(value, kind, LONG_TEXT))


def named_values(arguments: Sequence[Argument], names: Sequence[str]) -> dict[str, Any]:
    """The values of a procedure's parameters, by name or by place."""
    made: dict[str, Any] = dict.fromkeys(names)
    for place, argument in enumerate(arguments):
        name = argument[0].lstrip("@").lower() or (names[place] if place < len(names) else "")
        if name in made:
            made[name] = argument[2] if argument[1].family == "int" else text_of(argument)
    return made


def declared(text: str) -> list[tuple[str, Kind, bool]]:
    """The parameters of a declaration such as `@a int, @b nvarchar(10) OUTPUT`."""
    from .lexer import END
    from .parser import Parser

    parser, made = Parser(text), []
    while parser.token is not END:
        name = parser.next().text.lower()
        parser.accept("AS")
        kind = k.parse_kind(parser.type_text())
        if kind is None:
            raise SqlError(2715, f"Column, parameter, or variable '{name}': Cannot find data type.")
        if parser.accept("="):
            parser.value()
        output = parser.accept("OUTPUT") or parser.accept("OUT")
        parser.accept("READONLY")
        made.append((name, kind, output))
        parser.accept(",")
    return made


def bound(declaration: str, arguments: Sequence[Argument]) -> dict[str, tuple[Kind, Any]]:
    """Variables from declared parameters and the values for them, by name or by place."""
    made: dict[str, tuple[Kind, Any]] = {}
    parameters = declared(declaration)
    by_name = {name.lower(): (kind, value) for name, kind, value in arguments if name}
    for place, (name, kind, _) in enumerate(parameters):
        given = by_name.get(name) or (
            arguments[place][1:] if place < len(arguments) and not arguments[place][0] else None
        )
        if given is None:
            raise SqlError(
                8178,
                f"The parameterized query '({declaration})' expects the parameter '{name}', which was not supplied.",
            )
        source, value = given
        made[name] = (kind, cast(value, source, kind) if source.name != "null" else None)
    return made


Procedure = Callable[["Runner", Sequence[Argument], "Results"], Iterator[Any]]


def listed_rows(columns: str, rows: list[dict[str, Any]]) -> Any:
    """A result whose columns are written as `name:type name:type`, types being i, s, t, b, f and n (name)."""
    from .events import Done, Rows

    types = {
        "i": k.INT,
        "s": Kind("smallint"),
        "t": Kind("tinyint"),
        "b": k.BIT,
        "n": k.SYSNAME,
        "x": Kind("nvarchar", 4000),
        "f": k.FLOAT,
        "v": Kind("varchar", 254),
        "l": k.BIGINT,
    }
    outputs = [Output(one.partition(":")[0], types[one.partition(":")[2] or "n"]) for one in columns.split()]
    found = [[row.get(output.name) for output in outputs] for row in rows]
    yield Rows(outputs, [found])
    yield Done(0xC1, len(found))
