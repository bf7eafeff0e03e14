"""What every source is to the pipeline: one Protocol and the options it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from dlt.extract import DltResource

from shared.models import Job
from shared.secrets import Secret


@dataclass(frozen=True)
class ReadOptions:
    """What the pipeline knows and a source needs.

    `full_refresh` starts an incremental job over; `report_rows` is called with the number of rows of each batch, as
    it passes.
    """

    full_refresh: bool = False
    report_rows: Callable[[int], None] = lambda _rows: None


class Source(Protocol):
    """Something that gives one job's data as a dlt resource of Arrow tables."""

    def __init__(self, job: Job, secret: Secret, options: ReadOptions) -> None: ...

    def resource(self) -> DltResource:
        """The resource to load, with its write disposition; called inside an active pipeline.

        Raises:
            SourceError: the source refuses for good.
            TransientError: the source cannot be reached now.
        """

    def explain(self, error: BaseException) -> BaseException:
        """An error of the driver as one of this project's, or `error` itself where it is none of the driver's."""
