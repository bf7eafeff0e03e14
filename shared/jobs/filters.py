"""`query_filter`: one condition in the source's SQL, parsed and written anew, so that a cell can never add a statement.

The parser is a fence and not the only wall: the source's account should be allowed to read and nothing else.
"""

from __future__ import annotations

from functools import lru_cache

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import Token

from shared.errors.hierarchy import ConfigurationError
from shared.jobs.source_types import source_type as source_type_of

_TRUE_OR_FALSE = (exp.Predicate, exp.Connector, exp.Not, exp.Boolean, exp.Func)


_CHANGES_DATA = (exp.DML, exp.DDL, exp.Into, exp.Lock, exp.Command)


_UNBOUND = (exp.Placeholder, exp.Parameter, exp.SessionParameter, exp.Star, exp.Struct)


# Functions that act, wait, or reach outside the database, by the start of their names.
_FUNCTIONS_THAT_ACT = (
    "pg_",
    "lo_",
    "dblink",
    "dbms_",
    "utl_",
    "xp_",
    "sp_",
    "open",
    "query_to_xml",
    "set_config",
    "setval",
    "nextval",
    "httpuritype",
)


_TYPOGRAPHIC_QUOTES = frozenset("\u2018\u2019\u201a\u201c\u201d\u201e\u2032\u2033\u00b4`")


class FilterError(ConfigurationError):
    """A filter is not one condition that only reads; the text says what is wrong with it."""


def parse_filter(text: str, source_type: str) -> exp.Expr:
    """The condition as a syntax tree.

    Args:
        text: The filter as somebody wrote it, without the word WHERE.
        source_type: The source type of the database whose SQL it is.

    Raises:
        FilterError: it is not one condition, or does more than read.
    """
    return _parse(text, _dialect(source_type)).copy()


@lru_cache(maxsize=10_000)
def render_filter(text: str, source_type: str) -> str:
    """The condition as SQL of the source, written from the syntax tree; safe to stand in parentheses after WHERE.

    Raises:
        FilterError: as `parse_filter`.
    """
    dialect = _dialect(source_type)
    try:
        return _parse(text, dialect).sql(dialect=dialect, comments=False, normalize_functions=False)
    except RecursionError as error:
        raise FilterError("is nested too deeply") from error


def _dialect(source_type: str) -> str:
    """The name that sqlglot has for a database's SQL. Raises ConfigurationError if the source type is no database."""
    dialect = source_type_of(source_type).filter_dialect
    if dialect is None:
        raise ConfigurationError(f"source_type {source_type} has no SQL that a filter could be written in.")
    return dialect


@lru_cache(maxsize=10_000)
def _parse(text: str, dialect_name: str) -> exp.Expr:
    dialect = Dialect.get_or_raise(dialect_name)
    try:
        tokens = dialect.tokenize(text)
        _refuse_tokens(tokens)
        trees = dialect.parser().parse_into(exp.Condition, tokens, text)
        tree = trees[0] if len(trees) == 1 else None
        if tree is None:
            raise FilterError("is not one condition")
        _refuse_nodes(tree)
    except TokenError as error:
        raise FilterError("is not complete SQL: a quote or bracket is not closed") from error
    except ParseError as error:
        found = error.errors[0] if error.errors else {}
        near = f" near '{found['highlight']}'" if found.get("highlight") else ""
        raise FilterError(f"is not one condition as after WHERE, in the SQL of {dialect_name}{near}") from error
    except RecursionError as error:
        raise FilterError("is nested too deeply") from error
    return tree


def _refuse_tokens(tokens: list[Token]) -> None:
    if tokens and tokens[0].text.upper() == "WHERE":
        raise FilterError("starts with WHERE; write the condition only")
    if any(token.comments for token in tokens):
        raise FilterError("holds a comment; leave comments out")


def _refuse_nodes(tree: exp.Expr) -> None:
    root = tree.unnest()
    is_column = isinstance(root, exp.Column | exp.Case | exp.Cast)  # may be boolean; the database knows
    if not isinstance(root, _TRUE_OR_FALSE) and not is_column:
        raise FilterError("is not a condition: it is not true or false")
    for node in tree.walk():
        if isinstance(node, _CHANGES_DATA):
            raise FilterError(f"does more than read ({node.key.upper()})")
        if isinstance(node, _UNBOUND) and not isinstance(node.parent, exp.Count | exp.Select):
            raise FilterError(f"holds '{node.sql()}', which has no value here; write the value itself")
        if isinstance(node, exp.Func):
            _refuse_function(node)
        if isinstance(node, exp.Identifier) and not node.quoted and _TYPOGRAPHIC_QUOTES & set(node.name):
            raise FilterError("holds typographic quotes; type straight ones (') instead")


def _refuse_function(node: exp.Func) -> None:
    name = node.name if isinstance(node, exp.Anonymous) else node.sql_name()
    owners = (
        [part.name for part in node.parent.this.find_all(exp.Identifier)] if isinstance(node.parent, exp.Dot) else []
    )
    if any(part.lower().startswith(_FUNCTIONS_THAT_ACT) for part in (*owners, name)):
        raise FilterError(f"calls {'.'.join((*owners, name))}, which does more than compute a value")
