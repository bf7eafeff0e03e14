"""What the app is for: the lake equals the source, and the audit tells what moved."""

from __future__ import annotations

from tests.e2e.app import App


def test_a_full_load_makes_the_lake_equal_the_source_again_and_again(app: App) -> None:
    app.execute(
        "create table customers (id bigint primary key, name text)",
        "insert into customers values (1, 'Ada'), (2, 'Bo')",
    )
    app.upload(app.row("customers", "customers"))

    run = app.run()
    assert run["status"] == "SUCCEEDED", run
    assert app.lake_rows("customers") == [(1, "Ada"), (2, "Bo")]

    app.execute("delete from customers where id = 1", "insert into customers values (3, 'Cy')")
    assert app.run()["status"] == "SUCCEEDED"
    assert app.lake_rows("customers") == [(2, "Bo"), (3, "Cy")]
