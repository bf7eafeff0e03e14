"""Runs as Durable Functions knows them: which are active, and how one starts."""
