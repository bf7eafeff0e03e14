"""Commands of an operator, against the app that runs here or any deployed one: look, cancel, retry, rewind, roll back.

A deployed app is named by `--app` or INGESTION_APP_URL; its key comes from INGESTION_APP_KEY alone, since a command
line can be read by every user of the machine.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console, RenderableType

from localhost import masks_view, run_view
from localhost import operating_view as view
from localhost.api_client import KEY_VARIABLE, URL_VARIABLE, ApiClient, DeployedApp, part
from localhost.app_client import find_running_app
from localhost.local_app import host_folder
from localhost.terminal import FOLDER, CommandError, ExitCode, FolderOption, JsonOption, console, print_json

AppOption = Annotated[
    str | None,
    typer.Option(
        "--app",
        envvar=URL_VARIABLE,
        show_envvar=True,
        help=f"The address of a deployed app; its function key is read from {KEY_VARIABLE}. "
        "Without it, the app that `start` runs in the folder.",
    ),
]
RunArgument = Annotated[str, typer.Argument(metavar="RUN_ID", help="The id of a run.")]
JobArgument = Annotated[str, typer.Argument(metavar="JOB_ID", help="The id of a job.")]
LimitOption = Annotated[int, typer.Option(min=1, help="How many at most.")]
WaitOption = Annotated[bool, typer.Option("--wait/--no-wait", help="Follow the run to its end.")]


def add_to(commands: typer.Typer) -> None:
    """Add these commands to the command line."""
    for command in (status, runs, jobs, history, masks, dry_run, cancel, retry, rewind, versions, rollback):
        commands.command(command.__name__.replace("_", "-"))(command)


def reach(app: str | None, folder: Path) -> ApiClient:
    """The app at an address, or else the one that runs in the folder.

    Raises:
        AddressError: the address or the key is missing or wrong.
        CommandError: no app runs in the folder.
    """
    if app:
        return DeployedApp(app)
    if running := find_running_app(host_folder(folder)):
        return running
    raise CommandError(
        f"No app runs in {folder}: start it with `python -m localhost start`, or name a deployed one with --app URL."
    )


def follow_to_the_end(app: ApiClient, run_id: str, as_json: bool, goes_on: str = "The run continues.") -> NoReturn:
    """Follow a run, show how it ended, and end the command with the exit code that says so.

    Args:
        app: The app.
        run_id: The run.
        as_json: Whether to print it for programs.
        goes_on: What becomes of the run if this command is interrupted.
    """
    try:
        ended = run_view.follow(app, run_id, console(stderr=True))
    except SystemExit:
        how = f" --app {app.url}" if isinstance(app, DeployedApp) else ""
        typer.echo(f"{goes_on} To cancel it: python -m localhost cancel {run_id}{how}", err=True)
        raise
    _show(ended, as_json, run_view.result(ended))
    raise typer.Exit(code_of(ended["status"]))


def code_of(run_status: str) -> ExitCode:
    """The exit code for a run with this status."""
    codes = {"SUCCEEDED": ExitCode.SUCCESS, "RUNNING": ExitCode.SUCCESS, "SKIPPED": ExitCode.NOTHING_RAN}
    return codes.get(run_status, ExitCode.NOT_LOADED)


def status(
    run_id: Annotated[str | None, typer.Argument(metavar="[RUN_ID]", help="A run; without it, the whole app.")] = None,
    app: AppOption = None,
    as_json: JsonOption = False,
    folder: FolderOption = FOLDER,
) -> None:
    """Show what runs, failed or is overdue; or one run with its jobs, ending as `run` does."""
    client = reach(app, folder)
    if run_id:
        run = client.get_run(run_id)
        _show(run, as_json, run_view.result(run))
        raise typer.Exit(code_of(run["status"]))
    listed = client.get("jobs", limit=1000)
    found = {"app": client.url, "counts": listed["counts"], "runs": client.get("runs", limit=10)["runs"]}
    _show(found, as_json, *view.overview(found, listed["jobs"]))


def runs(
    status: Annotated[list[str] | None, typer.Option(help="RUNNING, FAILED, …; may be repeated.")] = None,
    job: Annotated[str | None, typer.Option(help="Runs in which this job has ended.")] = None,
    limit: LimitOption = 20,
    app: AppOption = None,
    as_json: JsonOption = False,
    folder: FolderOption = FOLDER,
) -> None:
    """List the runs, the newest first."""
    query = {"status": ",".join(status) if status else None, "job_id": job}
    found = list(reach(app, folder).every("runs", "runs", limit, **query))
    _show({"runs": found}, as_json, view.runs(found))


def jobs(
    show: Annotated[view.Shown, typer.Option(help="Which jobs.")] = view.Shown.ALL,
    app: AppOption = None,
    as_json: JsonOption = False,
    folder: FolderOption = FOLDER,
) -> None:
    """List the jobs of the active workbook with their state and last good load."""
    listed = reach(app, folder).every("jobs", "jobs")
    found = [job for job in listed if view.is_shown(job, show)]
    _show({"jobs": found}, as_json, view.jobs(found))


def history(
    job_id: JobArgument,
    limit: LimitOption = 20,
    app: AppOption = None,
    as_json: JsonOption = False,
    folder: FolderOption = FOLDER,
) -> None:
    """List the loads of a job, the newest first."""
    found = list(reach(app, folder).every(f"jobs/{part(job_id)}/history", "loads", limit))
    _show({"job_id": job_id, "loads": found}, as_json, view.history(found))


def masks(
    job_id: Annotated[str, typer.Argument(help="The id of a job; one table of a wildcard job is JOB_ID.TABLE.")],
    app: AppOption = None,
    as_json: JsonOption = False,
    folder: FolderOption = FOLDER,
) -> None:
    """Show what a job masks, and which files of the lake still hold plain values."""
    described = reach(app, folder).get(f"jobs/{part(job_id)}/masks")
    _show(described, as_json, *masks_view.lines(described))


def dry_run(
    job: Annotated[list[str] | None, typer.Option(help="A job_id; may be repeated.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Jobs with this tag; may be repeated.")] = None,
    full_refresh: Annotated[bool, typer.Option(help="As if incremental tables were loaded from the start.")] = False,
    app: AppOption = None,
    as_json: JsonOption = False,
    folder: FolderOption = FOLDER,
) -> None:
    """Show what a run would do, without loading anything: queries, watermarks, what cannot be reached."""
    body = {"dry_run": True, "full_refresh": full_refresh, **wanted(job, tag)}
    plan = reach(app, folder).post("runs", body)
    _show(plan, as_json, *view.plan(plan))
    raise typer.Exit(ExitCode.NOT_LOADED if any(one.get("error") for one in plan["jobs"]) else ExitCode.SUCCESS)


def wanted(job: list[str] | None, tag: list[str] | None) -> dict[str, list[str]]:
    """The jobs that options name, as the body of a request names them."""
    return ({"job_ids": job} if job else {}) | ({"tags": tag} if tag else {})


def cancel(
    run_id: RunArgument,
    app: AppOption = None,
    as_json: JsonOption = False,
    folder: FolderOption = FOLDER,
) -> None:
    """Cancel a run: running jobs end without a load, waiting ones do not start."""
    accepted = reach(app, folder).post(f"runs/{part(run_id)}/cancel")
    _show(accepted, as_json, f"Run {run_id} is being cancelled; what is loaded stays. `retry` loads the rest.")


def retry(
    run_id: RunArgument,
    wait: WaitOption = True,
    app: AppOption = None,
    as_json: JsonOption = False,
    folder: FolderOption = FOLDER,
) -> None:
    """Run the jobs again that failed in a run or were cancelled, and follow that to its end."""
    client = reach(app, folder)
    accepted = client.post(f"runs/{part(run_id)}/retry")
    if wait:
        follow_to_the_end(client, accepted["run_id"], as_json)
    _show(accepted, as_json, f"Started run {accepted['run_id']}.")


def rewind(
    job_id: JobArgument,
    to: Annotated[str | None, typer.Option(help="The watermark at which the next load starts.")] = None,
    load_id: Annotated[str | None, typer.Option(help="A load of the job: the next one starts after it.")] = None,
    clear: Annotated[bool, typer.Option("--clear", help="The next load starts over.")] = False,
    accept_duplicates: Annotated[
        bool, typer.Option("--accept-duplicates", help="Also if the job appends, and rows come twice.")
    ] = False,
    app: AppOption = None,
    as_json: JsonOption = False,
    folder: FolderOption = FOLDER,
) -> None:
    """Let the next load of an incremental job start elsewhere."""
    if sum((to is not None, load_id is not None, clear)) != 1:
        raise CommandError("Say one of --to VALUE, --load-id ID and --clear.")
    body: dict[str, Any] = {"accept_duplicates": accept_duplicates}
    body |= {"clear": True} if clear else {"load_id": load_id} if load_id is not None else {"value": to}
    answer = reach(app, folder).post(f"jobs/{part(job_id)}/watermark", body)
    _show(answer, as_json, view.rewound(answer))


def versions(app: AppOption = None, as_json: JsonOption = False, folder: FolderOption = FOLDER) -> None:
    """List the versions of the workbook that were active, the newest first."""
    answer = reach(app, folder).get("config/history")
    _show(answer, as_json, view.versions(answer["versions"]))


def rollback(
    sha256: Annotated[str, typer.Argument(metavar="SHA256", help="A version, or how it alone begins.")],
    app: AppOption = None,
    as_json: JsonOption = False,
    folder: FolderOption = FOLDER,
) -> None:
    """Make an earlier version of the workbook the active one."""
    client = reach(app, folder)
    known = {one["sha256"] for one in client.get("config/history")["versions"]}
    matching = [one for one in known if one.startswith(sha256.lower())]
    if len(matching) != 1:
        reason = f"{len(matching)} versions begin" if matching else "There is no version that begins"
        raise CommandError(f"{reason} with '{sha256}': `python -m localhost versions` lists them.")
    answer = client.post("config/rollback", {"sha256": matching[0]})
    _show(answer, as_json, f"Version {matching[0][:12]} is active again.")


def _show(answer: Any, as_json: bool, *shown: RenderableType) -> None:
    if as_json:
        print_json(answer)
        return
    terminal: Console = console()
    for one in shown:
        terminal.print(one, soft_wrap=isinstance(one, str), markup=False)
