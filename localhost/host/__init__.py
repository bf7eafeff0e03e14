"""A stand-in for the Azure Functions host: runs an app folder's `function_app.py` unchanged, without Core Tools.

It covers what the app uses: HTTP, timer and blob triggers, function keys, and Durable Functions orchestrations,
activities and clients (SDK 1.x, the out-of-process protocol). One process on one machine; the event store is SQLite.

What it leaves out: every other trigger and binding (indexing refuses them by name), durable entities, `call_http` and
rewind, Event Grid (such blob triggers are polled, too), scale-out, Easy Auth, CORS, proxies, function-level keys, and
killing the worker when `functionTimeout` passes (the invocation fails; its thread runs on). Routes are case-sensitive.
Timers longer than six days are one timer, as with the host's SQL backends. Durable payloads have no size limit.
It runs on Linux and macOS.
"""
