"""What runs against the stand-in for an Oracle server."""
