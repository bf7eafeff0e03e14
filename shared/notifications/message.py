"""Incidents become one message: a title, sections of lines, links; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.notifications.incidents import Incident, Kind

LINES_PER_SECTION = 15  # all together must fit a card of Teams, 28 KB
_SENTENCE_LIMIT = 200  # characters
_END_OF_SENTENCE = re.compile(r"(?<=[.!?])\s")
_OPENED = {
    Kind.JOB: ("{} job failed", "{} jobs failed"),
    Kind.OVERDUE: ("{} job is overdue", "{} jobs are overdue"),
    Kind.RUN: ("A run could not be carried out", "{} runs could not be carried out"),
    Kind.SETTING: ("A setting of the app is wrong", "{} settings of the app are wrong"),
    Kind.WORKBOOK: ("An uploaded workbook was refused", "{} uploaded workbooks were refused"),
    Kind.WARNING: ("{} job loaded with a warning", "{} jobs loaded with warnings"),
}
_CLOSED = {
    ("{} job works again", "{} jobs work again"): (Kind.JOB, Kind.OVERDUE),
    ("Runs are carried out again",) * 2: (Kind.RUN,),
    ("A setting of the app is right again", "{} settings of the app are right again"): (Kind.SETTING,),
    ("An uploaded workbook was accepted again",) * 2: (Kind.WORKBOOK,),
    ("{} job loaded without a warning again", "{} jobs loaded without warnings again"): (Kind.WARNING,),
}


@dataclass(frozen=True)
class Section:
    """One kind of news.

    Attributes:
        title: How many of what.
        lines: A subject and a sentence each, at most `LINES_PER_SECTION`.
        more: How many lines were left out.
    """

    title: str
    lines: tuple[tuple[str, str], ...] = ()
    more: int = 0


@dataclass(frozen=True)
class Message:
    """What is sent, in any form.

    Attributes:
        sections: The news.
        links: Addresses by their names.
    """

    sections: tuple[Section, ...]
    links: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """All of it in one line."""
        return f"Excel to lake: {'; '.join(section.title for section in self.sections)}"


def compose(incidents: Sequence[Incident], base_url: str | None) -> Message:
    """The message about all incidents that wait for one.

    Args:
        incidents: In the order of the message.
        base_url: The app's own URL; None leaves the links out.
    """
    sections = []
    for kind, titles in _OPENED.items():
        found = [incident for incident in incidents if incident.kind is kind and incident.open]
        sections += _section(titles, [(incident.subject, first_sentence(incident.sentence)) for incident in found])
    for titles, kinds in _CLOSED.items():
        found = [incident for incident in incidents if incident.kind in kinds and not incident.open]
        sections += _section(titles, [(subject, "") for subject in dict.fromkeys(one.subject for one in found)])
    links = {}
    if base_url:
        runs = {incident.run_id for incident in incidents if incident.run_id}
        links = {f"Run {run_id}": f"{base_url}/api/runs/{run_id}" for run_id in sorted(runs)[-1:]}
        links["Dashboard"] = f"{base_url}/api/dashboard"
    return Message(tuple(sections), links)


def first_sentence(text: str) -> str:
    """What an error's message says first, in one line."""
    sentence = _END_OF_SENTENCE.split(" ".join(text.split()), maxsplit=1)[0]
    return sentence if len(sentence) <= _SENTENCE_LIMIT else f"{sentence[: _SENTENCE_LIMIT - 1]}…"


def _section(titles: tuple[str, str], lines: Sequence[tuple[str, str]]) -> list[Section]:
    """The section of some lines, none if there are none."""
    if not lines:
        return []
    shown = tuple(lines[:LINES_PER_SECTION])
    return [Section(titles[len(lines) > 1].format(len(lines)), shown, len(lines) - len(shown))]
