"""The catalogue's views: what their columns are and what they hold."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from . import kinds as k
from .engine import FOREVER, Column, Database, Engine, Index, Table
from .functions import now_ticks
from .kinds import Kind

if TYPE_CHECKING:
    from .session import Session

Row = dict[str, Any]
AZURE = 5
"""The ENGINEEDITION of Azure SQL Database."""
_numbers = itertools.count(1)
_TYPES = {
    "i": k.INT, "b": k.BIT, "t": Kind("tinyint"), "s": Kind("smallint"), "l": k.BIGINT, "c": Kind("char", 2),
    "d": k.DATETIME,
    "v": Kind("sql_variant"), "x": Kind("nvarchar", k.MAX), "g": Kind("uniqueidentifier"), "y": Kind("varbinary", 85),
    "f": Kind("varchar", 3),
}  # fmt: skip
_OBJECT = (
    "name object_id:i principal_id:i schema_id:i parent_object_id:i type:c type_desc create_date:d "
    "modify_date:d is_ms_shipped:b is_published:b is_schema_published:b"
)
_COLUMN = (
    "object_id:i name column_id:i system_type_id:t user_type_id:i max_length:s precision:t scale:t "
    "collation_name is_nullable:b is_ansi_padded:b is_rowguidcol:b is_identity:b is_computed:b "
    "is_filestream:b is_sparse:b is_hidden:b is_masked:b generated_always_type:t default_object_id:i "
    "rule_object_id:i encryption_type:i graph_type:i"
)
_VIEWS = {
    "sys.objects": _OBJECT, "sys.all_objects": _OBJECT, "sys.sysobjects": "name id:i xtype:c uid:s type:c",
    "sys.tables": _OBJECT + " lob_data_space_id:i temporal_type:t temporal_type_desc is_memory_optimized:b "
    "is_external:b is_filetable:b history_table_id:i durability:t lock_escalation:t is_node:b is_edge:b "
    "ledger_type:t is_tracked_by_cdc:b",
    "sys.views": _OBJECT + " has_opaque_metadata:b is_date_correlation_view:b with_check_option:b",
    "sys.system_views": _OBJECT,
    "sys.synonyms": _OBJECT + " base_object_name",
    "sys.sequences": _OBJECT + " start_value:v increment:v current_value:v",
    "sys.schemas": "name schema_id:i principal_id:i", "sys.columns": _COLUMN, "sys.all_columns": _COLUMN,
    "sys.types": "name system_type_id:t user_type_id:i schema_id:i principal_id:i max_length:s precision:t scale:t "
    "collation_name is_nullable:b is_user_defined:b is_assembly_type:b default_object_id:i rule_object_id:i "
    "is_table_type:b",
    "sys.indexes": "object_id:i name index_id:i type:t type_desc is_unique:b data_space_id:i is_primary_key:b "
    "is_unique_constraint:b fill_factor:t is_disabled:b is_hypothetical:b has_filter:b filter_definition:x",
    "sys.index_columns": "object_id:i index_id:i index_column_id:i column_id:i key_ordinal:t partition_ordinal:t "
    "is_descending_key:b is_included_column:b",
    "sys.key_constraints": _OBJECT + " unique_index_id:i is_system_named:b",
    "sys.check_constraints": _OBJECT + " definition:x",
    "sys.default_constraints": _OBJECT + " parent_column_id:i definition:x is_system_named:b",
    "sys.foreign_keys": _OBJECT + " referenced_object_id:i key_index_id:i delete_referential_action:t "
    "delete_referential_action_desc update_referential_action:t update_referential_action_desc",
    "sys.foreign_key_columns": "constraint_object_id:i constraint_column_id:i parent_object_id:i parent_column_id:i "
    "referenced_object_id:i referenced_column_id:i",
    "sys.computed_columns": _COLUMN + " definition:x uses_database_collation:b is_persisted:b",
    "sys.identity_columns": _COLUMN + " seed_value:v increment_value:v last_value:v is_not_for_replication:b",
    "sys.extended_properties": "class:t class_desc major_id:i minor_id:i name value:v",
    "sys.sql_modules": "object_id:i definition:x",
    "sys.partitions": "partition_id:l object_id:i index_id:i partition_number:i hobt_id:l rows:l data_compression:t",
    "sys.dm_db_partition_stats": "partition_id:l object_id:i index_id:i partition_number:i used_page_count:l "
    "row_count:l",
    "sys.allocation_units": "allocation_unit_id:l type:t type_desc container_id:l data_space_id:i total_pages:l "
    "used_pages:l data_pages:l",
    "sys.databases": "name database_id:i source_database_id:i owner_sid:y create_date:d compatibility_level:t "
    "collation_name state:t state_desc is_read_only:b snapshot_isolation_state:t snapshot_isolation_state_desc "
    "is_read_committed_snapshot_on:b recovery_model:t recovery_model_desc is_broker_enabled:b user_access:t "
    "user_access_desc",
    "sys.dm_exec_sessions": "session_id:s login_time:d host_name program_name host_process_id:i login_name "
    "original_login_name nt_user_name status database_id:s transaction_isolation_level:s open_transaction_count:i "
    "lock_timeout:i language date_format row_count:l is_user_process:b client_interface_name",
    "sys.dm_exec_connections": "session_id:i net_transport encrypt_option auth_scheme net_packet_size:i "
    "client_net_address client_tcp_port:i",
    "sys.database_principals": "name principal_id:i type:c type_desc default_schema_name sid:y",
    "sys.configurations": "configuration_id:i name value:v value_in_use:v",
    "sys.change_tracking_tables": "object_id:i is_track_columns_updated_on:b min_valid_version:l",
    "sys.change_tracking_databases": "database_id:i",
    "sys.fn_listextendedproperty": "objtype objname name value:v", "sys.periods": "object_id:i",
    "sys.triggers": _OBJECT + " parent_id:i",
    "information_schema.schemata": "CATALOG_NAME SCHEMA_NAME SCHEMA_OWNER",
    "information_schema.sequences": "SEQUENCE_CATALOG SEQUENCE_SCHEMA SEQUENCE_NAME DATA_TYPE",
    "information_schema.tables": "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME TABLE_TYPE",
    "information_schema.views": "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME VIEW_DEFINITION:x CHECK_OPTION IS_UPDATABLE",
    "information_schema.columns": "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME COLUMN_NAME ORDINAL_POSITION:i "
    "COLUMN_DEFAULT:x IS_NULLABLE:f DATA_TYPE CHARACTER_MAXIMUM_LENGTH:i CHARACTER_OCTET_LENGTH:i "
    "NUMERIC_PRECISION:t NUMERIC_PRECISION_RADIX:s NUMERIC_SCALE:i DATETIME_PRECISION:s CHARACTER_SET_NAME "
    "COLLATION_NAME",
    "information_schema.table_constraints": "CONSTRAINT_CATALOG CONSTRAINT_SCHEMA CONSTRAINT_NAME TABLE_CATALOG "
    "TABLE_SCHEMA TABLE_NAME CONSTRAINT_TYPE IS_DEFERRABLE INITIALLY_DEFERRED",
    "information_schema.key_column_usage": "CONSTRAINT_CATALOG CONSTRAINT_SCHEMA CONSTRAINT_NAME TABLE_CATALOG "
    "TABLE_SCHEMA TABLE_NAME COLUMN_NAME ORDINAL_POSITION:i",
    "information_schema.constraint_column_usage": "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME COLUMN_NAME "
    "CONSTRAINT_CATALOG CONSTRAINT_SCHEMA CONSTRAINT_NAME",
    "information_schema.referential_constraints": "CONSTRAINT_CATALOG CONSTRAINT_SCHEMA CONSTRAINT_NAME "
    "UNIQUE_CONSTRAINT_CATALOG UNIQUE_CONSTRAINT_SCHEMA UNIQUE_CONSTRAINT_NAME MATCH_OPTION UPDATE_RULE DELETE_RULE",
}  # fmt: skip
COLUMNS = {
    name: [(part.partition(":")[0], _TYPES.get(part.partition(":")[2], k.SYSNAME)) for part in text.split()] for name,
    text in _VIEWS.items()
}  # fmt: skip
_RETIRED = 32  # rows of views as they were, which statements may still read
_VOLATILE = {
    "sys.partitions",
    "sys.dm_db_partition_stats",
    "sys.allocation_units",
    "sys.dm_exec_sessions",
    "sys.dm_exec_connections",
    "sys.databases",
    "sys.identity_columns",
}
ISOLATION_NUMBERS = {"READ UNCOMMITTED": 1, "READ COMMITTED": 2, "REPEATABLE READ": 3, "SERIALIZABLE": 4, "SNAPSHOT": 5}


def system_view(
    session: Session, database: Database, schema: str, name: str
) -> tuple[str, list[tuple[str, Kind]]] | None:
    """The SQLite table that holds a view's rows as they are now, and its columns. None: there is no such view."""
    full = f"{schema}.{name}".casefold()
    if full not in COLUMNS:
        return None
    engine, columns = session.engine, COLUMNS[full]
    key = f"{database.name}.{full}"
    with engine.lock:
        kept = engine.catalog
        version, stored = kept.get(key, (-1, ""))
        if version == database.version and full not in _VOLATILE:
            return stored, columns
        if stored:  # the statement itself may have read the view already
            engine.retired_views.append(stored)
        while len(engine.retired_views) > _RETIRED:
            with contextlib.suppress(Exception):
                engine.execute(f"DROP TABLE {engine.retired_views.pop(0)}")
        stored = f"s{next(_numbers)}"
        listed = ", ".join(
            f"c{index}" + " COLLATE no_case" * (kind.family == "char") for index, (_, kind) in enumerate(columns)
        )
        engine.execute(f"CREATE TABLE {stored} ({listed})")
        marks = ", ".join("?" * len(columns))
        rows = [
            tuple(_stored(row.get(name.lower()), kind) for name, kind in columns)
            for row in _rows(full)(Source(session, database))
        ]
        engine.sqlite.executemany(f"INSERT INTO {stored} VALUES ({marks})", rows)
        kept[key] = (database.version, stored)
    return stored, columns


def _stored(value: Any, kind: Kind) -> Any:
    if value is None or kind.name != "sql_variant" or isinstance(value, bytes):
        return int(value) if isinstance(value, bool) else value
    return k.variant(k.BIGINT, value) if isinstance(value, int) else k.variant(Kind("nvarchar", 4000), value)


def _rows(name: str) -> Callable[[Source], Iterator[Row]]:
    wanted = name.replace("sys.all_", "sys.").replace(".", "_")
    return getattr(Source, wanted, Source.nothing)


class Source:
    """The rows of each view of one database."""

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

    # --- objects ---

    def sys_objects(self) -> Iterator[Row]:
        yield from self.sys_tables()
        yield from self.sys_views()
        yield from self.sys_key_constraints()
        yield from self.sys_default_constraints()
        yield from self.sys_foreign_keys()
        yield from self.sys_synonyms()
        yield from self.sys_sequences()

    sys_sysobjects = sys_objects

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

    # --- columns ---

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

    # --- keys and indexes ---

    def _indexes(self) -> Iterator[tuple[Table, int, Index]]:
        for table in self.tables:
            number = 2
            for index in table.indexes:
                yield table, 1 if index.clustered else number, index
                number += not index.clustered

    def sys_indexes(self) -> Iterator[Row]:
        common = {"data_space_id": 1, "fill_factor": 0, "is_disabled": 0, "is_hypothetical": 0}
        for table in self.tables:
            if not any(index.clustered for index in table.indexes):
                yield common | {
                    "object_id": table.object_id,
                    "index_id": 0,
                    "type": 0,
                    "type_desc": "HEAP",
                    "is_unique": 0,
                    "is_primary_key": 0,
                    "is_unique_constraint": 0,
                    "has_filter": 0,
                }
        for table, number, index in self._indexes():
            yield common | {
                "object_id": table.object_id, "name": index.name, "index_id": number,
                "type": 1 if index.clustered else 2,
                "type_desc": "CLUSTERED" if index.clustered else "NONCLUSTERED", "is_unique": index.unique,
                "is_primary_key": index.primary,
                "is_unique_constraint": index.constraint and not index.primary, "has_filter": bool(index.condition),
                "filter_definition": f"({index.condition})" if index.condition else None,
            }  # fmt: skip

    def sys_index_columns(self) -> Iterator[Row]:
        for table, number, index in self._indexes():
            names = [(name, down, False) for name, down in index.columns] + [
                (name, False, True) for name in index.included
            ]
            for place, (name, down, included) in enumerate(names, 1):
                yield {
                    "object_id": table.object_id, "index_id": number, "index_column_id": place,
                    "column_id": table.place(name) + 1,
                    "key_ordinal": 0 if included else place, "partition_ordinal": 0, "is_descending_key": down,
                    "is_included_column": included,
                }  # fmt: skip

    def sys_key_constraints(self) -> Iterator[Row]:
        for table, number, index in self._indexes():
            if index.constraint:
                kind = "PK" if index.primary else "UQ"
                yield self._object(index.name, index.object_id, table.schema, kind, table.object_id) | {
                    "unique_index_id": number,
                    "is_system_named": 0,
                }

    def sys_foreign_keys(self) -> Iterator[Row]:
        for table in self.tables:
            for key in table.foreign:
                target = self.database.tables.get((key.target[0].casefold(), key.target[1].casefold()))
                yield self._object(key.name, key.object_id, table.schema, "F", table.object_id) | {
                    "referenced_object_id": target.object_id if target else None, "key_index_id": 1,
                    "delete_referential_action_desc": key.rules["DELETE"].replace(" ", "_"),
                    "update_referential_action_desc": key.rules["UPDATE"].replace(" ", "_"),
                }  # fmt: skip

    def sys_partitions(self) -> Iterator[Row]:
        for table in self.tables:
            (count,) = self.engine.execute(
                f"SELECT count(*) FROM {table.stored} WHERE f >= 0 AND u = {FOREVER}"
            ).fetchone()
            numbers = [number for one, number, _ in self._indexes() if one is table]
            for number in numbers if 1 in numbers else [0, *numbers]:
                yield {
                    "partition_id": table.object_id * 100 + number, "object_id": table.object_id, "index_id": number,
                    "partition_number": 1,
                    "hobt_id": table.object_id * 100 + number, "rows": count, "row_count": count,
                    "data_compression": 0, "used_page_count": count // 50 + 1,
                }  # fmt: skip

    sys_dm_db_partition_stats = sys_partitions

    def sys_allocation_units(self) -> Iterator[Row]:
        for one in self.sys_partitions():
            yield {
                "allocation_unit_id": one["hobt_id"] + 1, "type": 1, "type_desc": "IN_ROW_DATA",
                "container_id": one["hobt_id"], "data_space_id": 1, "total_pages": one["used_page_count"] + 1,
                "used_pages": one["used_page_count"], "data_pages": one["used_page_count"],
            }  # fmt: skip

    def sys_extended_properties(self) -> Iterator[Row]:
        common = {"class": 1, "class_desc": "OBJECT_OR_COLUMN", "name": "MS_Description"}
        for table in self.tables:
            if table.comment is not None:
                yield common | {"major_id": table.object_id, "minor_id": 0, "value": table.comment}
            for number, column in enumerate(table.columns, 1):
                if column.comment is not None:
                    yield common | {"major_id": table.object_id, "minor_id": number, "value": column.comment}
        for view in self.database.views.values():
            if view.comment is not None:
                yield common | {"major_id": view.object_id, "minor_id": 0, "value": view.comment}

    # --- the server ---

    def sys_databases(self) -> Iterator[Row]:
        others = 100 if self.engine.properties.get("ENGINEEDITION") == AZURE else 0  # the numbers of its logical server
        for one in self.engine.databases.values():
            yield {
                "name": one.name, "database_id": one.number + others, "create_date": k.EPOCH_1900,
                "compatibility_level": 160,
                "collation_name": one.collation,
                "state": 0, "state_desc": "ONLINE", "is_read_only": one.read_only,
                "snapshot_isolation_state": one.snapshots,
                "snapshot_isolation_state_desc": "ON" if one.snapshots else "OFF",
                "is_read_committed_snapshot_on": one.read_committed_snapshot,
                "recovery_model": 1, "recovery_model_desc": "FULL", "is_broker_enabled": 0, "user_access": 0,
                "user_access_desc": "MULTI_USER",
            }  # fmt: skip

    def sys_dm_exec_sessions(self) -> Iterator[Row]:
        for one in list(self.engine.sessions.values()):
            yield {
                "session_id": one.id, "login_time": one.started, "host_name": one.login.host,
                "program_name": one.login.application,
                "login_name": one.user, "original_login_name": one.user,
                "status": "running" if one is self.session else "sleeping",
                "database_id": one.database.number, "transaction_isolation_level": ISOLATION_NUMBERS[one.isolation],
                "open_transaction_count": one.transaction.depth if one.transaction else 0,
                "lock_timeout": one.lock_timeout,
                "language": "us_english", "date_format": "mdy", "row_count": one.row_count, "is_user_process": 1,
                "client_interface_name": one.login.library,
            }  # fmt: skip

    def sys_dm_exec_connections(self) -> Iterator[Row]:
        for one in list(self.engine.sessions.values()):
            yield {
                "session_id": one.id, "net_transport": "TCP", "encrypt_option": "TRUE" if one.encrypted else "FALSE",
                "auth_scheme": "SQL", "net_packet_size": one.packet_size, "client_net_address": "127.0.0.1",
            }  # fmt: skip

    # --- INFORMATION_SCHEMA ---

    def information_schema_schemata(self) -> Iterator[Row]:
        for name in self.database.schemas:
            yield {
                "catalog_name": self.database.name,
                "schema_name": name,
                "schema_owner": name if name in ("guest", "sys") else "dbo",
            }

    def information_schema_tables(self) -> Iterator[Row]:
        for one in [*self.tables, *self.database.views.values()]:
            kind = "BASE TABLE" if isinstance(one, Table) else "VIEW"
            yield self._named(one) | {"table_type": kind}

    def _named(self, one: Any) -> Row:
        return {"table_catalog": self.database.name, "table_schema": one.schema, "table_name": one.name}

    def information_schema_views(self) -> Iterator[Row]:
        for view in self.database.views.values():
            yield self._named(view) | {"view_definition": view.body, "check_option": "NONE", "is_updatable": "NO"}

    def information_schema_columns(self) -> Iterator[Row]:
        listed: list[tuple[Any, list[Column]]] = [(table, table.columns) for table in self.tables]
        listed += [(view, self.session.view_columns(self.database, view)) for view in self.database.views.values()]
        for one, columns in listed:
            for number, column in enumerate(columns, 1):
                kind = column.kind
                text = kind.family == "char" and kind.name != "xml"
                length = (
                    (
                        -1
                        if kind.length == k.MAX or kind.name in ("xml",)
                        else 1073741823
                        if kind.name == "ntext"
                        else 2147483647
                        if kind.name in ("text", "image")
                        else kind.length
                    )
                    if kind.family in ("char", "bin") and kind.name != "timestamp"
                    else None
                )
                precision, scale = k_precision(kind)
                numeric = kind.family in ("int", "dec", "float") and kind.name != "bit"
                yield self._named(one) | {
                    "column_name": column.name, "ordinal_position": number,
                    "column_default": f"({column.default_text})" if column.default else None,
                    "is_nullable": "YES" if column.nullable else "NO", "data_type": kind.name,
                    "character_maximum_length": length,
                    "character_octet_length": length * 2 if length and length > 0 and kind.national else length,
                    "numeric_precision": precision if numeric else None,
                    "numeric_scale": scale if numeric and kind.family != "float" else None,
                    "datetime_precision": scale if kind.family in ("moment", "time", "zoned") else None,
                    "collation_name": (kind.collation or self.database.collation) if text else None,
                }  # fmt: skip

    def _constraint(self, table: Table, name: str) -> Row:
        return self._named(table) | {
            "constraint_catalog": self.database.name,
            "constraint_schema": table.schema,
            "constraint_name": name,
        }

    def information_schema_table_constraints(self) -> Iterator[Row]:
        for table in self.tables:
            for index in table.indexes:
                if index.constraint:
                    yield self._constraint(table, index.name) | {
                        "constraint_type": "PRIMARY KEY" if index.primary else "UNIQUE"
                    }
            for key in table.foreign:
                yield self._constraint(table, key.name) | {"constraint_type": "FOREIGN KEY"}
            for name, _ in table.checks:
                yield self._constraint(table, name) | {"constraint_type": "CHECK"}

    def information_schema_key_column_usage(self) -> Iterator[Row]:
        for table in self.tables:
            keys = [(index.name, [name for name, _ in index.columns]) for index in table.indexes if index.constraint]
            for name, columns in [*keys, *((key.name, key.columns) for key in table.foreign)]:
                for number, column in enumerate(columns, 1):
                    yield self._constraint(table, name) | {
                        "column_name": table.columns[table.place(column)].name,
                        "ordinal_position": number,
                    }

    information_schema_constraint_column_usage = information_schema_key_column_usage

    def information_schema_referential_constraints(self) -> Iterator[Row]:
        for table in self.tables:
            for key in table.foreign:
                target = self.database.tables.get((key.target[0].casefold(), key.target[1].casefold()))
                unique = target.key.name if target and target.key else None
                yield self._constraint(table, key.name) | {
                    "unique_constraint_catalog": self.database.name, "unique_constraint_schema": key.target[0],
                    "unique_constraint_name": unique,
                    "match_option": "SIMPLE", "update_rule": key.rules["UPDATE"], "delete_rule": key.rules["DELETE"],
                }  # fmt: skip

    def information_schema_sequences(self) -> Iterator[Row]:
        for schema, name, _, _ in self.database.sequences.values():
            yield {
                "sequence_catalog": self.database.name,
                "sequence_schema": schema,
                "sequence_name": name,
                "data_type": "bigint",
            }


def user_type(kind: Kind) -> int:
    return {"sysname": 256, "hierarchyid": 128, "geometry": 129, "geography": 130}.get(
        kind.name, k.SYSTEM_TYPES[kind.name]
    )


def k_precision(kind: Kind) -> tuple[int, int]:
    """Precision and scale as sys.columns has them."""
    if kind.family in ("int", "dec"):
        return kind.digits
    scale = kind.scale
    fixed = {"real": (24, 0), "float": (53, 0), "date": (10, 0), "datetime": (23, 3), "smalldatetime": (16, 0)}
    lengths = {"time": 8, "datetime2": 19, "datetimeoffset": 26}
    if kind.name in lengths:
        return lengths[kind.name] + (scale + 1 if scale else 0), scale
    return fixed.get(kind.name, (0, 0))
