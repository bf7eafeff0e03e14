"""How large tables are, by the statistics of PostgreSQL."""

from __future__ import annotations

import sqlalchemy as sa

SIZES = sa.text(
    "SELECT relname AS name, counted.rows, counted.bytes FROM pg_class "
    "JOIN pg_namespace ON pg_namespace.oid = relnamespace CROSS JOIN LATERAL ("
    "SELECT CASE WHEN bool_and(part.reltuples > 0 OR pg_relation_size(part.oid) = 0 AND part.reltuples = 0) "
    "THEN sum(part.reltuples) END AS rows, sum(pg_relation_size(part.oid)) AS bytes "
    "FROM pg_class AS part WHERE part.relkind IN ('r', 'm') AND (part.oid = pg_class.oid "
    "OR part.oid IN (SELECT relid FROM pg_partition_tree(pg_class.oid)))) AS counted "
    "WHERE nspname = :schema AND relkind IN ('r', 'p', 'm') AND NOT relispartition"
)
"""Of a partitioned table the sum of its partitions. Rows are NULL if one of them was never analyzed, which is -1, and 0
before PostgreSQL 14."""
