"""SQLAlchemy's compiler for Oracle, with what its own leaves out."""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects.oracle.cx_oracle import OracleCompiler_cx_oracle


class HintsFollowTables(OracleCompiler_cx_oracle):
    """Writes a hint behind its table, where AS OF and SAMPLE belong, and not as a comment.

    It derives from the compiler of the driver's own dialect, whose execution reads what that compiler leaves on it.
    """

    def get_from_hint_text(self, table: Any, text: str | None) -> str | None:  # noqa: ARG002
        return text

    def visit_true(self, expr: Any, **kw: Any) -> str:
        """A condition that always holds; release 23 has booleans, and SQLAlchemy then writes a number for one."""
        return "1 = 1" if self.dialect.supports_native_boolean else str(super().visit_true(expr, **kw))  # type: ignore[no-untyped-call]

    def visit_false(self, expr: Any, **kw: Any) -> str:
        """A condition that never holds."""
        return "0 = 1" if self.dialect.supports_native_boolean else str(super().visit_false(expr, **kw))  # type: ignore[no-untyped-call]

    def get_select_hint_text(self, byfroms: Any) -> str | None:  # noqa: ARG002
        return None
