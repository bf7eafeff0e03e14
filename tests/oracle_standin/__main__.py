"""`python -m oracle_standin --port 1521 --load tables.sql`: a stand-in server until it is interrupted."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from .catalogue import Database, Fault
from .client import Client
from .protocol import VERSIONS
from .server import Server
from .tree import tokens_of
from .values import OracleError


def statements_of(text: str) -> list[str]:
    """The statements of a script, which end with a semicolon."""
    found, start = [], 0
    for token in tokens_of(text):
        if token.text == ";":
            found.append(text[start : token.at].strip())
            start = token.at + 1
    return [one for one in [*found, text[start:].strip()] if one]


def load(database: Database, file: Path, user: str) -> None:
    """Run a script, or take tables from JSON, in SQL: {"HR.T": {"columns": ["ID NUMBER(10)"], "rows": [["1"]]}}."""
    client = Client(database, user)
    text = file.read_text(encoding="utf-8")
    scripts: list[str] = []
    if file.suffix == ".json":
        tables: dict[str, Any] = json.loads(text)
        for name, table in tables.items():
            scripts.append(f"CREATE TABLE {name} ({', '.join(table['columns'])})")
            scripts += [f"INSERT INTO {name} VALUES ({', '.join(row)})" for row in table.get("rows", [])]
    else:
        scripts = statements_of(text)
    for statement in scripts:
        try:
            client.execute(statement, [])
        except OracleError as error:
            sys.exit(f"{file}: {error}\n{statement[:500]}")
    client.commit()
    client.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="oracle_standin", description=__doc__)
    parser.add_argument("--port", type=int, default=1521, help="0 takes a free one, which is printed")
    parser.add_argument("--load", type=Path, action="append", default=[], metavar="FILE", help="a .sql or .json file")
    parser.add_argument("--user", action="append", default=[], metavar="NAME/PASSWORD", help="default HR/hr")
    parser.add_argument("--service", action="append", default=[], help="default standin")
    parser.add_argument("--version", choices=sorted(VERSIONS), default="23")
    parser.add_argument(
        "--deny", action="append", default=[], choices=("flashback", "package"), help="rights that users lack"
    )
    parser.add_argument(
        "--fault", action="append", default=[], metavar="JSON", help='{"match": "BIG", "error": 1555, "after_rows": 9}'
    )
    parser.add_argument("--no-bit-vectors", action="store_true", help="send equal values of consecutive rows each time")
    parser.add_argument("--log", type=Path, metavar="FILE", help="takes every statement that clients send")
    options = parser.parse_args()
    users = dict(one.split("/", 1) for one in options.user or ["HR/hr"])
    database = Database({name.upper(): password for name, password in users.items()}, options.deny)
    for file in options.load:
        load(database, file, next(iter(users)).upper())
    if options.log:
        database.log = options.log.open("a", encoding="utf-8")
    database.faults += [Fault(**json.loads(one)) for one in options.fault]
    server = Server(
        database, port=options.port, version=options.version, services=tuple(options.service or ["standin"]),
        bit_vectors=not options.no_bit_vectors,
    )  # fmt: skip
    print(f"listening on 127.0.0.1:{server.port}", flush=True)
    try:
        server.serve()
    except KeyboardInterrupt:
        pass
    finally:
        database.close()


if __name__ == "__main__":
    main()
