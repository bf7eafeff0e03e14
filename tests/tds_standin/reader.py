"""The tokens of a batch, and how a parser walks over them."""

from __future__ import annotations

from typing import Any

from .lexer import END, Token, tokens_of
from .tokens import SqlError

RESERVED = {
    "ADD",
    "ALL",
    "ALTER",
    "AND",
    "ANY",
    "AS",
    "ASC",
    "BEGIN",
    "BETWEEN",
    "BREAK",
    "BY",
    "CASE",
    "CATCH",
    "CHECK",
    "CLOSE",
    "COLLATE",
    "COMMIT",
    "CONSTRAINT",
    "CONTINUE",
    "CONVERT",
    "CREATE",
    "CROSS",
    "DECLARE",
    "DEFAULT",
    "DELETE",
    "DENY",
    "DESC",
    "DISTINCT",
    "DROP",
    "ELSE",
    "END",
    "EXCEPT",
    "EXEC",
    "EXECUTE",
    "EXISTS",
    "FETCH",
    "FOR",
    "FOREIGN",
    "FROM",
    "FULL",
    "GOTO",
    "GRANT",
    "GROUP",
    "HAVING",
    "IF",
    "IN",
    "INNER",
    "INSERT",
    "INTERSECT",
    "INTO",
    "IS",
    "JOIN",
    "KEY",
    "LEFT",
    "LIKE",
    "MERGE",
    "NOT",
    "NULL",
    "OFF",
    "ON",
    "OPEN",
    "OPTION",
    "OR",
    "ORDER",
    "OUTER",
    "OVER",
    "PERCENT",
    "PRIMARY",
    "PRINT",
    "RAISERROR",
    "REFERENCES",
    "RETURN",
    "REVOKE",
    "RIGHT",
    "ROLLBACK",
    "SAVE",
    "SELECT",
    "SET",
    "SOME",
    "TABLE",
    "TABLESAMPLE",
    "THEN",
    "TOP",
    "TRUNCATE",
    "UNION",
    "UNIQUE",
    "UPDATE",
    "USE",
    "VALUES",
    "VIEW",
    "WAITFOR",
    "WHEN",
    "WHERE",
    "WHILE",
    "WITH",
}


CALLABLE = {"LEFT", "RIGHT", "CONVERT", "COALESCE", "NULLIF", "USER", "CHECK"}


NOT_ALIASES = {"OUTPUT", "WITHIN", "GO", "OFFSET", "THROW", "USING", "EXEC", "EXECUTE"}


def unquoted(text: str) -> str:
    return text.lstrip("Nn")[1:-1].replace("''", "'") if text[0] in "Nn" else text[1:-1].replace("''", "'")


STATEMENT_WORDS = {
    "INSERT",
    "UPDATE",
    "DELETE",
    "DECLARE",
    "SET",
    "IF",
    "WHILE",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SAVE",
    "USE",
    "WAITFOR",
    "PRINT",
    "RAISERROR",
    "THROW",
    "RETURN",
    "EXEC",
    "EXECUTE",
    "CREATE",
    "DROP",
    "ALTER",
    "TRUNCATE",
    "KILL",
    "GRANT",
    "DENY",
    "REVOKE",
    "CHECKPOINT",
    "DBCC",
    "GO",
    "BREAK",
    "CONTINUE",
}
"""What a statement begins with, apart from queries."""


class TokenReader:
    """A place in the tokens of one batch."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens_of(text)
        self.at = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.at] if self.at < len(self.tokens) else END

    def ahead(self, count: int = 1) -> Token:
        return self.tokens[self.at + count] if self.at + count < len(self.tokens) else END

    def next(self) -> Token:
        self.at += 1
        return self.tokens[self.at - 1] if self.at <= len(self.tokens) else END

    def sees(self, *words: str) -> bool:
        return self.token.upper in words

    def accept(self, *words: str) -> bool:
        """Pass over these words in a row, if they are all there."""
        if all(self.ahead(index).upper == word for index, word in enumerate(words)):
            self.at += len(words)
            return True
        return False

    def expect(self, *words: str) -> None:
        for word in words:
            if not self.accept(word):
                raise self.wrong()

    def wrong(self) -> SqlError:
        near = self.token.text or (self.tokens[-1].text if self.tokens else "")
        error = SqlError(102, f"Incorrect syntax near '{near}'.", 15)
        if self.token.kind == "word" and self.token.upper in RESERVED:
            error = SqlError(156, f"Incorrect syntax near the keyword '{self.token.text}'.", 15)
        error.line = self.text[: self.token.at].count("\n") + 1
        return error

    def name(self) -> str:
        token = self.token
        if token.kind == "quoted" or (token.kind == "word" and token.upper not in RESERVED):
            return self.next().text
        raise self.wrong()

    def path(self) -> tuple[str, ...]:
        """A name of up to four parts; parts that are left out are empty."""
        parts = [self.name()]
        while self.accept("."):
            parts.append("" if self.sees(".") else self.name())
        return tuple(parts)

    def listed(self, one: Any) -> list[Any]:
        made = [one()]
        while self.accept(","):
            made.append(one())
        return made

    def names(self) -> list[str]:
        self.expect("(")
        made = self.listed(self.name)
        self.expect(")")
        return made

    def type_text(self) -> str:
        """A type as it is written, up to where it ends."""
        parts = [self.name()]
        if self.accept("."):
            parts = [self.name()]
        elif parts[0].upper() in ("DOUBLE", "NATIONAL") or self.sees("VARYING"):
            while self.token.upper in ("PRECISION", "CHAR", "CHARACTER", "TEXT", "VARYING"):
                parts.append(self.next().text)
        text = " ".join(parts)
        if self.accept("("):
            first = self.next().text
            second = self.next().text if self.accept(",") else ""
            self.expect(")")
            text += f"({first},{second})" if second else f"({first})"
        return text

    def balanced(self) -> str:
        """The text in parentheses, whatever it is."""
        self.expect("(")
        start, depth = self.token.at, 1
        while depth:
            token = self.next()
            if token is END:
                raise self.wrong()
            depth += (token.upper == "(") - (token.upper == ")")
        return self.text[start : self.tokens[self.at - 1].at]
