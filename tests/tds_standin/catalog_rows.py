"""The rows of the catalogue's views of keys, of the server, and of INFORMATION_SCHEMA."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from . import kinds as k
from .catalog_columns import AZURE, ISOLATION_NUMBERS, Row, k_precision
from .catalog_objects import Objects
from .schema import FOREVER, Column, Index, Table

if TYPE_CHECKING:
    pass


class ServerRows(Objects):
    """The rows of each view of one database."""

    def sys_objects(self) -> Iterator[Row]:
        yield from self.sys_tables()
        yield from self.sys_views()
        yield from self.sys_key_constraints()
        yield from self.sys_default_constraints()
        yield from self.sys_foreign_keys()
        yield from self.sys_synonyms()
        yield from self.sys_sequences()

    sys_sysobjects = sys_objects

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
