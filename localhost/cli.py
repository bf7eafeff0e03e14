"""The command line: the app and its services on this machine, any deployed app, the lake, and tools for workbooks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import requests
import typer
from rich.console import Console

from localhost import demo as demo_story
from localhost import discovery_view, import_commands, lake_commands, operating
from localhost.api_client import AddressError, ApiClient, DeployedApp, RequestRefusedError
from localhost.app_client import RunningApp, find_running_app
from localhost.comparison import change_lines, changes_against, report_lines, workbook_bytes
from localhost.host.process import HostStartError
from localhost.interruption import exit_on_signals
from localhost.lake_tables import LakeError
from localhost.local_app import APP_FOLDER, host_folder, local_app
from localhost.operating import AppOption, WaitOption
from localhost.services import ServiceError
from localhost.serving import LOCAL_SOURCE, put_local_source, serve
from localhost.terminal import (
    FOLDER,
    CommandError,
    ExitCode,
    FolderOption,
    JsonOption,
    NewFileArgument,
    RefusedWorkbookError,
    WorkbookArgument,
    console,
    print_json,
    stop,
    write,
)
from localhost.unity_catalog import table_statements
from localhost.workbook_values import workbook_values
from shared.errors.hierarchy import IngestionError
from shared.host_settings import most_timeout_minutes
from shared.workbook.annotate import annotate
from shared.workbook.template import template as template_content
from shared.workbook.text_form import to_yaml
from shared.workbook.validation import validate as validate_content

commands = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
sql = typer.Typer(no_args_is_help=True, help="Print SQL for other systems.")
commands.add_typer(sql, name="sql")
workbooks = typer.Typer(no_args_is_help=True, help="A workbook as text, and back.")
commands.add_typer(workbooks, name="workbook")
import_commands.add_to(workbooks)
commands.add_typer(lake_commands.lake, name="lake")
operating.add_to(commands)


def main() -> None:
    """Run the command line."""
    exit_on_signals()
    try:
        commands(prog_name="python -m localhost")
    except CommandError as error:
        stop(str(error), error.code)
    except (AddressError, HostStartError, IngestionError, LakeError, RequestRefusedError, ServiceError) as error:
        stop(str(error))
    except requests.RequestException as error:
        place = f" at {error.request.url}" if error.request is not None else ""
        stop(f"The app does not answer{place} ({type(error).__name__}). The log of a local one is host/host.log.")
    except OSError as error:
        if error.filename is None:
            raise
        stop(f"{error.filename} cannot be used: {error.strerror}. Choose another path.")


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
    serve(folder, port, console(), example)


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
    wait: WaitOption = True,
    app: AppOption = None,
    as_json: JsonOption = False,
    folder: FolderOption = FOLDER,
) -> None:
    """Run jobs once and show what they did: in the app that `start` runs or --app names, or else in one of its own."""
    content = _valid_workbook(workbook, is_for_this_machine=app is None) if workbook else None
    with _app(folder, console(stderr=True), app) as client:
        if content:
            _upload(client, content)
        run_id = client.start_run(**operating.wanted(job, tag), full_refresh=full_refresh)
        if wait or not isinstance(client, DeployedApp | RunningApp):
            operating.follow_to_the_end(client, run_id, as_json, _what_goes_on(client, folder))
    if as_json:
        print_json({"run_id": run_id})
    else:
        typer.echo(f"Started run {run_id}.")


def _what_goes_on(client: ApiClient, folder: Path) -> str:
    if isinstance(client, DeployedApp | RunningApp):
        return "The run continues."
    return f"The run continues when the app runs again: python -m localhost start --folder {folder}."


@commands.command()
def upload(workbook: WorkbookArgument, app: AppOption = None, folder: FolderOption = FOLDER) -> None:
    """Upload a workbook to the app that `start` runs, or to the one that --app names."""
    content = _valid_workbook(workbook, is_for_this_machine=app is None)
    client = operating.reach(app, folder)
    _upload(client, content)
    when = "has taken it in" if app else "takes it in within seconds, or with its next run"
    typer.echo(f"Uploaded {workbook}. The app at {client.url} {when}.")


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
        print_json(report.to_answer() | ({"changes": changes.to_json()} if changes else {}))
    else:
        lines = change_lines(against, changes) if against and changes else ()
        typer.echo("\n".join([*report_lines(workbook, report), *lines]))
    if annotated:
        write(annotated, annotate(content, report))
    raise typer.Exit(ExitCode.SUCCESS if report.configuration else ExitCode.REFUSED)


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
    with _app(folder, console(stderr=True)) as app:
        discovered = app.discover(source, **wanted)
    write(file, discovery_view.workbook_of(discovered))
    if as_json:
        print_json({name: value for name, value in discovered.items() if name != "workbook"} | {"file": str(file)})
    else:
        console().print(discovery_view.table(discovered))
        typer.echo("\n".join(discovery_view.lines(discovered, file)))


@commands.command()
def template(file: NewFileArgument) -> None:
    """Write a workbook to start from: a guide, help on every column, examples that are switched off."""
    if file.exists():
        raise CommandError(f"{file} exists already: choose another name, or remove it.")
    write(file, template_content())
    typer.echo(f"Wrote {file}. For tables of the local PostgreSQL, source_name is {LOCAL_SOURCE}.")


@commands.command()
def demo(as_json: JsonOption = False) -> None:
    """Run the main job end to end on embedded services, with real data, and check what it promises."""
    try:
        outcome = demo_story.run_demo(console(stderr=as_json))
    except demo_story.DemoError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(ExitCode.NOT_CARRIED_OUT) from None
    if as_json:
        print_json(outcome.to_json())
    raise typer.Exit(ExitCode.BROKEN_PROMISE if outcome.broken_promises else ExitCode.SUCCESS)


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
            print_json(report.to_answer())
        else:
            typer.echo("\n".join(report_lines(new, report)))
        raise typer.Exit(ExitCode.REFUSED)
    changes = changes_against(old, report.configuration, values)
    if as_json:
        print_json(report.to_answer() | {"changes": changes.to_json()})
    else:
        typer.echo("\n".join([*change_lines(old, changes), *(f"- warning: {one}" for one in report.warnings)]))


@workbooks.command("export")
def export_workbook(workbook: WorkbookArgument, file: NewFileArgument) -> None:
    """Write a workbook as one YAML file, which Git can compare."""
    write(file, to_yaml(workbook.read_bytes()).encode())
    typer.echo(f"Wrote {file}.")


@workbooks.command("import")
def import_workbook(
    text: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="What `export` has written.")],
    file: NewFileArgument,
) -> None:
    """Write the workbook of a YAML file."""
    write(file, workbook_bytes(text))
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
        raise RefusedWorkbookError("\n".join(report_lines(workbook, report)))
    for statement in table_statements(report.configuration.jobs, account, catalog, schema):
        typer.echo(statement)


@contextmanager
def _app(folder: Path, progress: Console, address: str | None = None) -> Iterator[ApiClient]:
    """The app at the address or in the folder, or one that runs as long as the context lasts."""
    found = DeployedApp(address) if address else find_running_app(host_folder(folder))
    if found:
        progress.print(f"Using the app that runs at {found.url}.")
        yield found
        return
    progress.print("Starting the services and the app …")
    with local_app(folder) as app:
        put_local_source(app)
        yield app


def _valid_workbook(path: Path, is_for_this_machine: bool = True) -> bytes:
    """The bytes of a workbook that is valid here; a deployed app has other settings and judges by itself."""
    content = path.read_bytes()
    report = validate_content(content, values=workbook_values(APP_FOLDER)) if is_for_this_machine else None
    if report and report.problems:
        raise RefusedWorkbookError("\n".join([*report_lines(path, report), "Nothing was uploaded."]))
    return content


def _upload(app: ApiClient, content: bytes) -> None:
    if objections := app.objections(content):
        raise RefusedWorkbookError("\n".join(["The app refuses the workbook:", *objections, "Nothing was uploaded."]))
    app.upload_workbook(content)
