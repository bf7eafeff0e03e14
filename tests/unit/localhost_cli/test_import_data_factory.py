"""A control table of Data Factory's metadata-driven copy as a workbook, in each form that the table comes in."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from localhost.importers.data_factory import import_data_factory
from localhost.importers.imported import Imported, Target
from shared.errors.hierarchy import WorkbookError
from shared.workbook.template import write_workbook
from shared.workbook.validation import validate

TARGET = Target("erp", "", "lake", "raw/{source}")


def an_entry(table: str, **settings: Any) -> dict[str, Any]:
    """An entry as the tool writes it for a table of SQL Server, but for what is named."""
    return {
        "SourceObjectSettings": {"schema": "dbo", "table": table},
        "SinkObjectSettings": {"fileName": f"{table}.parquet", "folderPath": "raw/erp", "fileSystem": "bronze"},
        "CopySourceSettings": {"partitionOption": "None", "sqlReaderQuery": None, "partitionColumnName": None},
        "CopySinkSettings": {"preCopyScript": None, "tableOption": None},
        "CopyActivitySettings": {"translator": None},
        "TopLevelPipelineName": "MetadataDrivenCopy_TopLevel",
        "TriggerName": ["Sandbox", "Trigger_1i1"],
        "DataLoadingBehaviorSettings": {"dataLoadingBehavior": "FullLoad"},
        "TaskId": 0,
        "CopyEnabled": 1,
    } | settings


DELTA = an_entry(
    "O'Hara",
    DataLoadingBehaviorSettings={
        "dataLoadingBehavior": "DeltaLoad",
        "watermarkColumnName": "UpdatedDate",
        "watermarkColumnType": "DateTime",
        "watermarkColumnStartValue": "2020-01-01T00:00:00",
    },
    CopySinkSettings={"writeBehavior": "upsert", "upsertSettings": {"useTempDB": True, "keys": ["Id", "Line"]}},
    CopySourceSettings={"partitionOption": "DynamicRange", "sqlReaderQuery": None, "partitionColumnName": "Id"},
    CopyActivitySettings={
        "translator": {
            "type": "TabularTranslator",
            "mappings": [{"source": {"name": name}, "sink": {"name": name}} for name in ("Id", "Line", "UpdatedDate")],
        }
    },
    TaskId=2,
)
ENTRIES = [an_entry("Orders"), DELTA, an_entry("Old", CopyEnabled=0)]


def quoted(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(value)
    text = value if isinstance(value, str) else json.dumps(value)
    return "N'" + text.replace("'", "''") + "'"


def as_script(entries: list[dict[str, Any]]) -> str:
    """The script that the Copy Data tool gives: the table's rows as JSON in a variable."""
    return (
        "CREATE TABLE [dbo].[MainControlTable]([Id] INT IDENTITY(1,1), [SourceObjectSettings] NVARCHAR(max));\nGO\n"
        "-- the table's rows\n/* don't edit */\n"
        f"DECLARE @MainControlTableMetadata NVARCHAR(max) = {quoted(json.dumps(entries, indent=4))};\n"
        "INSERT INTO [dbo].[MainControlTable] ([SourceObjectSettings], [TaskId])\n"
        "SELECT [SourceObjectSettings], [TaskId] FROM OPENJSON(@MainControlTableMetadata) WITH ([TaskId] INT);\n"
    )


def as_inserts(entries: list[dict[str, Any]]) -> str:
    """The script that Management Studio makes of the table's rows."""
    columns = ", ".join(f"[{name}]" for name in ("Id", *entries[0]))
    rows = (", ".join([str(number), *map(quoted, one.values())]) for number, one in enumerate(entries, 1))
    statements = [f"INSERT [dbo].[MainControlTable] ({columns}) VALUES ({row})" for row in rows]
    return "SET IDENTITY_INSERT [dbo].[MainControlTable] ON\nGO\n" + "\nGO\n".join(statements)


def as_one_insert(entries: list[dict[str, Any]]) -> str:
    columns = ", ".join(entries[0])
    rows = ",\n".join(f"({', '.join(map(quoted, one.values()))}, CAST(N'2026' AS DATETIME))" for one in entries)
    return f"INSERT INTO meta.ControlTable ({columns}, LastRun)\nVALUES\n{rows};\nSELECT 'done'"


def as_csv(entries: list[dict[str, Any]]) -> str:
    output = io.StringIO()
    writer = csv.DictWriter(output, list(entries[0]))
    writer.writeheader()
    for entry in entries:
        texts = {name: json.dumps(value) if isinstance(value, dict | list) else value for name, value in entry.items()}
        writer.writerow(texts)
    return "\ufeff" + output.getvalue()


def imported(text: str, target: Target = TARGET) -> tuple[Imported, dict[str, dict[str, Any]]]:
    found = import_data_factory(text, target)
    return found, {row["job_id"]: row for row in found.jobs}


def a_query(query: str, name: str = "sqlReaderQuery") -> tuple[Imported, dict[str, Any]]:
    found, rows = imported(json.dumps([an_entry("Orders", CopySourceSettings={name: query})]))
    return found, rows["erp_dbo_Orders"]


@pytest.mark.parametrize("form", [as_script, as_inserts, as_one_insert, as_csv, json.dumps])
def test_every_form_of_the_table_gives_the_same_rows(form: Any) -> None:
    _, rows = imported(form(ENTRIES))
    assert list(rows) == ["erp_dbo_Orders", "erp_dbo_O_Hara", "erp_dbo_Old"]
    assert [row["enabled"] for row in rows.values()] == ["Y", "Y", "N"]
    assert {
        "source_type": "MSSQL",
        "source_name": "erp",
        "schema_name": "dbo",
        "table_name": "O'Hara",
        "load_type": "INCREMENTAL",
        "watermark_column": "UpdatedDate",
        "last_watermark": "2020-01-01T00:00:00",
        "primary_key": "Id, Line",
        "table_format": "delta",
        "included_columns": "Id, Line, UpdatedDate",
        "partition_column": "Id",
        "parallelism": 4,
        "priority": 0,
        "tags": "trigger_1i1",
        "target_container": "bronze",
        "target_folder_path": "raw/erp",
    }.items() <= rows["erp_dbo_O_Hara"].items()
    assert (rows["erp_dbo_Orders"]["load_type"], rows["erp_dbo_Orders"]["priority"]) == ("FULL", 2)


def test_the_rows_are_a_valid_workbook() -> None:
    found, _ = imported(as_script(ENTRIES))
    assert validate(write_workbook(found.jobs, found.sources)).problems == ()


@pytest.mark.parametrize(
    ("query", "columns", "condition"),
    [
        ("select * from [dbo].[Orders]", "", ""),
        ("SELECT [Id], Name FROM Orders WHERE State <> 'DRAFT' AND Id > 5", "Id, Name", "State <> 'DRAFT' AND Id > 5"),
    ],
)
def test_a_query_of_columns_and_a_condition_is_carried_over(query: str, columns: str, condition: str) -> None:
    found, row = a_query(query)
    assert (row["included_columns"], row["query_filter"], row["enabled"]) == (columns, condition, "Y")
    assert not any("query" in line for line in found.losses)


@pytest.mark.parametrize(
    "query",
    [
        "select top 10 * from dbo.Orders",
        "select * from dbo.Others",
        "select * from sales.Orders",
        "select distinct Name from dbo.Orders",
        "select upper(Name) as Name from dbo.Orders",
        "select o.* from dbo.Orders o join dbo.Lines l on l.Id = o.Id",
        "select Name from dbo.Orders group by Name",
        "select * from dbo.Orders where Id in (select Id from dbo.Lines)",
        "select * from dbo.Orders union all select * from dbo.Orders",
        "@{item().query}",
        "exec dbo.Read",
        "select Name, * from dbo.Orders",
        "with a as (select 1 b) select * from dbo.Orders",
    ],
)
def test_a_row_whose_query_says_more_is_switched_off(query: str) -> None:
    found, row = a_query(query)
    assert row["enabled"] == "N"
    assert any(line.startswith("a query that is more than columns and a condition") for line in found.losses)


def test_what_is_not_in_the_rows_is_reported() -> None:
    renamed = {"translator": {"mappings": [{"source": {"name": "Id"}, "sink": {"name": "OrderId"}}]}}
    entry = an_entry(
        "Orders",
        CopyActivitySettings=renamed,
        CopySinkSettings={"preCopyScript": "truncate table x", "tableOption": "autoCreate"},
        SinkObjectSettings={"schema": "stage", "table": "Orders"},
        LastExecution={"LastExecutionTime": "00:00:00"},
    )
    found, rows = imported(json.dumps([entry, an_entry("x", SourceObjectSettings={"fileName": "a.csv"})]))
    assert (rows["erp_dbo_Orders"]["target_container"], rows["erp_dbo_Orders"]["target_folder_path"]) == (
        "lake",
        "raw/erp",
    )
    assert set(found.losses) == {
        "the table that it writes: the lake has a folder by source_name and table_name",
        "names that columns get: they keep those of the source",
        "the times of its trigger are not in the table: fill in schedule (its name is a tag)",
        "CopySinkSettings.preCopyScript",
        "CopySinkSettings.tableOption",
        "LastExecution.LastExecutionTime",
        "row a.csv: reads no table",
    }


def test_the_source_is_the_one_that_the_table_names() -> None:
    entry = an_entry("Orders", SourceConnectionSettingsName="ERP (prod)")
    _, rows = imported(json.dumps([entry]), Target("", "", "lake", "raw/{source}"))
    assert rows["ERP_prod_dbo_Orders"]["source_name"] == "ERP_prod"
    oracle = an_entry("ORDERS", CopySourceSettings={"oracleReaderQuery": None})
    assert imported(json.dumps([oracle]))[1]["erp_dbo_ORDERS"]["source_type"] == "Oracle"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no rows of a control table"),
        ("SELECT 1", "has no rows of a control table"),
        ("[{}]", "has no rows of a control table"),
        (json.dumps([an_entry("a", CopySourceSettings={})]), "give --source and --type"),
    ],
)
def test_what_is_no_control_table_is_one_sentence(text: str, said: str) -> None:
    with pytest.raises(WorkbookError, match=said):
        imported(text)
