"""What to do about a failure, by its kind: one sentence each, for messages, pages and the runbook."""

from __future__ import annotations

HINTS: dict[str, str] = {
    "activity": "The app's process ended while it ran the job; look for restarts and memory, then run the job again.",
    "busy": "Another run is loading the job; wait for it, or cancel that run.",
    "cancelled": "A user cancelled the run; run the job again when you want it.",
    "clock": "The machine's clock is earlier than the job's last load; this passes once the clock is right.",
    "configuration": "Correct the setting, secret or workbook cell that the message names, and run the job again.",
    "crash": "The job's process was killed, usually for lack of memory: use larger instances or fewer jobs at once.",
    "deadline": "The attempt took too long: raise timeout_minutes or JOB_TIMEOUT_MINUTES, or read less at once.",
    "deployment": "A deployment has ended the run; the run that the message names loads what is missing, and nothing "
    "needs to be done.",
    "disk_full": "The work folder is full: give it more room, point WORK_FOLDER elsewhere, or run fewer jobs at once.",
    "error": "Follow what the message says, and run the job again.",
    "lake": "Fix what the message names in the lake, usually a role or a missing container, and run the job again.",
    "lane": "A part of the run broke as a whole: see the app's log at that time, then run the failed jobs again.",
    "lease_lost": "Another run took the job over while this attempt was frozen; nothing needs to be done.",
    "memory": "The attempt needs more memory: raise JOB_MEMORY_MEGABYTES, use larger instances or fewer jobs at once.",
    "orchestration": "The run ended without its last step: see the app's log at that time, then run what is missing.",
    "quiet_hours": "The source has quiet hours; the job runs at the first tick after them.",
    "reconciliation": "Lake and source disagree on the rows, and nothing was committed: run the job again, and report "
    "it if it stays.",
    "secret_not_found": "Add one of the secrets that the message lists; the next run finds it.",
    "source": "Fix what the source refuses, such as a password, a right or a name, and run the job again.",
    "still_held": "An earlier execution of the same attempt holds the job; it is tried again once that has ended.",
    "too_few_rows": "Fewer rows came than max_shrink_percent allows: look at the source, then request a full refresh.",
    "too_many_deletes": "More rows are gone at the source than max_deleted_percent allows: look there, then raise it.",
    "transient": "A network or service problem, usually temporary: if all attempts failed, check host, port and "
    "firewall.",
    "unexpected": "The app does not know this error: see its trace in the log, try again, report it with the run's id.",
    "waiting": "Other runs have all the slots of the source; the job runs as soon as one is free.",
    "workbook": "The workbook cannot be read: save it as .xlsx without a password and upload it again.",
}


def hint(kind: str) -> str:
    """The sentence for a kind of error; that of `unexpected` for one that is not known."""
    return HINTS.get(kind, HINTS["unexpected"])
