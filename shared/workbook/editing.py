"""Changing a workbook that people filled in: what is not changed stays as it is.

Everything that openpyxl carries stays: values, formulas, formats, other sheets, drop-downs, filters. It does not carry
charts and shapes, and programs calculate the formulas' values again when they open the file.
"""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Callable

import openpyxl
from openpyxl.workbook import Workbook

from shared.errors.hierarchy import WorkbookError
from shared.workbook.layout import keep_outline
from shared.workbook.limits import refuse_beyond_limits


def edited(content: bytes, edit: Callable[[Workbook], None], what: str) -> bytes:
    """A workbook after a change.

    Args:
        content: Its bytes.
        edit: Makes the change.
        what: The change in the past participle, for the error message.

    Raises:
        WorkbookError: the workbook cannot be opened for writing.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            refuse_beyond_limits(archive)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of what it does not carry
            workbook = openpyxl.load_workbook(io.BytesIO(content), rich_text=True)
            edit(workbook)
            for sheet in workbook.worksheets:
                keep_outline(sheet)
            output = io.BytesIO()
            workbook.save(output)
    except (WorkbookError, MemoryError):
        raise
    except Exception as error:  # a damaged file makes openpyxl raise anything
        raise WorkbookError(f"The workbook cannot be {what} ({type(error).__name__}).") from error
    return output.getvalue()
