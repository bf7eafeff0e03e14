"""`python -m localhost workbook import-…`: a workbook of another tool's configuration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from localhost.importers.data_factory import import_data_factory
from localhost.importers.imported import Imported, Target
from localhost.importers.sling import import_sling
from localhost.terminal import write
from shared.errors.hierarchy import WorkbookError
from shared.jobs.source_types import SOURCE_TYPES
from shared.workbook.template import write_workbook
from shared.workbook.validation import validate

Importer = Callable[[str, Target], Imported]

SourceOption = Annotated[str, typer.Option(help="The source_name.", show_default="the name of the connection")]
TypeOption = Annotated[str, typer.Option("--type", help="PostgreSQL, Oracle or MSSQL: the source_type.")]
ContainerOption = Annotated[str, typer.Option(help="The container of rows whose own is not given.")]
FolderPathOption = Annotated[str, typer.Option(help="The folder of rows whose own is not given.")]
GivenArgument = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="What the other tool has.")]
FileArgument = Annotated[Path, typer.Argument(dir_okay=False, help="The workbook to write.")]


def add_to(workbooks: typer.Typer) -> None:
    """Add the commands to the group `workbook`."""
    workbooks.command("import-sling")(sling)
    workbooks.command("import-data-factory")(data_factory)


def sling(
    given: GivenArgument,
    file: FileArgument,
    source_type: TypeOption,
    source: SourceOption = "",
    target_container: ContainerOption = "lake",
    target_folder: FolderPathOption = "raw/{source}",
) -> None:
    """Write the workbook of a Sling replication (YAML or JSON), and say what is not in it."""
    _convert(import_sling, given, file, Target(source, _known(source_type), target_container, target_folder))


def data_factory(
    given: GivenArgument,
    file: FileArgument,
    source_type: Annotated[
        str, typer.Option("--type", help="The source_type.", show_default="what the queries show")
    ] = "",
    source: SourceOption = "",
    target_container: ContainerOption = "lake",
    target_folder: FolderPathOption = "raw/{source}",
) -> None:
    """Write the workbook of a control table of Data Factory's metadata-driven copy (SQL, CSV or JSON)."""
    kind = _known(source_type) if source_type else ""
    _convert(import_data_factory, given, file, Target(source, kind, target_container, target_folder))


def _known(source_type: str) -> str:
    databases = {name.lower(): name for name, one in SOURCE_TYPES.items() if one.is_database}
    if source_type.lower() not in databases:
        raise WorkbookError(f"--type {source_type}: is not one of {', '.join(databases.values())}.")
    return databases[source_type.lower()]


def _convert(importer: Importer, given: Path, file: Path, target: Target) -> None:
    if file.exists():
        raise WorkbookError(f"{file} exists already: choose another name, or remove it.")
    try:
        text = given.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise WorkbookError(f"{given} is not a text in UTF-8.") from None
    found = importer(text, target)
    content = write_workbook(found.jobs, found.sources)
    write(file, content)
    off = sum(row["enabled"] == "N" for row in found.jobs)
    typer.echo(f"Wrote {file}: {len(found.jobs)} jobs, {off} of them disabled.")
    problems = [f"- problem: {problem}" for problem in validate(content).problems]
    lost = [f"- {line}" for line in found.report()]
    typer.echo("\n".join(["Not carried over:", *lost] if lost else ["Everything was carried over."]))
    if problems:
        typer.echo("\n".join(["To be corrected before an upload:", *problems]))
        raise typer.Exit(1)
