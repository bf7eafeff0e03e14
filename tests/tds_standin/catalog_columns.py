"""The columns of the catalogue's views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import kinds as k
from .kinds import Kind

if TYPE_CHECKING:
    pass


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


Row = dict[str, Any]


AZURE = 5
"""The ENGINEEDITION of Azure SQL Database."""


ISOLATION_NUMBERS = {"READ UNCOMMITTED": 1, "READ COMMITTED": 2, "REPEATABLE READ": 3, "SERIALIZABLE": 4, "SNAPSHOT": 5}


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
