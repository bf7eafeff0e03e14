"""The command line: the app and its services on this machine, one run, the demo, and tools for workbooks.

Exit codes: 0 all is well, 1 a job failed, a workbook is wrong or a promise of the demo was not kept, 2 the command
could not be carried out, 3 nothing failed and nothing ran, 130 and 143 after Ctrl-C and SIGTERM.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import requests
import typer
from rich.console import Console

from localhost import demo as demo_story
from localhost import discovery_view, import_commands, masks_view, run_view
from localhost.app_client import AppClient, RequestRefusedError, find_running_app
from localhost.comparison import change_lines, changes_against, report_lines, workbook_bytes
from localhost.host.process import HostStartError
from localhost.interruption import exit_on_signals
from localhost.local_app import APP_FOLDER, host_folder, local_app
from localhost.services import ServiceError
from localhost.serving import LOCAL_SOURCE, put_local_source, serve
from localhost.unity_catalog import table_statements
from localhost.workbook_values import workbook_values
from shared.errors.hierarchy import IngestionError
from shared.settings import most_timeout_minutes
from shared.workbook.annotate import annotate
from shared.workbook.template import template as template_content
from shared.workbook.text_form import to_yaml
from shared.workbook.validation import validate as validate_content

NOTHING_RAN = 3  # the exit code
FOLDER = APP_FOLDER / ".localhost" / "app"
_LOG_WIDTH = 150

commands = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
sql = typer.Typer(no_args_is_help=True, help="Print SQL for other systems.")
commands.add_typer(sql, name="sql")
workbooks = typer.Typer(no_args_is_help=True, help="A workbook as text, and back.")
commands.add_typer(workbooks, name="workbook")
import_commands.add_to(workbooks)

FolderOption = Annotated[Path, typer.Option(help="Where the local app keeps its data.", show_default=".localhost/app")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on standard output.")]
WorkbookArgument = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="An Excel workbook (.xlsx).")]
NewFileArgument = Annotated[Path, typer.Argument(dir_okay=False, help="The file to write.")]


class CommandError(Exception):
    """A command cannot be carried out; the text says why and what to do."""


def main() -> None:
    """Run the command line."""
    exit_on_signals()
    try:
        commands(prog_name="python -m localhost")
    except (CommandError, ServiceError, HostStartError, RequestRefusedError, IngestionError) as error:
        _stop(str(error))
    except requests.RequestException as error:
        _stop(f"The app does not answer ({type(error).__name__}); its log is host/host.log in its folder.")


@commands.command()
def start(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the app; 0 for any free one.")] = 7071,
    example: Annotated[
        bool, typer.Option("--example", help="Make a database of 20 tables, too: the source rentals_pg.")
    ] = False,
    folder: FolderOption = FOLDER,
) -> None:
    """Serve the app with its local services until Ctrl-C."""
    if running := find_running_app(host_folder(folder)):
        raise CommandError(f"The app runs already at {running.url}: end that one, or choose another --folder.")
    serve(folder, port, _console(), example)


@commands.command()
def run(
    workbook: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Make this workbook the active one first.")
    ] = None,
    job: Annotated[
        list[str] | None, typer.Option(help="A job_id; may be repeated. Without it, all enabled jobs.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Jobs with this tag; may be repeated.")] = None,
    full_refresh: Annotated[bool, typer.Option(help="Load incremental tables again from the start.")] = False,
    as_json: JsonOption = False,
    folder: FolderOption = FOLDER,
) -> None:
    """Run jobs once and show what they did: in the app that `start` runs, or else in one of its own."""
    content = _valid_workbook(workbook) if workbook else None
    progress = _console(stderr=True)
    with _app(folder, progress) as app:
        if content:
            _upload(app, content)
        wanted: dict[str, Any] = {"job_ids": job} if job else {}
        run_id = app.start_run(**wanted, **({"tags": tag} if tag else {}), full_refresh=full_refresh)
        ended = run_view.follow(app, run_id, progress)
    if as_json:
        _print_json(ended)
    else:
        _console().print(run_view.result(ended))
    raise typer.Exit({"SUCCEEDED": 0, "SKIPPED": NOTHING_RAN}.get(ended["status"], 1))


@commands.command()
def upload(workbook: WorkbookArgument, folder: FolderOption = FOLDER) -> None:
    """Upload a workbook to the app that `start` runs."""
    content = _valid_workbook(workbook)
    app = find_running_app(host_folder(folder))
    if app is None:
        raise CommandError(f"No app runs in {folder}: start it with `python -m localhost start`.")
    _upload(app, content)
    typer.echo(f"Uploaded {workbook}. The app at {app.url} takes it in within seconds, or with its next run.")


@commands.command()
def validate(
    workbook: WorkbookArgument,
    annotated: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write a copy that shows each problem at its cell.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Also show what it changes: an earlier workbook, or the app's blob active/config.json.",
        ),
    ] = None,
    value: Annotated[
        list[str] | None,
        typer.Option(
            help="What a placeholder stands for, NAME=VALUE, in the place of WORKBOOK_VALUES; may be repeated."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a workbook without running anything: every problem with its cell."""
    if annotated and annotated.exists() and annotated.samefile(workbook):
        raise CommandError(f"--annotated {annotated} would overwrite the workbook itself: name another file.")
    content = workbook.read_bytes()
    values = workbook_values(APP_FOLDER, value)
    report = validate_content(content, max_timeout_minutes=most_timeout_minutes(), values=values)
    changes = changes_against(against, report.configuration, values) if against and report.configuration else None
    if as_json:
        _print_json(report.to_answer() | ({"changes": changes.to_json()} if changes else {}))
    else:
        lines = change_lines(against, changes) if against and changes else ()
        typer.echo("\n".join([*report_lines(workbook, report), *lines]))
    if annotated:
        _write(annotated, annotate(content, report))
    raise typer.Exit(0 if report.configuration else 1)


@commands.command()
def discover(
    source: Annotated[str, typer.Option(help="The source_name; its connection is its secret, as for a load.")],
    source_type: Annotated[
        str | None, typer.Option("--type", help="PostgreSQL, Oracle, MSSQL or API, if the secret does not show it.")
    ] = None,
    schema: Annotated[str | None, typer.Option(help="Of the tables.", show_default="that of the login")] = None,
    like: Annotated[str, typer.Option(help="Which tables or endpoints: * is any number of characters.")] = "*",
    views: Annotated[bool, typer.Option("--views", help="Views get rows, too.")] = False,
    openapi: Annotated[
        str | None, typer.Option(help="Of an API: the address or the file of its OpenAPI document.")
    ] = None,
    target_container: Annotated[str | None, typer.Option(help="The container of the new rows.")] = None,
    target_folder: Annotated[str | None, typer.Option(help="The folder of the new rows.")] = None,
    into: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A workbook, whose rows stay as they are.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", dir_okay=False, help="The file to write.", show_default="--into, or SOURCE.xlsx"
        ),
    ] = None,
    as_json: JsonOption = False,
    folder: FolderOption = FOLDER,
) -> None:
    """Look into a source, and fill in a workbook with its tables or endpoints."""
    file = output or into or Path(f"{source}.xlsx")
    if file != into and file.exists():
        raise CommandError(f"{file} exists already: choose another name with -o, or keep its rows with --into {file}.")
    target = {"target_container": target_container, "target_folder_path": target_folder}
    what = {"source_type": source_type, "schema_name": schema, "like": like, "views": views}
    wanted = discovery_view.body(into, openapi, **what, **target)
    with _app(folder, _console(stderr=True)) as app:
        discovered = app.discover(source, **wanted)
    _write(file, discovery_view.workbook_of(discovered))
    if as_json:
        _print_json({name: value for name, value in discovered.items() if name != "workbook"} | {"file": str(file)})
    else:
        _console().print(discovery_view.table(discovered))
        typer.echo("\n".join(discovery_view.lines(discovered, file)))


@commands.command()
def template(file: NewFileArgument) -> None:
    """Write a workbook to start from: a guide, help on every column, examples that are switched off."""
    if file.exists():
        raise CommandError(f"{file} exists already: choose another name, or remove it.")
    _write(file, template_content())
    typer.echo(f"Wrote {file}. For tables of the local PostgreSQL, source_name is {LOCAL_SOURCE}.")


@commands.command()
def demo(as_json: JsonOption = False) -> None:
    """Run the main job end to end on embedded services, with real data, and check what it promises."""
    try:
        outcome = demo_story.run_demo(_console(stderr=as_json))
    except demo_story.DemoError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    if as_json:
        _print_json(outcome.to_json())
    raise typer.Exit(0 if not outcome.broken_promises else 1)


@commands.command()
def diff(
    old: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A workbook, its YAML, or config.json.")],
    new: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A workbook, or its YAML.")],
    value: Annotated[
        list[str] | None, typer.Option(help="What a placeholder stands for, NAME=VALUE; may be repeated.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a workbook changes in an older one, and what that means for jobs that have loaded."""
    values = workbook_values(APP_FOLDER, value)
    report = validate_content(workbook_bytes(new), max_timeout_minutes=most_timeout_minutes(), values=values)
    if report.configuration is None:
        if as_json:
            _print_json(report.to_answer())
        else:
            typer.echo("\n".join(report_lines(new, report)))
        raise typer.Exit(1)
    changes = changes_against(old, report.configuration, values)
    if as_json:
        _print_json(report.to_answer() | {"changes": changes.to_json()})
    else:
        typer.echo("\n".join([*change_lines(old, changes), *(f"- warning: {one}" for one in report.warnings)]))


@commands.command()
def masks(
    job: Annotated[str, typer.Argument(help="A job_id; one table of a wildcard job is JOB_ID.TABLE.")],
    as_json: JsonOption = False,
    folder: FolderOption = FOLDER,
) -> None:
    """Show what a job masks, and which files of the lake still hold plain values."""
    with _app(folder, _console(stderr=True)) as app:
        described = app.get_masks(job)
    _print_json(described) if as_json else typer.echo("\n".join(masks_view.lines(described)))


@workbooks.command("export")
def export_workbook(workbook: WorkbookArgument, file: NewFileArgument) -> None:
    """Write a workbook as one YAML file, which Git can compare."""
    _write(file, to_yaml(workbook.read_bytes()).encode())
    typer.echo(f"Wrote {file}.")


@workbooks.command("import")
def import_workbook(
    text: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="What `export` has written.")],
    file: NewFileArgument,
) -> None:
    """Write the workbook of a YAML file."""
    _write(file, workbook_bytes(text))
    typer.echo(f"Wrote {file}.")


@sql.command("databricks")
def sql_databricks(
    workbook: WorkbookArgument,
    account: Annotated[
        str, typer.Option(help="The lake's storage account: its name, or the host of its dfs endpoint.")
    ],
    catalog: Annotated[str, typer.Option(help="The catalog of the tables.")] = "main",
    schema: Annotated[
        str | None, typer.Option(help="The schema of the tables.", show_default="one by each source_name")
    ] = None,
) -> None:
    """Print statements that register the Delta tables of a workbook's jobs in Unity Catalog."""
    report = validate_content(workbook.read_bytes(), values=workbook_values(APP_FOLDER))
    if report.configuration is None:
        raise CommandError("\n".join(report_lines(workbook, report)))
    for statement in table_statements(report.configuration.jobs, account, catalog, schema):
        typer.echo(statement)


@contextmanager
def _app(folder: Path, console: Console) -> Iterator[AppClient]:
    """The app that runs in the folder, or one that runs as long as the context lasts."""
    if running := find_running_app(host_folder(folder)):
        console.print(f"Using the app that runs at {running.url}.")
        yield running
        return
    console.print("Starting the services and the app …")
    with local_app(folder) as app:
        put_local_source(app)
        yield app


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from None


def _valid_workbook(path: Path) -> bytes:
    content = path.read_bytes()
    report = validate_content(content, values=workbook_values(APP_FOLDER))
    if report.problems:
        raise CommandError("\n".join([*report_lines(path, report), "Nothing was uploaded."]))
    return content


def _upload(app: AppClient, content: bytes) -> None:
    if objections := app.objections(content):
        raise CommandError("\n".join(["The app refuses the workbook:", *objections, "Nothing was uploaded."]))
    app.upload_workbook(content)


def _console(stderr: bool = False) -> Console:
    """The terminal; what goes to a file or a pipe gets lines that are long enough for the tables."""
    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=_LOG_WIDTH)


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def _stop(message: str) -> None:
    typer.echo(message, err=True)
    raise SystemExit(2)
