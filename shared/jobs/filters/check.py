"""Whether a filter is one condition over its table, and the text of it that is sent."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import TokenType

from shared.jobs.filters.grammars import GRAMMARS, KEYWORDS, STATEMENT_WORDS, SUBQUERY_WORDS, Grammar
from shared.jobs.filters.lexer import FilterError, Token, tokens_of
from shared.jobs.filters.tree import SUBQUERY, check_tree, column_paths

MAX_DEPTH = 60
"""Brackets within brackets, and operators within operators: more would exhaust a parser's stack."""

MAX_TOKENS = 2000

_QUOTED = (
    *(TokenType.STRING, TokenType.NATIONAL_STRING, TokenType.RAW_STRING, TokenType.NATIONAL_RAW_STRING),
    *(TokenType.BYTE_STRING, TokenType.BIT_STRING, TokenType.HEREDOC_STRING, TokenType.UNICODE_STRING),
    TokenType.IDENTIFIER,
)

logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns of what it would write otherwise; nothing is written


@dataclass(frozen=True)
class FilterRules:
    """What the operator of the app admits beyond the lists of `grammars`; the workbook cannot.

    Attributes:
        functions: Names in lower case, with their schema if they need one.
        subqueries: Whether other tables may be asked.
    """

    functions: frozenset[str] = frozenset()
    subqueries: bool = False


@lru_cache(maxsize=10_000)
def checked_filter(
    text: str,
    dialect: str,
    rules: FilterRules = FilterRules(),
    table: tuple[str | None, str] | None = None,
    columns: frozenset[str] | None = None,
) -> str:
    """The filter as it is sent: `text` without spaces around it and without one `;` at its end, otherwise unchanged.

    It may be put in brackets after WHERE.

    Args:
        text: The filter as it is in the workbook, without the word WHERE.
        dialect: The database whose SQL it is, by sqlglot's name; one without its own grammar has that of `ANSI`.
        rules: What is allowed besides.
        table: The schema and the name of the job's table, if they are known: only they may qualify a column.
        columns: The names of its columns, if they are known.

    Raises:
        FilterError: it is not one condition over the table that only reads; the text continues `'…' `.
    """
    grammar = GRAMMARS.get(dialect) or GRAMMARS[""]
    sent = text.strip(" \t\r\n").removesuffix(";").rstrip(" \t\r\n")
    try:
        tokens = tokens_of(sent, grammar)
        _check_tokens(tokens, grammar, rules)
        tree = _parsed(sent, grammar, tokens)
        check_tree(tree, rules.subqueries)
        _check_columns(tree, grammar, table, columns, rules)
    except FilterError:
        raise
    except RecursionError:
        raise FilterError("is nested too deeply") from None
    except Exception as error:  # sqlglot raises anything for calls with too few arguments and the like
        raise FilterError(
            f"cannot be understood as one condition in the SQL of {dialect} ({type(error).__name__})"
        ) from None
    return sent


def _check_tokens(tokens: Sequence[Token], grammar: Grammar, rules: FilterRules) -> None:
    if not tokens:
        raise FilterError("is not one condition: it is empty")
    if tokens[0].word == "where":
        raise FilterError("starts with WHERE; write the condition only")
    if len(tokens) > MAX_TOKENS:
        raise FilterError(f"has {len(tokens)} words and signs, at most {MAX_TOKENS} are allowed")
    _check_brackets(tokens)
    forbidden = STATEMENT_WORDS - (SUBQUERY_WORDS if rules.subqueries else frozenset())
    for number, token in enumerate(tokens):
        follows = tokens[number + 1].word if number + 1 < len(tokens) else ""
        if token.word == "." and not _is_between_names(tokens, number):
            raise FilterError("holds a '.' that is not between two names")
        if token.word in forbidden & {"select", "exists"}:
            raise FilterError(SUBQUERY)
        if token.word in forbidden:
            raise FilterError(
                f"holds the word {token.text.upper()}, which is not part of one condition; a column of that name is "
                "written in quotes"
            )
        if follows == "(" and token.kind == "name":
            raise FilterError(f"calls {token.text}, a name in quotes; only listed functions may be called")
        is_call = follows == "(" and token.kind == "word" and token.word not in KEYWORDS
        if is_call and not (rules.subqueries and token.word in SUBQUERY_WORDS):
            _check_call(tokens[: number + 1], grammar, rules)


def _is_between_names(tokens: Sequence[Token], number: int) -> bool:
    sides = (tokens[number - 1 : number], tokens[number + 1 : number + 2])
    return all(side and side[0].kind in ("word", "name") for side in sides)


def _check_brackets(tokens: Sequence[Token]) -> None:
    """See that round and square brackets close what they open; more closing ones would end the app's own."""
    closing = {"(": ")", "[": "]"}
    waiting: list[str] = []
    for token in tokens:
        if token.word in closing:
            waiting.append(closing[token.word])
        elif token.word in closing.values() and (not waiting or waiting.pop() != token.word):
            raise FilterError("is not one condition: a bracket is closed that is not open")
        if len(waiting) > MAX_DEPTH:
            raise FilterError("is nested too deeply")
    if waiting:
        raise FilterError("is not complete SQL: a quote or bracket is not closed")


def _check_call(tokens: Sequence[Token], grammar: Grammar, rules: FilterRules) -> None:
    """See that the function which the last of the tokens calls is listed, under its whole name."""
    parts = [tokens[-1].word]
    position = len(tokens) - 2
    while position >= 1 and tokens[position].word == ".":
        owner = tokens[position - 1]
        parts.insert(0, owner.word or owner.text)
        position -= 2
    name = ".".join(parts)
    if name in grammar.functions or name in grammar.types or name in rules.functions:
        return
    raise FilterError(
        f"calls {name}, which is not one of the functions that a filter may call (docs/query_filter.md); the setting "
        "QUERY_FILTER_FUNCTIONS admits others"
    )


def _parsed(text: str, grammar: Grammar, tokens: Sequence[Token]) -> exp.Expr:
    dialect = Dialect.get_or_raise(grammar.name)
    try:
        theirs = dialect.tokenize(text)
        _check_agreement(tokens, theirs)
        trees = dialect.parser().parse_into(exp.Condition, theirs, text)
        statement = f"SELECT 1 FROM t WHERE ({text})"  # noqa: S608  it is parsed and sent nowhere
        whole = dialect.parser().parse(dialect.tokenize(statement), statement)
    except TokenError:
        raise FilterError("is not complete SQL: a quote or bracket is not closed") from None
    except ParseError as error:
        found = error.errors[0] if error.errors else {}
        near = f" near '{found['highlight'][:40]}'" if found.get("highlight") else ""
        named = grammar.name or "most databases"
        raise FilterError(f"is not one condition as after WHERE, in the SQL of {named}{near}") from None
    if len(trees) != 1 or trees[0] is None or len(whole) != 1 or not isinstance(whole[0], exp.Select):
        raise FilterError("is not one condition")
    where = whole[0].args.get("where")
    extras = {name for name, value in whole[0].args.items() if value} - {
        "expressions",
        "from_",
        "from",
        "where",
        "kind",
    }
    if where is None or extras or where.this != exp.Paren(this=trees[0]):
        raise FilterError("is not one condition: within a statement it means something else")
    return trees[0]


def _check_agreement(ours: Sequence[Token], theirs: Sequence[object]) -> None:
    """See that two tokenizers, which know nothing of each other, find the same quoted parts and the same words."""
    quoted = {(token.start, token.end) for token in ours if token.kind in ("string", "name")}
    found: set[tuple[int, int]] = set()
    covered: set[int] = set()
    for token in theirs:
        kind, start, end = token.token_type, token.start, token.end + 1  # type: ignore[attr-defined]
        if token.comments:  # type: ignore[attr-defined]
            raise FilterError("holds a comment; leave comments out")
        if kind in _QUOTED or (kind is TokenType.HEX_STRING and any(one == (start, end) for one in quoted)):
            found.add((start, end))
        else:
            covered.update(range(start, end))
    words_lie_outside = all(
        token.start in covered and token.end - 1 in covered
        for token in ours
        if token.kind in ("word", "number", "operator")
    )
    if quoted != found or not words_lie_outside:
        raise FilterError("has quotes that can be read in two ways; write it in a simpler way")


def _check_columns(
    tree: exp.Expr,
    grammar: Grammar,
    table: tuple[str | None, str] | None,
    columns: Collection[str] | None,
    rules: FilterRules,
) -> None:
    owners = _owners(table)
    known = {column.casefold() for column in columns} if columns is not None else None
    for *owner, name in column_paths(tree):
        if owner and owners is not None and tuple(part.casefold() for part in owner) not in owners:
            raise FilterError(f"names '{'.'.join((*owner, name))}', which is not a column of the job's table")
        must_be_column = bool(owner) or grammar.bare_calls
        if not must_be_column or known is None or name.casefold() in known or name.casefold() in rules.functions:
            continue
        if owner or name.casefold() not in grammar.values:
            raise FilterError(f"names '{name}', which is not a column of the job's table")


def _owners(table: tuple[str | None, str] | None) -> set[tuple[str, ...]] | None:
    if table is None:
        return None
    schema, name = table
    owners: set[tuple[str, ...]] = {(name.casefold(),)}
    return owners | {(schema.casefold(), name.casefold())} if schema else owners
