"""Filters by the thousand: good ones, attacks, mixtures of both, and a judge that does not know the app's own lexer."""

from __future__ import annotations

import random
import re

from shared.jobs.filters.grammars import GRAMMARS

GOOD: dict[str, tuple[str, ...]] = {
    "postgres": (
        *("status = 'O''Brien' and amount > 5", "is_active", "tags ? 'x'", "data ->> 'k' = 'v'", "a = $$x; -- y$$"),
        *("a::date > current_date - interval '7 days'", '"Order Date" IS NOT NULL', "a = E'it\\'s'", "a ~* '^x'"),
        *("a LIKE '10\\%%' ESCAPE '\\'", "a NOT LIKE 'x%' ESCAPE '!'", "a in (1,2,3)", "a = ANY('{1,2}')", "a !~ 'b'"),
        *("a = ANY(ARRAY[1,2])", "a is distinct from b", "a is not true", "a is unknown", "a isnull", "a notnull"),
        *("date_trunc('day', ts) = '2024-01-01'::timestamptz", "ts at time zone 'UTC' > now() - interval '1' day"),
        *("a similar to 'x%'", "(a, b) = (1, 2)", "(a,b) in ((1,2),(3,4))", "case when a then b else c end"),
        *("coalesce(a, b) between 1 and 2", "a between symmetric 1 and 2", "extract(year from ts) = 2024"),
        *("cast(a as numeric(10,2)) > 1.5e3", "a::numeric(10,2) = .5", "j @> '{\"a\": 1}'", "j #>> '{a,b}' = 'c'"),
        *("a @> array[1]", "a[1] = 2", "a[1:2] = '{1,2}'", "t.a = 1", "public.t.a = 1", "a || b = 'x'", "a % 2 = 0"),
        *("a ^ 2 = 4", "a & 1 = 1", "-a < 3", "not (a or b)", "a collate \"C\" < 'b'", "a ilike '%x'", "x = B'101'"),
        *("date '2024-01-01' < d", "timestamp with time zone '2024-01-01 00:00+00' < d", "a = 'x' 'y'", "a = - 1"),
        *("substring(a from 1 for 2) = 'x'", "trim(both 'x' from a) = 'y'", "position('x' in a) > 0", "a=-1"),
        *("overlay(a placing 'x' from 1) = 'y'", "(a,b) overlaps (c,d)", "a = '%s %(x)s %%'", "größe > 1", "a\n=\n1"),
        *(
            "lower(a) = upper('x') and length(b) > 1",
            "a <> all(array[1,2])",
            "j ?| array['a','b']",
            "a >= -1 and b<=+1",
        ),
        *("a::time with time zone = '10:00'", "a::varchar(10) = 'x'", "a::character varying(10)='x'", "a = N'x'"),
        " or ".join(f"id = {number}" for number in range(400)),
    ),
    "tsql": (
        *("[Order Date] > DATEADD(day, -1, GETDATE())", "a = N'ü' AND ISNULL(b, 0) != 1", "DATEPART(w, a) = 1"),
        *("DATEDIFF(day, a, SYSDATETIMEOFFSET()) > 1", "DATENAME(quarter, a) = '1'", "CAST(a AS real) > 1"),
        *("CAST(a AS datetime2(3)) > '2024'", "a LIKE '5!%' ESCAPE '!'", "a LIKE '10[%]'", "HASHBYTES('MD5', a) = 0x0"),
        *("a = 0x1F", "a % 2 = 0", "IIF(a > 1, 1, 0) = 1", "TRY_CAST(a AS int) is not null", "LEFT(a, 2) = 'x'"),
        *("CONVERT(varchar(10), a, 120) like '2024%'", "CONTAINS(a, 'x')", "YEAR(a) = 2024", "[a]]b] = 1"),
        *("t.[a] = 1", "dbo.t.a = 1", "a COLLATE Latin1_General_CS_AS = 'x'", "a IN ('x','y')", "a & 4 = 4", "~a = 1"),
        *("CASE WHEN a = 1 THEN 1 ELSE 0 END = 1", "JSON_VALUE(a, '$.b') = 'x'", "DATETRUNC(month, a) = a"),
        *("a AT TIME ZONE 'UTC' > GETDATE()", "FORMAT(a, 'yyyy') = '2024'", "LEN(a) > 2", "DATEPART(iso_week, a)=1"),
        *("SWITCHOFFSET(a, '+00:00') > b", "CHARINDEX('x', a) > 0", '"Quoted" = 1', "a = 'x''y'", "a BETWEEN 1 AND 2"),
    ),
    "oracle": (
        *("UPDATED > SYSDATE - 7", "D < TO_DATE('2024', 'YYYY')", "a = q'[it's]'", "REGEXP_LIKE(a, 'x')", "a ^= 1"),
        *("d > TIMESTAMP '2024-01-01 00:00:00 +02:00'", "d > DATE '2024-01-01'", "d > DATE'2024-01-01'", "a = N'x'"),
        *("d > SYSTIMESTAMP - INTERVAL '7' DAY", "NVL(a, 0) = 1", "DECODE(a, 1, 2, 3) = 2", "a LIKE 'x!_%' ESCAPE '!'"),
        *("TRUNC(d, 'MM') = TRUNC(SYSDATE)", "ROWNUM < 10", "a || b = 'x'", "MOD(a, 2) = 0", '"Mixed" = 1'),
        *("EXTRACT(YEAR FROM d) = 2024", "CAST(a AS NUMBER(10,2)) > 1", "MONTHS_BETWEEN(SYSDATE, d) < 3"),
        *("d AT TIME ZONE 'UTC' > SYSDATE", "a = UNISTR('\\2019')", "d > INTERVAL '1-2' YEAR TO MONTH + SYSDATE"),
        *("JSON_VALUE(a, '$.b') = 'x'", "STANDARD_HASH(a, 'MD5') = 'x'", "EMP$ID = 1", "A#B = 1", "a = q'{x}'"),
    ),
    "": ("a = 1 and b like 'x%'", "upper(a) = 'X'", "date '2024-01-01' < d", "a between 1 and 2 or b is null"),
}
"""Filters that people write, by the dialect; each must be sent as it is."""

ATTACKS = (
    *("1=0) union all select zzleak from x where (1=1", "); commit; begin read write; drop table victim; commit; --"),
    *(
        "zzleak('x') is null",
        "a in (select zzleak from b)",
        "; exec xp_cmdshell 'zzleak'; --",
        "/* zzleak */",
        "-- zzleak",
    ),
    *("pg_read_file('/etc/passwd')", "pg_sleep(5)", "x.zzleak(1)", '"zzleak"(1)', "[zzleak](1)", "zzleak.zzleak(a)"),
    *("exec zzleak", "waitfor delay '0:0:5'", "into zzleak", "next value for zzleak", "zzleak.nextval", "for update"),
    *("ANONYMOUS_AGG_FUNC('1=1); zzleak; (', 'a')", 'EXTRACT("year from now())); zzleak; (" FROM a)', "a = @zzleak"),
    *("DATEPART([year, GETDATE()) > 0); exec zzleak; select (1 = DATEPART(year], a)", "$zz$", "'zz'' ", "E'\\", "q'["),
    *(
        "U&'\\0027'",
        "' or zzleak() --",
        "\\' or zzleak() --",
        "\u02bc or zzleak() --",
        "a operator(zzleak.=) b",
        "#zzleak",
    ),
    *(
        "{{zzleak}}",
        ":zzleak",
        "?",
        "{fn zzleak()}",
        "lower(zzleak(a))",
        "cast(a as zzleak)",
        "a::zzleak",
        "(a).zzleak",
    ),
)
"""What an attacker tries, alone and within anything else."""

_QUOTES = ("'", '"', "[", "]", "$$", "''", '""', "]]", "q'[", "]'", "E'", "N'", "\\", "`", "$a$", "U&'", "q'!", "!'")
_SIGNS = (
    *"();,.:=<>!+-*/%&|^~?@#${}[]",
    "--",
    "/*",
    "*/",
    "::",
    "\n",
    "\t",
    " ",
    "\u00a0",
    "\x00",
    "\u2028",
    "\uff07",
    "\u02bc",
)
_WORDS = (
    "and",
    "or",
    "not",
    "select",
    "union",
    "a",
    "zzleak",
    "lower",
    "case",
    "is",
    "null",
    "1",
    "0x1F",
    "1_0",
    "from",
)


def filter_of(number: int, dialect: str) -> str:
    """The filter of that number: the same one every time."""
    chance = random.Random(f"{dialect} {number}")
    text = _expression(chance, dialect, 3) if chance.random() < 0.5 else chance.choice(GOOD[dialect])[:400]
    for _ in range(chance.choice((0, 1, 1, 2, 3, 5))):
        text = _changed(text, chance)
    return text


def _expression(chance: random.Random, dialect: str, depth: int) -> str:
    """A condition by a small grammar, whose quoted parts hold attacks."""
    if depth == 0:
        return _operand(chance, dialect)
    one, two = (_expression(chance, dialect, depth - 1) for _ in range(2))
    functions = (*sorted(GRAMMARS[dialect].functions), "zzleak", "pg_read_file", "x.value")
    made: tuple[str, ...] = (
        *(
            f"{one} = {two}",
            f"{one} and {two}",
            f"({one} or {two})",
            f"not ({one})",
            f"{one} is null",
            f"-{one} < {two}",
        ),
        *(f"{chance.choice(functions)}({one}, {two}) = 1", f"{chance.choice(functions)}({one}) = {two}"),
        *(f"case when {one} then {two} end", f"cast({one} as varchar(10)) = {two}", f"{one} in ({two}, 1)"),
        *(f"{one} like {two} escape '!'", f"extract({one} from {two}) = 1", f"{one} between {two} and 3"),
    )
    return chance.choice(made)


def _operand(chance: random.Random, dialect: str) -> str:
    attack = chance.choice(ATTACKS)
    within = attack.replace("'", "''")
    made = ["a", "t.a", "1", ".5", "null", f"'{within}'", '"{}"'.format(attack.replace('"', "")), "'x'", "current_date"]
    if dialect == "tsql":
        made += [f"[{attack.replace(']', ']]')}]", f"N'{within}'", "0x1F"]
    if dialect == "postgres":
        made += [f"$${attack.replace('$$', '')}$$", f"E'{within}'", f"$q${attack}$q$", "b[1]", "a::text"]
    if dialect == "oracle":
        made += [f"q'[{attack.replace(']', '')}]'", f"q'!{attack.replace('!', '')}!'", "sysdate"]
    return chance.choice(made)


def _changed(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text) + 1)
    cut = min(len(text), at + chance.choice((0, 0, 0, 1, 2, 5)))
    added = chance.choice(chance.choice((_QUOTES, _SIGNS, _WORDS, ATTACKS, ("",))))
    return f"{text[:at]}{chance.choice(('', ' '))}{added}{chance.choice(('', ' '))}{text[cut:]}"


_SPANS = {
    "postgres": r"""(?<![\w$])[eE]'(?:\\.|''|[^'\\])*'|'(?:''|[^'])*'|"(?:""|[^"])*"|(?<![\w$])(\$\w*\$).*?\1""",
    "tsql": r"""'(?:''|[^'])*'|"(?:""|[^"])*"|\[(?:\]\]|[^\]])*\]""",
    "oracle": r"""(?<![\w$#])[nN]?[qQ]'(?:\[.*?\]|\{.*?\}|<.*?>|\(.*?\)|(?P<q>[^\s\[{<(']).*?(?P=q))'"""
    r"""|'(?:''|[^'])*'|"[^"]*\"""",
    "": r"""'(?:''|[^'])*'|"(?:""|[^"])*\"""",
}
_ACTS = re.compile(
    r"(?<![\w$#])(select|union|insert|update|delete|merge|into|exec|execute|drop|alter|create|grant|commit|begin|waitfor|declare|"
    r"next|for\s+update|nextval|values|table|copy|call|returning|over)(?![\w$#])",
    re.IGNORECASE,
)
_HARMLESS_BEFORE_A_BRACKET = re.compile(
    r"(and|or|not|in|between|like|ilike|to|escape|is|case|when|then|else|from|both|leading|trailing|as|for|using|collate|"
    r"overlaps|symmetric|placing|distinct|similar|null|true|false|end|zone|time|with|at|isnull|notnull|asymmetric|unknown|"
    r"without|varying|local)",
    re.IGNORECASE,
)


def leak_of(text: str, dialect: str) -> str | None:
    """Why a text that was let through is more than a condition; None if it is not. It looks beside the quotes."""
    bare = re.sub(_SPANS[dialect], " quoted ", text, flags=re.DOTALL)
    bare = bare.replace("@>", " ").replace("<@", " ") if dialect == "postgres" else bare
    if found := re.search(r"['\"`;\\@{}\x00]|--|/\*|\*/|(?<!\w)[uU]& quoted", bare):
        return f"holds {found[0]!r}"
    depth = 0
    for sign in bare:
        depth += (sign == "(") - (sign == ")")
        if depth < 0:
            return "closes a bracket that it did not open"
    if depth:
        return "leaves a bracket open"
    if found := _ACTS.search(bare):
        return f"holds {found[0]!r}"
    allowed = GRAMMARS[dialect].functions | GRAMMARS[dialect].types
    for call in re.finditer(r"([^\W\d][\w.$#]*)\s*\(", bare):
        if (
            call[1].lower() not in allowed
            and not _HARMLESS_BEFORE_A_BRACKET.fullmatch(call[1])
            and not call[1].isdigit()
        ):
            return f"calls {call[1]}"
    return None
