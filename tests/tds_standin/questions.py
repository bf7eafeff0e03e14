"""What a session answers of itself, its server and its database."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import kinds as k
from .decoding import variant
from .engine import Engine
from .kinds import Kind
from .login import Login
from .schema import Database, Table, Transaction, View
from .tokens import SqlError

if TYPE_CHECKING:
    pass


VERSION = (16, 0, 4165)
VERSION_TEXT = (
    "Microsoft SQL Server 2022 (stand-in for tests) - 16.0.4165.4 (X64) \n\tNothing of Microsoft's is in it\n\tPython "
    "on SQLite"
)  # fmt: skip
OPTION_BITS = {
    "IMPLICIT_TRANSACTIONS": 2, "CURSOR_CLOSE_ON_COMMIT": 4, "ANSI_WARNINGS": 8, "ANSI_PADDING": 16, "ANSI_NULLS": 32,
    "ARITHABORT": 64,
    "QUOTED_IDENTIFIER": 256, "NOCOUNT": 512, "ANSI_NULL_DFLT_ON": 1024, "CONCAT_NULL_YIELDS_NULL": 4096,
    "NUMERIC_ROUNDABORT": 8192,
    "XACT_ABORT": 16384,
}  # fmt: skip


class Questions:
    """The part of the session that answers T-SQL's functions about it."""

    engine: Engine
    id: int
    login: Login
    user: str
    database: Database
    default_schema: str
    options: dict[str, str]
    lock_timeout: int
    row_count: int
    error: int
    identity: int | None
    caught: SqlError | None
    temporary: dict[str, Table]
    context: dict[str, Any]
    transaction: Transaction | None
    on: Callable[[str], bool]
    find: Callable[[tuple[str, ...]], Table | View | None]

    def ask(self, name: str, *arguments: Any) -> Any:
        """What T-SQL's functions about the session, the server and the catalogue answer."""
        handler = getattr(self, f"_ask_{name.lower().replace('@@', 'at_')}", None)
        if handler:
            return handler(*arguments)
        fixed = {
            "@@VERSION": VERSION_TEXT, "@@SPID": self.id,
            "@@TRANCOUNT": self.transaction.depth if self.transaction else 0,
            "@@ROWCOUNT": self.row_count, "@@ERROR": self.error, "@@SERVERNAME": "standin", "@@MAX_PRECISION": 38,
            "@@LANGUAGE": "us_english",
            "@@LANGID": 0, "@@LOCK_TIMEOUT": self.lock_timeout, "@@MICROSOFTVERSION": VERSION[0] << 24 | VERSION[2],
            "@@NESTLEVEL": 0,
            "@@DATEFIRST": 7, "@@FETCH_STATUS": -1, "@@SERVICENAME": "MSSQLSERVER", "@@TEXTSIZE": 2147483647,
            "@@CURSOR_ROWS": 0, "@@PROCID": 0,
            "@@CONNECTIONS": 1, "@@MAX_CONNECTIONS": 32767, "USER_NAME": "dbo", "CURRENT_USER": "dbo",
            "SESSION_USER": "dbo", "USER_ID": 1,
            "SUSER_SNAME": self.user, "SUSER_NAME": self.user, "ORIGINAL_LOGIN": self.user, "SYSTEM_USER": self.user,
            "HOST_NAME": self.login.host, "APP_NAME": self.login.application, "PROGRAM_NAME": self.login.application,
            "HAS_DBACCESS": 1,
            "IS_MEMBER": 1, "IS_SRVROLEMEMBER": 1, "IS_ROLEMEMBER": 1, "DATABASE_PRINCIPAL_ID": 1,
            "XACT_STATE": int(self.transaction is not None),
            "CURRENT_TRANSACTION_ID": self.transaction.number if self.transaction else 0,
        }  # fmt: skip
        return fixed.get(name)

    def _ask_at_options(self) -> int:
        return sum(bit for option, bit in OPTION_BITS.items() if self.on(option))

    def _ask_at_identity(self) -> Any:
        return None if self.identity is None else k.decimal_stored(self.identity, 0)

    _ask_scope_identity = _ask_at_identity

    def _ask_at_dbts(self) -> bytes:
        return self.engine.row_version.to_bytes(8, "big")

    def _ask_min_active_rowversion(self) -> bytes:
        return self.engine.min_active_row_version().to_bytes(8, "big")

    def _ask_ident_current(self, name: str) -> Any:
        table = self.named(name)
        value = table.identity_value if isinstance(table, Table) else None
        return None if value is None else k.decimal_stored(value, 0)

    def named(self, text: str) -> Table | View | None:
        """What a name in a text means."""
        from .parser import Parser

        parser = Parser(text)
        path = parser.path()
        if path[-1].startswith("#"):
            path = path[-1:]
        try:
            found: Table | View | None = self.find(path)
        except SqlError:
            return None
        return found

    def _by_id(self, number: int) -> Any:
        listed: list[Any] = [*self.database.tables.values(), *self.database.views.values(), *self.temporary.values()]
        return next((one for one in listed if one.object_id == number), None)

    def _ask_object_id(self, name: str | None, kind: str | None = None) -> int | None:
        if name is None:
            return None
        found = self.named(name)
        wanted = (kind or "").strip().upper()
        if (
            found is None
            or (wanted == "V") > isinstance(found, View)
            or (wanted in ("U", "IT")) > isinstance(found, Table)
        ):
            return None
        return found.object_id

    def _ask_object_name(self, number: int, database: int | None = None) -> str | None:
        found = self._by_id(number)
        return found.name if found else None

    def _ask_object_schema_name(self, number: int, database: int | None = None) -> str | None:
        found = self._by_id(number)
        return found.schema if found else None

    def _ask_object_definition(self, number: int) -> str | None:
        return getattr(self._by_id(number), "body", None)

    def _ask_schema_name(self, number: int | None = None) -> str | None:
        if number is None:
            return self.default_schema
        return next((name for name, one in self.database.schemas.items() if one == number), None)

    def _ask_schema_id(self, name: str = "dbo") -> int | None:
        return next(
            (number for one, number in self.database.schemas.items() if one.casefold() == name.casefold()), None
        )

    def _ask_db_name(self, number: int | None = None) -> str | None:
        if number is None:
            return self.database.name
        return next((one.name for one in self.engine.databases.values() if one.number == number), None)

    def _ask_db_id(self, name: str | None = None) -> int | None:
        if name is None:
            return self.database.number
        found = self.engine.databases.get(name.casefold())
        return found.number if found else None

    def _ask_has_perms_by_name(
        self, name: str | None, kind: str | None = None, right: str | None = None, *more: Any
    ) -> int | None:
        if name is None:
            return 1
        if (kind or "").upper() in ("OBJECT", ""):
            found = self.named(name)
            if not found:
                return None
            return int(f"{found.schema}.{found.name}".casefold() not in self.engine.denied)
        return 1

    def _ask_serverproperty(self, name: str) -> Any:
        own = {
            "PRODUCTVERSION": "16.0.4165.4", "PRODUCTLEVEL": "RTM", "EDITION": "Developer Edition (64-bit)",
            "ENGINEEDITION": 3,
            "SERVERNAME": "standin", "MACHINENAME": "standin", "INSTANCENAME": None, "COLLATION": k.DEFAULT_COLLATION,
            "ISCLUSTERED": 0,
            "ISHADRENABLED": 0, "ISINTEGRATEDSECURITYONLY": 0, "PRODUCTMAJORVERSION": "16", "PRODUCTMINORVERSION": "0",
            "PRODUCTBUILD": "4165",
            "EDITIONID": -2117995310, "ISXTPSUPPORTED": 1, "LCID": 1033,
        }  # fmt: skip
        return _as_variant({**own, **self.engine.properties}.get(name.upper()))

    def _ask_databasepropertyex(self, database: str, name: str) -> Any:
        found = self.engine.databases.get(database.casefold())
        if not found:
            return None
        values = {
            "COLLATION": found.collation, "STATUS": "ONLINE",
            "UPDATEABILITY": "READ_ONLY" if found.read_only else "READ_WRITE",
            "USERACCESS": "MULTI_USER", "RECOVERY": "FULL", "VERSION": 957, "EDITION": None,
            "ISPARAMETERIZATIONFORCED": 0,
        }  # fmt: skip
        return _as_variant(values.get(name.upper()))

    def _ask_sessionproperty(self, name: str) -> Any:
        return _as_variant(int(self.on(name.upper()))) if name.upper() in OPTION_BITS else None

    def _ask_connectionproperty(self, name: str) -> Any:
        values = {
            "NET_TRANSPORT": "TCP",
            "PROTOCOL_TYPE": "TSQL",
            "AUTH_SCHEME": "SQL",
            "CLIENT_NET_ADDRESS": "127.0.0.1",
        }
        return _as_variant(values.get(name.upper()))

    def _ask_session_context(self, name: str) -> Any:
        return self.context.get(name.casefold())

    def _ask_col_length(self, table: str, column: str) -> int | None:
        found = self.named(table)
        listed = found.columns if isinstance(found, Table) else []
        return next((one.kind.bytes_long for one in listed if one.name.casefold() == column.casefold()), None)

    def _ask_col_name(self, number: int, column: int) -> str | None:
        found = self._by_id(number)
        return found.columns[column - 1].name if isinstance(found, Table) and 0 < column <= len(found.columns) else None

    def _ask_columnproperty(self, number: int, column: str, name: str) -> int | None:
        found = self._by_id(number)
        listed = found.columns if isinstance(found, Table) else []
        one = next((one for one in listed if one.name.casefold() == column.casefold()), None)
        if not one:
            return None
        return {
            "ISIDENTITY": int(one.identity is not None), "ALLOWSNULL": int(one.nullable),
            "ISCOMPUTED": int(one.computed is not None),
            "COLUMNID": listed.index(one) + 1, "ISHIDDEN": 0, "PRECISION": one.kind.digits[0], "SCALE": one.kind.scale,
        }.get(name.upper())  # fmt: skip

    def _ask_objectproperty(self, number: int, name: str) -> int | None:
        found = self._by_id(number)
        if not found:
            return None
        is_table = isinstance(found, Table)
        return {
            "ISTABLE": int(is_table), "ISUSERTABLE": int(is_table), "ISVIEW": int(not is_table), "ISMSSHIPPED": 0,
            "TABLEHASPRIMARYKEY": int(is_table and found.key is not None),
            "TABLEHASIDENTITY": int(is_table and any(c.identity for c in found.columns)),
            "TABLEISMEMORYOPTIMIZED": int(found.memory_optimized) if is_table else None,
        }.get(name.upper())  # fmt: skip

    def _ask_type_name(self, number: int) -> str | None:
        from .catalog_columns import user_type

        return next((name for name in k.SYSTEM_TYPES if user_type(Kind(name)) == number), None)

    def _ask_type_id(self, name: str) -> int | None:
        return k.SYSTEM_TYPES.get(name.lower())

    def _ask_error_message(self) -> Any:
        return self.caught.text if self.caught else None

    def _ask_error_number(self) -> Any:
        return self.caught.number if self.caught else None

    def _ask_error_state(self) -> Any:
        return self.caught.state if self.caught else None

    def _ask_error_severity(self) -> Any:
        return self.caught.level if self.caught else None

    def _ask_error_line(self) -> Any:
        return self.caught.line if self.caught else None


def _as_variant(value: Any) -> bytes | None:
    if value is None:
        return None
    return variant(k.INT, value) if isinstance(value, int) else variant(Kind("nvarchar", 128), value)


def register_questions(engine: Engine) -> None:
    """Let SQLite ask the session that runs."""
    engine.sqlite.create_function("t_ask", -1, engine._guard(lambda name, *rest: engine.running.ask(name, *rest)))
