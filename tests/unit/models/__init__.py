"""The shapes that cross a boundary."""
