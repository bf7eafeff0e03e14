"""PostgreSQL: its connection, its types, its snapshots, and what its errors mean."""
