"""Traces, metrics and structured logs by OpenTelemetry; without an endpoint nothing of it is loaded or sent."""
