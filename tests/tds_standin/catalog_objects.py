"""The rows of the catalogue's views of objects and columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from . import kinds as k
from .catalog_columns import COLUMNS, Row, k_precision, user_type
from .engine import Engine
from .functions import now_ticks
from .kinds import Kind
from .schema import Column, Database, Table

if TYPE_CHECKING:
    from .session import Session


class Objects:
    """The rows of a database's objects and columns."""

    def __init__(self, session: Session, database: Database) -> None:
        self.session, self.database = session, database
        self.engine: Engine = session.engine

    def nothing(self) -> Iterator[Row]:
        return iter(())

    @property
    def tables(self) -> list[Table]:
        return list(self.database.tables.values())

    def schema_id(self, name: str) -> int:
        return next(
            (number for schema, number in self.database.schemas.items() if schema.casefold() == name.casefold()), 1
        )

    def _object(self, name: str, number: int, schema: str, kind: str, parent: int = 0, created: int = 0) -> Row:
        descriptions = {
            "U": "USER_TABLE", "V": "VIEW", "PK": "PRIMARY_KEY_CONSTRAINT", "UQ": "UNIQUE_CONSTRAINT", "SN": "SYNONYM",
            "F": "FOREIGN_KEY_CONSTRAINT", "D": "DEFAULT_CONSTRAINT", "C": "CHECK_CONSTRAINT", "SO": "SEQUENCE_OBJECT",
        }  # fmt: skip
        moment = created or now_ticks()
        return {
            "name": name, "object_id": number, "schema_id": self.schema_id(schema), "parent_object_id": parent,
            "type": kind.ljust(2), "type_desc": descriptions[kind], "create_date": moment, "modify_date": moment,
            "is_ms_shipped": 0, "is_published": 0, "is_schema_published": 0, "id": number, "xtype": kind.ljust(2),
        }  # fmt: skip

    def sys_tables(self) -> Iterator[Row]:
        for table in self.tables:
            more = dict.fromkeys(
                (
                    "temporal_type",
                    "is_external",
                    "is_filetable",
                    "is_node",
                    "is_edge",
                    "ledger_type",
                    "is_tracked_by_cdc",
                ),
                0,
            )
            yield (
                self._object(table.name, table.object_id, table.schema, "U", created=table.created)
                | more
                | {"temporal_type_desc": "NON_TEMPORAL_TABLE", "is_memory_optimized": table.memory_optimized}
            )

    def sys_views(self) -> Iterator[Row]:
        for view in self.database.views.values():
            yield self._object(view.name, view.object_id, view.schema, "V")

    def sys_system_views(self) -> Iterator[Row]:
        for name in COLUMNS:
            schema, _, view = name.partition(".")
            yield {**self._object(view, -abs(hash(name)) % 100_000_000, schema, "V"), "is_ms_shipped": 1}

    def sys_synonyms(self) -> Iterator[Row]:
        for schema, name, target, number in self.database.synonyms.values():
            shown = ".".join(f"[{part}]" for part in target)
            yield self._object(name, number, schema, "SN") | {"base_object_name": shown}

    def sys_sequences(self) -> Iterator[Row]:
        for schema, name, value, number in self.database.sequences.values():
            yield self._object(name, number, schema, "SO") | {"start_value": 1, "increment": 1, "current_value": value}

    def sys_sql_modules(self) -> Iterator[Row]:
        for view in self.database.views.values():
            yield {
                "object_id": view.object_id,
                "definition": f"CREATE VIEW [{view.schema}].[{view.name}] AS {view.body}",
            }

    def sys_schemas(self) -> Iterator[Row]:
        for name, number in self.database.schemas.items():
            yield {"name": name, "schema_id": number, "principal_id": min(number, 4)}

    def sys_database_principals(self) -> Iterator[Row]:
        for number, name in enumerate(("dbo", "guest", "INFORMATION_SCHEMA", "sys"), 1):
            yield {
                "name": name,
                "principal_id": number,
                "type": "S ",
                "type_desc": "SQL_USER",
                "default_schema_name": "dbo",
            }

    def _column(self, table: int, column: Column, number: int) -> Row:
        kind = column.kind
        precision, scale = k_precision(kind)
        return {
            "object_id": table, "name": column.name, "column_id": number, "system_type_id": k.SYSTEM_TYPES[kind.name],
            "user_type_id": user_type(kind), "max_length": kind.bytes_long, "precision": precision, "scale": scale,
            "collation_name": self._collation(kind),
            "is_nullable": column.nullable, "is_identity": column.identity is not None,
            "is_computed": column.computed is not None,
            "default_object_id": column.default_id, "rule_object_id": 0, "is_ansi_padded": 1, "is_rowguidcol": 0,
            "is_filestream": 0,
            "is_sparse": 0, "is_hidden": 0, "is_masked": 0, "generated_always_type": 0,
        }  # fmt: skip

    def _collation(self, kind: Kind) -> str | None:
        text = kind.family == "char" and kind.name != "xml"
        return (kind.collation or self.database.collation) if text else None

    def sys_columns(self) -> Iterator[Row]:
        for table in self.tables:
            for number, column in enumerate(table.columns, 1):
                yield self._column(table.object_id, column, number)
        for view in self.database.views.values():
            for number, column in enumerate(self.session.view_columns(self.database, view), 1):
                yield self._column(view.object_id, column, number)

    def sys_computed_columns(self) -> Iterator[Row]:
        for table in self.tables:
            for number, column in enumerate(table.columns, 1):
                if column.computed:
                    yield self._column(table.object_id, column, number) | {
                        "definition": f"({column.computed_text})",
                        "is_persisted": column.persisted,
                    }

    def sys_identity_columns(self) -> Iterator[Row]:
        for table in self.tables:
            for number, column in enumerate(table.columns, 1):
                if column.identity:
                    seed, increment = column.identity
                    yield self._column(table.object_id, column, number) | {
                        "seed_value": seed,
                        "increment_value": increment,
                        "last_value": table.identity_value,
                    }

    def sys_types(self) -> Iterator[Row]:
        for name, number in k.SYSTEM_TYPES.items():
            kind = k.parse_kind(name, 8000) or Kind(name)
            precision, scale = k_precision(
                k.parse_kind("decimal(38,38)") or kind if name in ("decimal", "numeric") else kind
            )
            yield {
                "name": name, "system_type_id": number, "user_type_id": user_type(Kind(name)), "schema_id": 4,
                "max_length": 256 if name == "sysname" else kind.bytes_long, "precision": precision, "scale": scale,
                "collation_name": self.database.collation if kind.family == "char" and name != "xml" else None,
                "is_nullable": name not in ("sysname", "timestamp"),
                "is_user_defined": 0, "is_assembly_type": name in ("hierarchyid", "geometry", "geography"),
                "default_object_id": 0, "rule_object_id": 0, "is_table_type": 0,
            }  # fmt: skip

    def sys_default_constraints(self) -> Iterator[Row]:
        for table in self.tables:
            for number, column in enumerate(table.columns, 1):
                if column.default:
                    yield self._object(column.default_name, column.default_id, table.schema, "D", table.object_id) | {
                        "parent_column_id": number, "definition": f"({column.default_text})", "is_system_named": 0,
                    }  # fmt: skip
