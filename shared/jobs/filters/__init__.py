"""`query_filter`: one condition over the job's table, proved to be that, and then sent as the user wrote it.

Nothing here writes SQL. The proof has four parts, and a filter that lacks one of them is refused: the tokens (`lexer`)
hide nothing and are where another tokenizer finds them, too; every function that is called is on the list of its
database (`grammars`); the syntax tree (`tree`) consists of allowed nodes; and within a whole statement the text is
parsed to the same tree. docs/query_filter.md lists what is allowed.
"""

from __future__ import annotations

from shared.jobs.filters.check import FilterRules, checked_filter
from shared.jobs.filters.lexer import FilterError

__all__ = ["FilterError", "FilterRules", "checked_filter"]
