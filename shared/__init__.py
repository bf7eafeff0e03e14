"""The rooms of the app, from the top floor down: a room imports only rooms below it.

The contract in pyproject.toml is this table, and `make lint` checks it; docs/architecture.md follows a row through it.

| floor | room | its one idea | imports, besides models and errors |
| --- | --- | --- | --- |
| 9 | api | HTTP: declare, check the caller, carry out, answer | runs, planning, audit, isolation, activation |
| 9 | housekeeping | what is old is removed | runs, audit, activation, isolation |
| 8 | runs | runs as Durable Functions knows them: how one starts and ends, and the watch that closes what is lost | \
notifications, planning, audit, activation, isolation, telemetry |
| 7 | notifications | who is notified of what, once | planning, audit, activation |
| 6 | planning | which jobs run, when, in which lanes; dry runs and discovery | audit, isolation, activation, secrets |
| 6 | loading | one attempt as a dlt pipeline (child process only) | sources, lake, isolation, secrets |
| 5 | sources | reading a table or an API as Arrow (child process only) | secrets, identity |
| 5 | lake | writing all or nothing (child process only) | identity |
| 5 | isolation | one job at a time, with its own process and folder | secrets, identity |
| 5 | audit | the audit table, one module for each thing recorded | activation, identity |
| 5 | mask_key | the key of hashed columns | secrets |
| 4 | activation | which version of the workbook is active | workbook, identity |
| 4 | telemetry | traces, metrics and structured logs | identity |
| 4 | secrets | a source's connection, from Key Vault or a file | identity |
| 3 | workbook | bytes to a configuration or its problems; template, guide, docs (pure) | jobs |
| 3 | identity | one credential for all Azure services | settings |
| 2 | jobs | what follows from a job's cells alone (pure) | nothing |
| 2 | settings | every setting, read once | nothing |
| 2 | host_settings | what is set for the host: timeout, loads at once, functions switched off | nothing |
| 2 | dashboard | one page that asks the HTTP API | nothing |
| 1 | models | the frozen shapes that cross a boundary | nothing |
| 1 | errors | what can go wrong, what foreign errors mean, what a user does about it | nothing |

Rooms of floor 2 and above may also import jobs and settings where the table does not say so. The app's own process
never loads dlt, pyarrow or a driver: only loading, sources and lake do, in the child process of an attempt.
"""
