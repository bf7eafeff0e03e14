"""Which conditions are let through, how they are written anew, and what is said of the others."""

from __future__ import annotations

import pytest

from shared.jobs.filters import FilterError, parse_filter, render_filter

POSTGRESQL, ORACLE, MSSQL = "PostgreSQL", "Oracle", "MSSQL"

GOOD = [
    (POSTGRESQL, "status = 'O''Brien' and amount > 5", "status = 'O''Brien' AND amount > 5"),
    (POSTGRESQL, "is_active", "is_active"),
    (POSTGRESQL, "tags ? 'x'", "tags ? 'x'"),
    (POSTGRESQL, "data ->> 'k' = 'v'", "data ->> 'k' = 'v'"),
    (POSTGRESQL, "a = $$x; -- y$$", "a = 'x; -- y'"),
    (POSTGRESQL, "a = 1;", "a = 1"),
    (POSTGRESQL, "a IN (SELECT id FROM b)", "a IN (SELECT id FROM b)"),
    (POSTGRESQL, "EXISTS (SELECT * FROM b WHERE b.id = a.id)", "EXISTS(SELECT * FROM b WHERE b.id = a.id)"),
    (POSTGRESQL, "(SELECT COUNT(*) FROM b) > 1", "(SELECT COUNT(*) FROM b) > 1"),
    (POSTGRESQL, "a::date > current_date - interval '7 days'", "CAST(a AS DATE) > CURRENT_DATE - INTERVAL '7 DAYS'"),
    (POSTGRESQL, '"Order Date" IS NOT NULL', '"Order Date" IS NOT NULL'),
    (ORACLE, "UPDATED > SYSDATE - 7", "UPDATED > SYSDATE - 7"),
    (ORACLE, "D < TO_DATE('2024', 'YYYY')", "D < TO_DATE('2024', 'YYYY')"),
    (ORACLE, "a = q'[it's]'", "a = 'it''s'"),
    (ORACLE, "REGEXP_LIKE(a, 'x')", "REGEXP_LIKE(a, 'x')"),
    (MSSQL, "[Order Date] > DATEADD(day, -1, GETDATE())", "[Order Date] > DATEADD(DAY, -1, GETDATE())"),
    (MSSQL, "a = N'ü' AND ISNULL(b, 0) != 1", "a = N'ü' AND ISNULL(b, 0) <> 1"),
]

BAD = [
    ("", "is not one condition"),
    ("a = 1; drop table x", "is not one condition as after WHERE, in the SQL of postgres near 'drop'"),
    ("a = 1) or (1 = 1", "is not one condition"),
    ("a = 1 union select 2", "is not one condition"),
    ("a = 1 order by 1", "is not one condition"),
    ("a = 1 -- and b = 2", "holds a comment"),
    ("a = /* x */ 1", "holds a comment"),
    ("where a = 1", "starts with WHERE"),
    ("a = 'x", "a quote or bracket is not closed"),
    ("delete from x", "is not one condition"),
    ("copy x to program 'y'", "is not one condition"),
    ("1", "it is not true or false"),
    ("'a'", "it is not true or false"),
    ("a + 1", "it is not true or false"),
    ("*", "it is not true or false"),
    ("exists (with x as (delete from b returning *) select 1 from x)", "does more than read (DELETE)"),
    ("exists (select * into y from x)", "does more than read (INTO)"),
    ("exists (select 1 from x for update)", "does more than read (LOCK)"),
    ("a = :x", "holds ':x', which has no value here"),
    ("a = ?", "holds '?', which has no value here"),
    ("a = {{ x }}", "which has no value here"),
    ("pg_sleep(5) is null", "calls pg_sleep, which does more than compute a value"),
    ("nextval('s') > 0", "calls nextval"),
    ("a = \u2018x\u2019", "holds typographic quotes"),
    ("(" * 1900 + "a = 1" + ")" * 1900, "is nested too deeply"),
]

BAD_ELSEWHERE = [
    (ORACLE, "a = &x", "is not one condition"),
    (ORACLE, "sys.dbms_lock.sleep(5) = 1", "calls sys.dbms_lock.sleep"),
    (ORACLE, "utl_http.request('x') = 'a'", "calls utl_http.request"),
    (MSSQL, "a = @x", "holds '@x'"),
    (MSSQL, "exec xp_cmdshell 'x'", "is not one condition"),
    (MSSQL, "exists (select 1 from openrowset(x))", "calls openrowset"),
    (MSSQL, "a = 1 option (recompile)", "is not one condition"),
]


@pytest.mark.parametrize(("source_type", "text", "rendered"), GOOD)
def test_a_condition_is_written_anew_and_stays_itself(source_type: str, text: str, rendered: str) -> None:
    assert render_filter(text, source_type) == rendered
    assert render_filter(rendered, source_type) == rendered


@pytest.mark.parametrize(("source_type", "text", "message"), [(POSTGRESQL, *case) for case in BAD] + BAD_ELSEWHERE)
def test_everything_but_one_reading_condition_is_refused(source_type: str, text: str, message: str) -> None:
    with pytest.raises(FilterError) as refused:
        render_filter(text, source_type)
    assert message in str(refused.value)


def test_the_syntax_tree_may_be_changed_without_changing_the_next_one() -> None:
    parse_filter("a = 1", POSTGRESQL).set("this", None)
    assert parse_filter("a = 1", POSTGRESQL).sql() == "a = 1"
