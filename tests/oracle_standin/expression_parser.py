"""Expressions of Oracle's SQL as trees."""

from __future__ import annotations

from .tree import NOT_NAMES, Node, Query, Token, name_of, tokens_of
from .values import OracleError


class ExpressionParser:
    """Tokens one by one, and expressions from the loosest operator to the tightest; a subclass knows queries."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens_of(text)
        self.i = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.i]

    def next(self) -> Token:
        self.i += 1
        return self.tokens[self.i - 1]

    def is_(self, *words: str, ahead: int = 0) -> bool:
        token = self.tokens[min(self.i + ahead, len(self.tokens) - 1)]
        return token.kind in ("word", "sign") and token.text.upper() in words

    def take(self, *words: str) -> bool:
        """Whether these words come next, one after the other; they are passed then."""
        if all(self.is_(word, ahead=n) for n, word in enumerate(words)):
            self.i += len(words)
            return True
        return False

    def need(self, word: str) -> None:
        if not self.take(word):
            number, what = {
                "FROM": (923, "FROM keyword not found where expected"),
                ")": (907, "missing right parenthesis"),
            }.get(word, (933, f"SQL command not properly ended: {word} expected"))
            raise OracleError(number, what, self.token.at)

    def name(self) -> str:
        if self.token.kind == "quoted" or (self.token.kind == "word"):
            return name_of(self.next())
        raise OracleError(903, "invalid name", self.token.at)

    def path(self) -> tuple[str, ...]:
        parts = [self.name()]
        while self.take("."):
            parts.append(self.name())
        return tuple(parts)

    def end(self) -> None:
        self.take(";")
        if self.token.kind != "end":
            raise OracleError(933, "SQL command not properly ended", self.token.at)

    def query(self) -> Query:
        """The query that comes next."""
        raise NotImplementedError

    # expressions, from the loosest operator to the tightest

    def expression(self) -> Node:
        node = self.conjunction()
        while self.is_("OR"):
            at = self.next().at
            node = Node("binary", "OR", [node, self.conjunction()], at)
        return node

    def conjunction(self) -> Node:
        node = self.negation()
        while self.is_("AND"):
            at = self.next().at
            node = Node("binary", "AND", [node, self.negation()], at)
        return node

    def negation(self) -> Node:
        if self.is_("NOT"):
            return self._not()
        return self.predicate()

    def _not(self) -> Node:
        at = self.next().at
        return Node("not", args=[self.negation()], at=at)

    def predicate(self) -> Node:
        if self.take("EXISTS"):
            self.need("(")
            node = Node("exists", self.query())
            self.need(")")
            return node
        left = self.additive()
        token = self.token
        if self.is_("=", "<>", "!=", "^=", "<", ">", "<=", ">="):
            operator = {"!=": "<>", "^=": "<>"}.get(self.next().text, token.text)
            return Node("binary", operator, [left, self.additive()], token.at)
        if self.take("IS"):
            negated = self.take("NOT")
            if self.is_("TRUE", "FALSE"):
                wanted = self.next().text.upper()
                return Node("truth", (negated, wanted), [left], token.at)
            if self.is_("NAN", "INFINITE"):
                return Node("floating", (negated, self.next().text.upper()), [left], token.at)
            self.need("NULL")
            return Node("isnull", negated, [left], token.at)
        negated = self.take("NOT")
        if self.take("IN"):
            self.need("(")
            if self.is_("SELECT", "WITH"):
                node = Node("in", negated, [left, self.query()], token.at)
            else:
                node = Node("in", negated, [left, self.list()], token.at)
            self.need(")")
            return node
        if self.take("BETWEEN"):
            low = self.additive()
            self.need("AND")
            return Node("between", negated, [left, low, self.additive()], token.at)
        if self.take("LIKE"):
            pattern = self.additive()
            return Node("like", negated, [left, pattern, self.additive() if self.take("ESCAPE") else None], token.at)
        return left

    def list(self) -> list[Node]:
        nodes = [self.expression()]
        while self.take(","):
            nodes.append(self.expression())
        return nodes

    def additive(self) -> Node:
        node = self.term()
        while self.is_("+", "-", "||"):
            token = self.next()
            node = Node("binary", token.text, [node, self.term()], token.at)
        return node

    def term(self) -> Node:
        node = self.factor()
        while self.is_("*", "/"):
            token = self.next()
            node = Node("binary", token.text, [node, self.factor()], token.at)
        return node

    def factor(self) -> Node:
        if self.is_("-", "+"):
            token = self.next()
            node = self.factor()
            return node if token.text == "+" else Node("minus", args=[node], at=token.at)
        node = self.primary()
        while self.take("AT", "TIME", "ZONE"):
            node = Node("call", ("FROM_ZONE",), [node, self.primary()], node.at)
        return node

    def primary(self) -> Node:
        token = self.token
        if token.kind == "number":
            return Node("number", self.next().text, at=token.at)
        if token.kind == "text":
            national = token.text[0] in "nN"
            return Node("text", self.next().text[1 + national : -1].replace("''", "'"), [national], token.at)
        if token.kind == "bind":
            return Node("bind", self.next().text[1:].strip().strip('"'), at=token.at)
        if self.take("("):
            is_query = self.is_("SELECT", "WITH")
            node = Node("query", self.query(), at=token.at) if is_query else self.expression()
            self.need(")")
            return node
        if self.is_("DATE", "TIMESTAMP", "INTERVAL") and self.tokens[self.i + 1].kind == "text":
            kind = self.next().text.lower()
            text = self.next().text[1:-1]
            units = []
            while kind == "interval" and self.is_("DAY", "HOUR", "MINUTE", "SECOND", "YEAR", "MONTH", "TO"):
                units.append(self.next().text.upper())
                if self.take("("):
                    while not self.take(")"):
                        self.next()
            return Node(kind, text, units, token.at)
        if self.take("CASE"):
            return self.case(token.at)
        if self.is_("NULL"):
            return Node("null", at=self.next().at)
        if self.is_("CAST", "EXTRACT", "TRIM", "XMLSERIALIZE", "JSON_SERIALIZE", "FROM_VECTOR", "TREAT") and self.is_(
            "(", ahead=1
        ):
            return self.special()
        if token.kind not in ("word", "quoted") or (token.kind == "word" and token.text.upper() in NOT_NAMES):
            raise OracleError(936, "missing expression", token.at)
        path = [self.name()]
        while self.take("."):
            if self.take("*"):
                return Node("star", tuple(path), at=token.at)
            path.append(self.name())
        if not self.take("("):
            return Node("name", tuple(path), at=token.at)
        node = Node("call", tuple(path), at=token.at)
        if self.take("*"):
            node.args = [Node("star")]
        elif not self.is_(")"):
            if self.take("DISTINCT"):
                node.kind = "distinct"
            node.args = self.list()
        self.need(")")
        return self.numbering(node) if node.value[-1] == "ROW_NUMBER" else node

    def numbering(self, call: Node) -> Node:
        """ROW_NUMBER() by one expression, the only analytic function here."""
        for word in ("OVER", "(", "ORDER", "BY"):
            self.need(word)
        node = Node("numbering", args=[self.expression()], at=call.at)
        self.need(")")
        return node

    def case(self, at: int) -> Node:
        operand = None if self.is_("WHEN") else self.expression()
        pairs, otherwise = [], None
        while self.take("WHEN"):
            when = self.expression()
            self.need("THEN")
            pairs.append((when, self.expression()))
        if self.take("ELSE"):
            otherwise = self.expression()
        self.need("END")
        return Node("case", (operand, otherwise), pairs, at)

    def special(self) -> Node:
        """Functions whose arguments have words between them."""
        token = self.next()
        name = token.text.upper()
        self.need("(")
        if name == "CAST":
            value = self.expression()
            self.need("AS")
            node = Node("cast", self.until_bracket(), [value], token.at)
        elif name == "EXTRACT":
            part = self.next().text.upper()
            self.need("FROM")
            node = Node("extract", part, [self.expression()], token.at)
        elif name == "TRIM":
            side = self.next().text.upper() if self.is_("LEADING", "TRAILING", "BOTH") else "BOTH"
            first = Node("text", " ", [False]) if self.is_("FROM") else self.expression()
            args = [self.expression(), first] if self.take("FROM") else [first]
            node = Node("call", ({"LEADING": "LTRIM", "TRAILING": "RTRIM"}.get(side, "TRIM"),), args, token.at)
        else:
            self.take("CONTENT")
            node = Node("call", (name,), [self.expression()], token.at)
            if not self.is_(")"):
                self.until_bracket()  # RETURNING CLOB, AS CLOB
        self.need(")")
        return node

    def until_bracket(self) -> str:
        """The text up to the bracket that closes the one that is open."""
        start, depth = self.token.at, 0
        while self.token.kind != "end" and (depth or not self.is_(")")):
            depth += self.is_("(") - self.is_(")")
            self.next()
        return self.text[start : self.token.at]

    def until_comma(self) -> str:
        """The text up to the next comma or bracket at this depth."""
        start, depth = self.token.at, 0
        while self.token.kind != "end" and (depth or not self.is_(")", ",")):
            depth += self.is_("(") - self.is_(")")
            self.next()
        return self.text[start : self.token.at]
