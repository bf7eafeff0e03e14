"""The routes that take a workbook, and give a refused one back."""

from __future__ import annotations

from http import HTTPStatus

from azure.durable_functions import DurableOrchestrationClient

from shared.activation.store import configuration_store
from shared.activation.uploads import Activation, Outcome, sha256_of
from shared.activation.versions import REFUSED
from shared.api.configuration_answers import UploadRefused, UploadTaken
from shared.api.endpoint import File
from shared.api.http import ProblemError
from shared.runs.start import start_ordered_run
from shared.runs.uploads import take_in_workbook
from shared.telemetry.invocation import in_thread

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


async def upload_workbook(
    client: DurableOrchestrationClient, content: bytes, replaces: str | None, caller: str
) -> UploadTaken | UploadRefused:
    """Answer `PUT /api/config`: what an upload of the blob does, and what became of it.

    Args:
        client: The Durable client, for the one-off requests that the workbook brings.
        content: The xlsx file.
        replaces: The version that it was compared with; 409 if another one is active by now.
        caller: Who uploads it.
    """
    if not content:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "The request has no body: send the workbook (.xlsx) as its bytes.")
    activation = await in_thread(take_in_workbook, content, caller, replaces)
    if activation is None:
        detail = (
            "Another version became active since the workbook was checked, and nothing was uploaded. Check it again: "
            "POST /api/config/validate says what it changes now."
        )
        raise ProblemError(HTTPStatus.CONFLICT, detail)
    if activation.outcome is Outcome.REFUSED:
        return _refused(activation)
    if activation.outcome is Outcome.SUPERSEDED:
        active = sha256_of(activation.active)
        detail = f"A newer upload came first: version {active} is active, and this one is in the history only."
        raise ProblemError(HTTPStatus.CONFLICT, detail)
    await start_ordered_run(client)
    return UploadTaken.model_validate(
        {
            "outcome": activation.outcome.value,
            "sha256": activation.sha256,
            "activated_at": activation.at,
            "changes": activation.changes,
            "warnings": activation.warnings,
        }
    )


async def read_annotated(refused_id: str) -> File:
    """Answer `GET /api/config/refused/{refused_id}`: 404 if no such copy is kept."""
    workbook = await in_thread(configuration_store().annotated_refusal, f"{REFUSED}/{refused_id}")
    if workbook is None:
        detail = f"There is no copy of the upload {refused_id}: it is older than those that are kept, or no workbook."
        raise ProblemError(HTTPStatus.NOT_FOUND, detail)
    return annotated_file(workbook)


def annotated_file(workbook: bytes) -> File:
    """A workbook with problems at their cells, to be saved."""
    return File(workbook, {"Content-Disposition": 'attachment; filename="annotated.xlsx"'})


def route_of_annotated(folder: str) -> str:
    """Where the annotated workbook in a folder of the configuration's container can be read.

    Args:
        folder: Such as `refused/{uploaded_at}-{sha256}`.
    """
    return f"/api/config/refused/{folder.rpartition('/')[2]}"


def _refused(activation: Activation) -> UploadRefused:
    return UploadRefused.model_validate(
        {
            "outcome": activation.outcome.value,
            "sha256": activation.sha256,
            "active_sha256": sha256_of(activation.active),
            "problems": activation.problems,
            "warnings": activation.warnings,
            "annotated": route_of_annotated(activation.refused_folder or ""),
        }
    )
