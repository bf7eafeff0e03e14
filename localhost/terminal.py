"""What all commands share: exit codes, options, consoles, and how a command stops that cannot be carried out."""

from __future__ import annotations

import json
from datetime import date
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from localhost.local_app import APP_FOLDER

FOLDER = APP_FOLDER / ".localhost" / "app"
_FILE_WIDTH = 150


class ExitCode(IntEnum):
    """What a command ended with: one meaning each, whichever command it was."""

    SUCCESS = 0
    NOT_LOADED = 1
    NOT_CARRIED_OUT = 2
    NOTHING_RAN = 3
    REFUSED = 4
    BROKEN_PROMISE = 5


EXIT_CODES = {
    ExitCode.SUCCESS: "All is well.",
    ExitCode.NOT_LOADED: "A job failed, or the run was cancelled: not everything is loaded.",
    ExitCode.NOT_CARRIED_OUT: "The command could not be carried out; one sentence on standard error says why.",
    ExitCode.NOTHING_RAN: "Nothing failed, and nothing ran.",
    ExitCode.REFUSED: "A workbook is refused.",
    ExitCode.BROKEN_PROMISE: "The demo did not keep a promise.",
}
"""By code; 130 and 143 follow Ctrl-C and SIGTERM, as shells expect it."""

FolderOption = Annotated[Path, typer.Option(help="Where the local app keeps its data.", show_default=".localhost/app")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on standard output.")]
WorkbookArgument = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="An Excel workbook (.xlsx).")]
NewFileArgument = Annotated[Path, typer.Argument(dir_okay=False, help="The file to write.")]


class CommandError(Exception):
    """A command cannot be carried out; the text says why and what to do."""

    code = ExitCode.NOT_CARRIED_OUT


class RefusedWorkbookError(CommandError):
    """A workbook is refused; the text names its problems."""

    code = ExitCode.REFUSED


def console(stderr: bool = False) -> Console:
    """The terminal; what goes to a file or a pipe gets lines that are long enough for the tables."""
    found = Console(stderr=stderr, highlight=False)
    return found if found.is_terminal else Console(stderr=stderr, highlight=False, width=_FILE_WIDTH)


def print_json(value: Any) -> None:
    """Print a value for programs."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def write(path: Path, content: bytes) -> None:
    """Write a file.

    Raises:
        CommandError: it cannot be written.
    """
    try:
        path.write_bytes(content)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from None


def stop(message: str, code: ExitCode = ExitCode.NOT_CARRIED_OUT) -> None:
    """End the process with a sentence on standard error."""
    typer.echo(message, err=True)
    raise SystemExit(code)


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)
