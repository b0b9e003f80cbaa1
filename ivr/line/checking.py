"""A line file looked through before it goes live, with the recordings that callers would hear of it.

Rule: what callers would not hear is a fault, in the line of its text; a recording that says something else is named, and
keeps the file from nothing.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

from acd.lineplan import LinePlan
from acd.located import FileRefused, parse
from ivr.line_file import read_line
from ivr.menu import Menus, announcement_of, prompt_of, question_of
from ivr.prompts import Prompt
from ivr.recordings import Recordings

_MOST_TOLD = 40


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in a line file, and in which line (from 1)."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in a line file; `warnings` keep it from nothing."""

    faults: tuple[Fault, ...]
    warnings: tuple[str, ...]


def faults(text: str) -> tuple[Fault, ...]:
    """What keeps it from being read."""
    try:
        read_line(text)
    except FileRefused as refused:
        return tuple(Fault(fault.line, fault.reason) for fault in refused.faults)
    return ()


def checked(
    text: str, recordings: Recordings, today: date, *, music: Collection[str] = ()
) -> Checked:
    """Everything that was found. `music`: the classes that there are, none when nobody knows."""
    if found := faults(text):
        return Checked(found, ())
    plan, menus = read_line(text)
    lines = _Lines(text, menus)
    return Checked(
        tuple(
            Fault(lines.of(prompt), f"{_file(prompt)} {why}")
            for prompt, why in recordings.faults(menus)
        ),
        (
            *plan.times.warnings(today),
            *_outdated(lines, menus, recordings),
            *(_unheard(lines, plan, music) if music else ()),
        ),
    )


def _outdated(lines: "_Lines", menus: Menus, recordings: Recordings) -> Iterator[str]:
    for each in recordings.outdated(menus):
        said = each.said if len(each.said) <= _MOST_TOLD else f"{each.said[:_MOST_TOLD]}…"
        yield (
            f"line {lines.of(each.prompt)}: {_file(each.prompt)} was put there for “{said}” and is played all the same:"
            " record it anew, or take it away"
        )


def _unheard(lines: "_Lines", plan: LinePlan, music: Collection[str]) -> Iterator[str]:
    for queue in plan.queues:
        if queue.music not in music:
            yield (
                f"line {lines.of_music(queue.name)}: musiconhold.conf has no class “{queue.music}”, so that callers hear"
                f" its default; there are: {', '.join(sorted(music))}"
            )


def _file(prompt: Prompt) -> str:
    return f"custom/{prompt.key}.wav"


class _Lines:
    """Where the texts of a line file stand in it."""

    def __init__(self, text: str, menus: Menus) -> None:
        self._document = parse(text)
        self._places: dict[str, tuple[str, ...]] = {
            prompt_of(name): ("menus", name, "say") for name in menus.by_name
        }
        for name in menus.announcements:
            self._places[announcement_of(name)] = ("announcements", name)
        for survey in menus.surveys.values():
            for each in survey.questions:
                place = ("surveys", survey.name, "questions", each.name, "say")
                self._places[question_of(survey, each)] = place

    def of_music(self, queue: str) -> int:
        return self._document.line("queues", queue, "music")

    def of(self, prompt: Prompt) -> int:
        return self._document.line(*self._places[prompt.name], prompt.language)
