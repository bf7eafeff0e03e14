"""What a filter may hold, for each database: its quotes, signs and types, and the functions that only compute a value.

A function is listed if it depends on its arguments, the session and the clock alone, changes nothing, waits for nothing
and reaches nothing outside of the row. Sources: PostgreSQL's manual, chapter 9; Transact-SQL reference, "Functions";
Oracle SQL Language Reference, "Functions". What builds texts of any length (repeat, replicate, space) is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


@dataclass(frozen=True)
class Grammar:
    """How one database reads a filter.

    Attributes:
        name: sqlglot's name of its SQL.
        operators: Longest first.
        functions: Names in lower case; those that an operator of the app adds come besides.
        types: Words that may have digits in brackets after them (`numeric(10, 2)`), or a text (`date '2024-01-31'`).
        prefixes: What may be right before a quote, as in N'x'.
        q_prefixes: The same of Oracle's q'[x]'.
        brackets: Whether [x] is a name.
        dollar_quotes: Whether $$x$$ is a text.
        hex_numbers: Whether 0x1F is a number.
        signs_in_words: Whether words may hold $ and #.
        quoted_doubles: Whether a quote within a quoted name is doubled.
        backslashes: Whether a backslash within quotes is a character like any other.
        quotes_of_unicode: Whether quotes of other alphabets within quotes are characters like any other; a database
            that converts the statement to its own character set may make an apostrophe of them.
        bare_calls: Whether a function may be called by its name alone, so that every name must be a column's.
    """

    name: str
    operators: tuple[str, ...]
    functions: frozenset[str]
    types: frozenset[str]
    prefixes: frozenset[str] = frozenset()
    q_prefixes: frozenset[str] = frozenset()
    brackets: bool = False
    dollar_quotes: bool = False
    hex_numbers: bool = False
    signs_in_words: bool = False
    quoted_doubles: bool = True
    backslashes: bool = True
    quotes_of_unicode: bool = True
    bare_calls: bool = False
    values: frozenset[str] = field(default_factory=frozenset)
    """Words that are values without being columns; they matter if `bare_calls` holds."""


_COMPARISONS = ("<>", "!=", "<=", ">=", "<", ">", "=")
_ARITHMETIC = ("+", "-", "*", "/", "%", "(", ")", ",", ".")

_COMMON = _words(
    "abs ceil ceiling floor round sign sqrt power exp mod greatest least coalesce nullif "
    "lower upper trim ltrim rtrim length substring substr replace concat cast extract"
)
_TEXTS = _words("ascii chr char left right reverse position translate initcap lpad rpad")
_ANSI_TYPES = _words(
    "date time timestamp interval char character varchar numeric decimal dec int integer smallint bigint float real "
    "double"
)

POSTGRES = Grammar(
    name="postgres",
    operators=(
        *("!~~*", "!~~", "!~*", "#>>", "->>", "~~*", "!~", "~~", "~*", "@>", "<@", "->", "#>", "?|", "?&", "&&", "||"),
        *("::", "<<", ">>", *_COMPARISONS, "~", "?", "&", "|", "#", "^", "[", "]", ":", *_ARITHMETIC),
    ),
    functions=_COMMON
    | _TEXTS
    | _words(
        "char_length character_length octet_length bit_length btrim strpos split_part starts_with overlay md5 "
        "concat_ws to_hex trunc div ln log log10 cbrt degrees radians pi width_bucket scale min_scale trim_scale "
        "num_nulls num_nonnulls isfinite "
        "now date_trunc date_part date_bin age make_date make_time make_timestamp make_timestamptz make_interval "
        "to_date to_timestamp to_char to_number clock_timestamp statement_timestamp transaction_timestamp timezone "
        "justify_days justify_hours justify_interval "
        "regexp_like regexp_replace regexp_substr regexp_count regexp_instr "
        "array_length array_position array_lower array_upper array_ndims cardinality string_to_array array_to_string "
        "jsonb_extract_path jsonb_extract_path_text json_extract_path json_extract_path_text jsonb_typeof json_typeof "
        "jsonb_array_length json_array_length jsonb_exists jsonb_path_exists jsonb_path_match "
        "lower_inf upper_inf isempty row encode decode get_bit get_byte sha224 sha256 sha384 sha512 hashtext "
        "family host masklen network any all some array"
    ),
    types=_ANSI_TYPES
    | _words(
        "text timestamptz timetz bool boolean bytea uuid json jsonb inet cidr bpchar name money bit int2 int4 int8"
    )
    | _words("float4 float8 precision varying"),
    prefixes=_words("n b x e"),
    dollar_quotes=True,
)

TSQL = Grammar(
    name="tsql",
    operators=(*_COMPARISONS, "&", "|", "^", "~", *_ARITHMETIC),
    functions=_COMMON
    | _TEXTS - _words("position initcap lpad rpad chr")
    | _words(
        "len datalength charindex patindex stuff string_escape concat_ws unicode nchar quotename str format soundex "
        "difference trunc log log10 square pi radians degrees sin cos tan asin acos atan cot "
        "getdate getutcdate sysdatetime sysutcdatetime sysdatetimeoffset dateadd datediff datediff_big datepart "
        "datename "
        "datetrunc date_bucket day month year eomonth isdate datefromparts datetimefromparts datetime2fromparts "
        "datetimeoffsetfromparts timefromparts smalldatetimefromparts switchoffset todatetimeoffset "
        "isnull iif choose isnumeric convert try_cast try_convert parse try_parse "
        "hashbytes checksum binary_checksum json_value json_query isjson json_path_exists contains freetext "
        "any all some"
    ),
    types=_ANSI_TYPES
    | _words("nvarchar nchar text ntext bit tinyint money smallmoney datetime datetime2 smalldatetime datetimeoffset")
    | _words("uniqueidentifier binary varbinary"),
    prefixes=_words("n"),
    brackets=True,
    hex_numbers=True,
    signs_in_words=True,
)

ORACLE = Grammar(
    name="oracle",
    operators=("||", "^=", *_COMPARISONS, *_ARITHMETIC[:4], *_ARITHMETIC[5:]),
    functions=_COMMON
    | _TEXTS - _words("left right position char")
    | _words(
        "nvl nvl2 decode lnnvl nanvl instr lengthb substrb instrb asciistr unistr nchr soundex to_char to_nchar "
        "to_date to_number to_timestamp to_timestamp_tz to_yminterval to_dsinterval numtodsinterval numtoyminterval "
        "to_binary_double to_binary_float to_single_byte to_multi_byte rawtohex hextoraw "
        "trunc last_day next_day add_months months_between new_time from_tz sys_extract_utc tz_offset "
        "ln log sin cos tan asin acos atan bitand remainder width_bucket ora_hash standard_hash vsize dump "
        "regexp_like regexp_replace regexp_substr regexp_instr regexp_count "
        "json_value json_exists json_query any all some"
    ),
    types=_ANSI_TYPES | _words("varchar2 nvarchar2 nchar number raw binary_float binary_double clob nclob rowid"),
    prefixes=_words("n"),
    q_prefixes=_words("q nq"),
    signs_in_words=True,
    quoted_doubles=False,
    quotes_of_unicode=False,
    bare_calls=True,
    values=_words(
        "sysdate systimestamp current_date current_timestamp localtimestamp dbtimezone sessiontimezone user uid rownum "
        "rowid null day month year hour minute second"
    ),
)

ANSI = Grammar(
    name="",
    operators=("||", *_COMPARISONS, *_ARITHMETIC),
    functions=_COMMON,
    types=_ANSI_TYPES,
    backslashes=False,
    quotes_of_unicode=False,
    bare_calls=True,
    values=_words("current_date current_timestamp current_time localtime localtimestamp null"),
)
"""For a database that the secret names and the workbook does not: what every SQL reads alike."""

GRAMMARS = {grammar.name: grammar for grammar in (POSTGRES, TSQL, ORACLE, ANSI)}

KEYWORDS = _words(
    "and or not in between like ilike similar to escape is null true false unknown distinct case when then else end "
    "collate at zone from both leading trailing as for using symmetric asymmetric isnull notnull overlaps placing "
    "with without varying local"
)
"""Words of a condition that are not names; a bracket after one of them is not a call."""

STATEMENT_WORDS = _words(
    "select insert update delete merge upsert into union except intersect minus exec execute drop alter "
    "create truncate grant revoke deny commit rollback savepoint begin declare set use go print raiserror throw "
    "waitfor backup restore dbcc kill shutdown reconfigure bulk copy call do lock listen notify unlisten vacuum "
    "analyze "
    "explain prepare deallocate fetch cursor open close order group having limit offset option window returning where "
    "join apply pivot unpivot lateral tablesample values table over within filter prior next connect_by_root connect "
    "start model match_recognize exists nextval currval"
)
"""Words that begin or continue a statement; a column of such a name is written in quotes."""

SUBQUERY_WORDS = _words("select where join exists order group having union over")
"""Those of them that QUERY_FILTER_SUBQUERIES admits."""
