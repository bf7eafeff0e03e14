"""A stand-in for the Azure Functions host: runs an app folder's `function_app.py` unchanged, without Core Tools.

It covers what the app uses: HTTP, timer and blob triggers, function keys, and Durable Functions orchestrations,
activities and clients (SDK 1.x, the out-of-process protocol). The host is one process, the app's code runs in a worker
that is another (`localhost.host.worker`), and the event store is SQLite. docs/verification.md compares what it does
with the real host, behaviour by behaviour.

What it leaves out: every other trigger and binding (indexing refuses them by name), durable entities, `call_http` and
rewind, Event Grid (such blob triggers are polled, too), scale-out, Easy Auth, CORS, proxies and function-level keys.
Routes are case-sensitive. Timers longer than six days are one timer, as with the host's SQL backends. Durable payloads
have no size limit. It runs on Linux and macOS.
"""
