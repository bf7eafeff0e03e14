"""Upkeep of Delta tables on a timer: small files become large ones, and files that no version needs any more go."""
