"""Delta tables: loads, partitions, deletes, the log and its maintenance."""
