"""Writing to the lake, all or nothing."""
