"""One row for each source type: what the workbook, the filters, the secrets and the readers ask of it.

A new source type is a reader that fulfils `shared.sources.source.Source`, and one row here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shared.errors.hierarchy import ConfigurationError


@dataclass(frozen=True)
class SourceType:
    """What the app knows of one kind of source system.

    Args:
        name: its name in the column `source_type`; the secret `source-{name}` holds for every source of the type that
            has none of its own.
        reader: `module:class` of its `Source`. It is a text because only the child process of an attempt imports it.
        is_database: whether it has tables in schemas, which can be filtered, counted and shared by several readers.
            Anything else is an API with endpoints.
        filter_dialect: sqlglot's name of its SQL, in which `query_filter` is checked and written; databases only.
        url_schemes: how the URL of a secret, or its field `dialect`, names the database of that reader. A database by
            any other name is read through SQLAlchemy.
        secret_fields: fields that only secrets of its sources have.
        port: on which its servers usually listen.
        folds_case: whether a table_name without double quotes means the same in any case. It is kept in small letters
            then, so that the table has one folder in the lake, however the workbook spells it.
        managed_identity: whether it accepts a token of the app's identity in the place of a password.

    Raises:
        ValueError: something is missing; the text names the row and the field.
    """

    name: str
    reader: str
    is_database: bool
    filter_dialect: str | None = None
    url_schemes: tuple[str, ...] = ()
    secret_fields: tuple[str, ...] = ()
    port: int | None = None
    folds_case: bool = False
    managed_identity: bool = False

    def __post_init__(self) -> None:
        if not all(self.reader.partition(":")):
            raise ValueError(f"source type {self.name}: reader '{self.reader}' is not module:class")
        for name in ("filter_dialect", "url_schemes"):
            if self.is_database != bool(getattr(self, name)):
                needed = "is missing" if self.is_database else "is for databases only"
                raise ValueError(f"source type {self.name}: {name} {needed}")

    def folded(self, table_name: str) -> str:
        """A table_name as the job has it."""
        return table_name.lower() if self.folds_case and '"' not in table_name else table_name


POSTGRESQL = SourceType(
    name="PostgreSQL",
    reader="shared.sources.postgresql.source:PostgresSource",
    is_database=True,
    filter_dialect="postgres",
    url_schemes=("postgresql", "postgres"),
    secret_fields=("sslmode",),
    port=5432,
    managed_identity=True,
)
ORACLE = SourceType(
    name="Oracle",
    reader="shared.sources.oracle.source:OracleSource",
    is_database=True,
    filter_dialect="oracle",
    url_schemes=("oracle",),
    secret_fields=("service_name", "sid", "tns_alias"),
    port=1521,
    folds_case=True,
)
MSSQL = SourceType(
    name="MSSQL",
    reader="shared.sources.sqlserver.source:SqlServerSource",
    is_database=True,
    filter_dialect="tsql",
    url_schemes=("mssql", "sqlserver"),
    secret_fields=("driver", "encrypt", "trust_server_certificate", "application_intent"),
    port=1433,
    managed_identity=True,
)
API = SourceType(
    name="API",
    reader="shared.sources.rest.source:RestSource",
    is_database=False,
    secret_fields=("base_url",),
    managed_identity=True,
)

SOURCE_TYPES: dict[str, SourceType] = {one.name: one for one in (POSTGRESQL, ORACLE, MSSQL, API)}
"""By name, in the order in which the workbook lists them."""


def source_type(name: str) -> SourceType:
    """The row of a source type.

    Raises:
        ConfigurationError: there is none of that name; the text lists those that there are.
    """
    if name not in SOURCE_TYPES:
        raise ConfigurationError(f"source_type '{name}' cannot be read; readable are {', '.join(SOURCE_TYPES)}.")
    return SOURCE_TYPES[name]


def shown_by(secret: Mapping[str, object]) -> str | None:
    """The source type that the fields of a connection show, by its name; None if they may be those of several."""
    scheme = str(secret.get("url", "")).partition("://")[0] or str(secret.get("dialect", ""))
    scheme = scheme.partition("+")[0].lower()
    tests: tuple[Callable[[SourceType], bool], ...] = (
        lambda one: scheme in (one.url_schemes if one.is_database else ("http", "https")),
        lambda one: any(name in secret for name in one.secret_fields),
        lambda one: one.port is not None and str(secret.get("port")) == str(one.port),
    )
    return next((one.name for test in tests for one in SOURCE_TYPES.values() if test(one)), None)


def is_database(name: str | None) -> bool:
    """Whether the source type of that name is a database; an unknown one is not."""
    return name in SOURCE_TYPES and SOURCE_TYPES[name].is_database
