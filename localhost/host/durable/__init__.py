"""Durable Functions: the event store, the replay protocol of the Python SDK, the dispatcher and the client's API."""
