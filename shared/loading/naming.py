"""dlt's naming convention of this app: every table and column keeps the name that it is given.

Columns have the source's names, whatever characters they hold: Parquet and Delta can carry each. dlt's own `direct`
puts `_` in the place of quotes and line breaks and cuts spaces off, so that two columns could become one.
"""

from __future__ import annotations

from collections.abc import Sequence

from dlt.common.normalizers.naming.naming import NamingConvention as BaseNamingConvention


class NamingConvention(BaseNamingConvention):
    """Names as they are; dlt makes no nested table of an Arrow table, so that no path has parts."""

    PATH_SEPARATOR = "\x1f"

    @property
    def is_case_sensitive(self) -> bool:
        """Whether names that differ in case only are two names."""
        return True

    def normalize_identifier(self, identifier: str) -> str:
        """The name itself."""
        return identifier

    def break_path(self, path: str) -> Sequence[str]:
        """The name as the only part of its path."""
        return [path]
