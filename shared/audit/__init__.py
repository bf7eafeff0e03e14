"""The audit table: its partitions and one module for each thing that is recorded."""
