"""The syntax tree of a filter: each node must be of a kind that a condition over the columns of one row is made of."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from shared.jobs.filters.lexer import FilterError

SUBQUERY = (
    "holds a subquery, which reads more than the job's table; filter by its own columns, or load a view (the setting "
    "QUERY_FILTER_SUBQUERIES admits subqueries)"
)

_VALUES = (
    exp.Literal,
    exp.National,
    exp.RawString,
    exp.HexString,
    exp.BitString,
    exp.ByteString,
    exp.Null,
    exp.Boolean,
)
_NAMES = (exp.Column, exp.Identifier, exp.Var, exp.Pseudocolumn)
_LOGIC = (exp.Connector, exp.Not, exp.Paren, exp.Predicate, exp.Is, exp.In, exp.Between, exp.Escape, exp.Tuple)
_ARITHMETIC = (exp.Binary, exp.Neg, exp.BitwiseNot, exp.Case, exp.If, exp.Collate, exp.AtTimeZone)
_TYPES = (exp.DataType, exp.DataTypeParam, exp.Interval, exp.IntervalSpan)
_ARRAYS = (exp.Array, exp.Bracket, exp.Slice, exp.Any, exp.All)
_JSON = (exp.JSONPath, exp.JSONPathPart, exp.JSONValue, exp.JSONExists)

ALLOWED = (*_VALUES, *_NAMES, *_LOGIC, *_ARITHMETIC, *_TYPES, *_ARRAYS, *_JSON, exp.Func)
"""Kinds of node; a function is also looked at by its name, in the text."""

REFUSED = (
    *(exp.Query, exp.Subquery, exp.Exists, exp.DML, exp.DDL, exp.Command, exp.Into, exp.Lock, exp.Table, exp.Window),
    *(exp.Placeholder, exp.Parameter, exp.SessionParameter, exp.Star, exp.Struct, exp.Dot, exp.NextValueFor, exp.UDTF),
    *(exp.PropertyEQ, exp.Alias, exp.Prior, exp.ConnectByRoot, exp.PseudoType, exp.ObjectIdentifier, exp.JoinHint),
)
"""Kinds that are refused although they are subclasses of allowed ones."""

SUBQUERIES = (
    *(exp.Select, exp.Subquery, exp.Exists, exp.Table, exp.From, exp.Where, exp.Join, exp.Group, exp.Having, exp.Star),
    *(exp.Distinct, exp.Alias, exp.TableAlias, exp.Count),
)
"""What QUERY_FILTER_SUBQUERIES admits besides."""

_CONDITIONS = (exp.Predicate, exp.Connector, exp.Not, exp.Boolean, exp.Func, exp.Escape)
_MAY_BE_CONDITIONS = (exp.Column, exp.Case, exp.Cast, exp.Bracket)  # the database knows


def check_tree(tree: exp.Expr, subqueries: bool) -> None:
    """See that a tree is a condition and nothing else.

    Args:
        tree: What the filter is parsed to.
        subqueries: Whether the operator of the app has admitted subqueries.

    Raises:
        FilterError: it is something else, or more.
    """
    if not isinstance(tree.unnest(), (*_CONDITIONS, *_MAY_BE_CONDITIONS)):
        raise FilterError("is not a condition: it is not true or false")
    admitted = SUBQUERIES if subqueries else ()
    for node in tree.walk():
        if isinstance(node, admitted) or (isinstance(node, exp.Dot) and isinstance(node.expression, exp.Func)):
            continue  # the name of a function, and that of its schema, are looked at in the text
        if isinstance(node, (exp.Query, exp.Subquery, exp.Exists)):
            raise FilterError(SUBQUERY)
        if isinstance(node, REFUSED) or not isinstance(node, ALLOWED):
            raise FilterError(f"holds {_described(node)}, which is not part of a condition on the table's columns")
        if isinstance(node, exp.DataType) and node.this == exp.DType.USERDEFINED:
            raise FilterError(f"casts to {_described(node)}, which is not a built-in type of the database")


def column_paths(tree: exp.Expr) -> Iterator[tuple[str, ...]]:
    """The columns that a tree names, each with what qualifies it, outermost first; those of subqueries are left out."""
    for column in tree.find_all(exp.Column):
        if column.find_ancestor(exp.Select) is None:
            yield tuple(part.name for part in column.parts)


def _described(node: exp.Expr) -> str:
    try:
        shown = node.sql()
    except Exception:  # sqlglot's generator may fail on what its parser has made
        shown = ""
    return f"'{shown[:60]}'" if shown.strip() else node.key.upper()
