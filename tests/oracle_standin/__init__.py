"""A stand-in for an Oracle database: it speaks TNS and TTC to the unmodified thin driver of python-oracledb.

What it is: a server for loopback that lets the driver connect (O5LOGON with the 12c verifier, with or without fast
authentication), run statements with binds, define and fetch in several round trips, read LOBs, get errors with number,
offset and text, commit, roll back, ping and be interrupted. Values travel in Oracle's own encodings, equal values of
consecutive rows are left out by bit vectors, and errors come after a break marker.

What it is not: Oracle. It understands a part of Oracle's SQL and runs it over SQLite; what it does not know is an ORA-
error and never a guess. There are no optimiser, privileges (but for two switches), PL/SQL, locks, redo and listener's
services. NOTES.md says what the driver wants, and of what this is no evidence.

From the socket inwards: `server` (listener, sessions), `statements`, `encodings`, `lobs`, `answers` (what a session
does), `auth`, `protocol`, `wire` (packets and TTC's primitives); `client`, `definitions`, `transactions` (what a
statement does), `catalogue` (tables, views, dictionary); `compiler`, `calls`, `expressions`, `typing_rules`, `scope`
(Oracle's SQL to SQLite's); `parser`, `expression_parser`, `tree`; `functions`, `conversions`, `moments`, `texts`,
`values` (encodings). `service` starts it for tests.
"""
