"""The text of a filter as tokens, by the rules of the one database that it goes to.

This is the proof that nothing in the text is hidden: what is between quotes ends where the database ends it, and beside
them there is neither a comment nor the end of a statement. What a database could read in two ways is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from shared.errors.hierarchy import ConfigurationError
from shared.jobs.filters.grammars import Grammar

Kind = Literal["word", "name", "string", "number", "operator"]

_SPACE = re.compile(r"[ \t\r\n]+")
# Modifier letters (U+02B0-U+02FF) look like quotes and are letters to Unicode.
_WORD = re.compile(r"[^\W\d\u02b0-\u02ff][^\W\u02b0-\u02ff]*")
_WORD_WITH_SIGNS = re.compile(r"[^\W\d\u02b0-\u02ff](?:[^\W\u02b0-\u02ff]|[$#])*")
_NUMBER = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_HEX_NUMBER = re.compile(r"0x[0-9A-Fa-f]*")
_DOLLARS = re.compile(r"\$(?:[A-Za-z_]\w*)?\$", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]")
_POSTGRES_SIGNS = re.compile(r"[-+*/<>=~!@#%^&|`?]+")
_KEEPS_A_SIGN = set("~!@#%^&|`?")
_Q_ENDS = {"[": "]", "{": "}", "<": ">", "(": ")"}
# What a conversion to a smaller character set may turn into a quote, by the look of it.
LIKE_QUOTES = frozenset(
    "\u00b4`\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2032\u2033\u2034\u2035\u2036\u2039\u203a\u02b9\u02ba"
    "\u02bb\u02bc\u02bd\u02be\u02bf\u02c8\u02ca\u02cb\u0301\u0300\u055a\u05f3\u05f4\u07f4\u1fbd\u1fbf\u1fef\u1ffd\u1ffe"
    "\u275b\u275c\uff07\uff02\uff40\u00a8\u00ab\u00bb"
)


class FilterError(ConfigurationError):
    """A filter is not one condition over its table that only reads; the text says what is wrong with it."""


@dataclass(frozen=True)
class Token:
    """A part of a filter: `text` as it is, quotes included, from `start` up to `end`."""

    kind: Kind
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """A word or sign in lower case; nothing for what is quoted."""
        return self.text.lower() if self.kind in ("word", "operator") else ""


def tokens_of(text: str, grammar: Grammar) -> list[Token]:
    """The tokens of a filter.

    Raises:
        FilterError: it has something that is not a part of a condition, or that could be read in two ways.
    """
    if found := _CONTROL.search(text):
        raise FilterError(f"holds the control character U+{ord(found[0]):04X}; type it again")
    return list(_tokens(text, grammar))


def _tokens(text: str, grammar: Grammar) -> Iterator[Token]:
    at = 0
    while at < len(text):
        if space := _SPACE.match(text, at):
            at = space.end()
            continue
        kind, end = _next(text, at, grammar)
        yield Token(kind, text[at:end], at, end)
        at = end


def _next(text: str, at: int, grammar: Grammar) -> tuple[Kind, int]:
    """The kind and the end of the token that begins at a place."""
    if text.startswith(("--", "/*"), at):
        raise FilterError("holds a comment; leave comments out")
    if text[at] == "'":
        return "string", _string_end(text, at, grammar)
    if text[at] == '"':
        return "name", _quoted_end(text, at, '"', grammar.quoted_doubles)
    if text[at] == "[" and grammar.brackets:
        return "name", _quoted_end(text, at, "]", doubles=True)
    if word := (_WORD_WITH_SIGNS if grammar.signs_in_words else _WORD).match(text, at):
        return _word(text, word, grammar)
    if text[at].isdigit() or (text[at] == "." and text[at + 1 : at + 2].isdigit()):
        return "number", _number_end(text, at, grammar)
    if grammar.dollar_quotes and (opening := _DOLLARS.match(text, at)):
        return "string", _closed(text, opening.end(), opening[0])
    return "operator", _operator_end(text, at, grammar)


def _word(text: str, word: re.Match[str], grammar: Grammar) -> tuple[Kind, int]:
    end, before = word.end(), word[0].lower()
    if text[end : end + 1] == "$":
        raise FilterError(f"holds '{word[0]}$', which databases read in two ways; quote the name")
    if text.startswith(("&'", '&"'), end) and before == "u":
        raise FilterError("holds U& before a quote; type the characters themselves")
    if text[end : end + 1] != "'":
        return "word", end
    if before in grammar.q_prefixes:
        return "string", _q_end(text, end)
    if before in grammar.prefixes:
        return "string", _string_end(text, end, grammar, escapes=before == "e")
    if before in grammar.types:
        return "word", end
    raise FilterError(f"has '{word[0]}' right before a quote; put a space between them, or leave it out")


def _string_end(text: str, at: int, grammar: Grammar, escapes: bool = False) -> int:
    end = _escaped_end(text, at) if escapes else _quoted_end(text, at, "'", doubles=True)
    content = text[at + 1 : end - 1]
    if not grammar.quotes_of_unicode and (found := LIKE_QUOTES & set(content)):
        raise FilterError(
            f"holds {min(found)!a} within quotes, which the database may turn into a quote; write it with UNISTR or CHR"
        )
    if not grammar.backslashes and "\\" in content:
        raise FilterError("holds a backslash within quotes, which this database may take for an escape")
    return end


def _quoted_end(text: str, at: int, quote: str, doubles: bool) -> int:
    """Where something quoted ends: at the next quote, unless that is doubled."""
    position = at + 1
    while True:
        end = _closed(text, position, quote)
        if text[end : end + 1] != quote:
            if end == at + 2 and quote != "'":
                raise FilterError("holds a quoted name without a character")
            return end
        if not doubles:
            raise FilterError(f"holds a quote within a quoted name, {text[at : end + 1][:40]}")
        position = end + 1


def _escaped_end(text: str, at: int) -> int:
    """The end of E'…', where a backslash takes the next character with it."""
    position = at + 1
    while position < len(text):
        if text[position] == "\\" or (text[position] == "'" and text[position + 1 : position + 2] == "'"):
            position += 2
        elif text[position] == "'":
            return position + 1
        else:
            position += 1
    raise FilterError("is not complete SQL: a quote or bracket is not closed")


def _q_end(text: str, at: int) -> int:
    """The end of Oracle's q'[…]', whose first character says how it ends."""
    opening = text[at + 1 : at + 2]
    if not opening or opening.isspace() or opening == "'":
        raise FilterError("is not complete SQL: a quote or bracket is not closed")
    end = _closed(text, at + 2, _Q_ENDS.get(opening, opening) + "'")
    if LIKE_QUOTES & set(text[at:end]):
        raise FilterError("holds a typographic quote within quotes, which the database may turn into a quote")
    return end


def _closed(text: str, at: int, closing: str) -> int:
    found = text.find(closing, at)
    if found < 0:
        raise FilterError("is not complete SQL: a quote or bracket is not closed")
    return found + len(closing)


def _number_end(text: str, at: int, grammar: Grammar) -> int:
    number = (_HEX_NUMBER.match(text, at) if grammar.hex_numbers else None) or _NUMBER.match(text, at)
    if number is None or not number[0].isascii():
        raise FilterError("holds a number in digits that are not 0 to 9")
    after = text[number.end() : number.end() + 1]
    if after.isalnum() or after in ("_", "$", "#", "'", '"'):
        raise FilterError(
            f"holds '{number[0]}{after}', which is not a number that every version reads alike; write 31, 1000"
        )
    return number.end()


def _operator_end(text: str, at: int, grammar: Grammar) -> int:
    run = _POSTGRES_SIGNS.match(text, at) if grammar.name == "postgres" else None
    if run:
        sign = _postgres_operator(run[0])
        known = sign in grammar.operators
    else:
        sign = next((one for one in grammar.operators if text.startswith(one, at)), text[at])
        known = sign in grammar.operators
    if known:
        return at + len(sign)
    if text[at] in LIKE_QUOTES:
        raise FilterError("holds typographic quotes; type straight ones (') instead")
    if text[at] in ":@?&${":
        shown = re.match(r"\S+", text[at:])
        raise FilterError(f"holds '{shown[0][:20] if shown else ''}', which has no value here; write the value itself")
    if text[at] == ";":
        raise FilterError("holds ';', which ends a statement; a filter is one condition")
    raise FilterError(f"holds '{sign[:10]}', which is not an operator of a condition; a filter is one condition")


def _postgres_operator(run: str) -> str:
    """The operator that a run of signs begins with (PostgreSQL's manual, 4.1.3)."""
    for opening in ("--", "/*"):
        if (found := run.find(opening)) > 0:
            run = run[:found]
    while len(run) > 1 and run[-1] in "+-" and not _KEEPS_A_SIGN & set(run):
        run = run[:-1]
    return run
