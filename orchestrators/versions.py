"""An orchestration continues only under the version of the orchestrators that it began with.

Durable replays an orchestration from its history: other code would ask for other things than the history has. So what
began under another version, older or newer, ends here before it asks for anything, and the watch starts a run of what
is missing (`shared.runs.replacing`). A change to what an orchestrator asks for needs a new `ORCHESTRATORS_VERSION` and
`defaultVersion` in host.json; a test replays recorded histories to notice it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from azure.durable_functions import DurableOrchestrationContext

from shared.models.run import ORCHESTRATORS_VERSION, OtherVersionError


def under_its_version(
    context: DurableOrchestrationContext,
    orchestrator: Callable[[DurableOrchestrationContext], Generator[Any, Any, Any]],
) -> Generator[Any, Any, Any]:
    """Continue an orchestration.

    Args:
        context: Of the orchestration.
        orchestrator: The code of this version.

    Raises:
        OtherVersionError: it began under another version.
    """
    if context.version != ORCHESTRATORS_VERSION:
        raise OtherVersionError(context.instance_id, context.version or "")
    return (yield from orchestrator(context))
