"""YAML files written by people: every value keeps its line number.

Rule: a file is refused with all of its faults at once, each as `line.yaml:12: what is wrong`. Scalars
stay the text that was written (numbers keep their zeros); the model that reads them says what they
are. Anchors and merge keys are refused, so that a line means what it says.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

Step = str | int
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True, order=True)
class LocatedError:
    """One fault: file, line (from 1) and what is wrong with it."""

    path: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.reason}"


class FileRefused(Exception):
    """All faults found in a file, in order of lines."""

    def __init__(self, faults: Iterable[LocatedError]) -> None:
        self.faults = tuple(sorted(set(faults)))
        super().__init__("\n".join(str(fault) for fault in self.faults))


@dataclass
class Document:
    """A file's content as plain dicts, lists and texts, and the line of each value."""

    name: str
    data: Any = None
    faults: list[LocatedError] = field(default_factory=list)
    lines: dict[tuple[Step, ...], int] = field(default_factory=dict)

    def line(self, *path: Step) -> int:
        """Line of the value, or of the nearest thing around it."""
        for length in range(len(path), -1, -1):
            found = self.lines.get(path[:length])
            if found is not None:
                return found
        return 1

    def fault(self, reason: str, *path: Step) -> None:
        """Note a fault at the value."""
        self.faults.append(LocatedError(self.name, self.line(*path), reason))

    def section(self, *path: Step) -> Any:
        """The value at the path, None when there is none."""
        found = self.data
        for step in path:
            try:
                found = found[step]
            except (KeyError, IndexError, TypeError):
                return None
        return found

    def read(self, model: type[Model], *path: Step, **given: object) -> Model | None:
        """The section as a model (`given` adds fields that stand outside it); None and faults if bad."""
        found = self.section(*path)
        if not isinstance(found, dict):
            self.fault("here belongs a list of “name: value” lines", *path)
            return None
        try:
            return model.model_validate({**found, **given})
        except ValidationError as error:
            for fault in error.errors(include_url=False):
                self.fault(_sentence(fault["loc"], fault["msg"]), *path, *fault["loc"])
            return None

    def check(self) -> None:
        """Raises FileRefused when any fault was noted."""
        if self.faults:
            raise FileRefused(self.faults)


def load(path: Path) -> Document:
    """Read a file. Raises FileRefused when it is not there or is not YAML."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FileRefused([LocatedError(path.name, 1, f"cannot be read: {error}")]) from error
    return parse(text, path.name)


def parse(text: str, name: str = "line.yaml") -> Document:
    """The document in `text`; faults of content are collected, broken YAML raises FileRefused."""
    document = Document(name)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        reason = f"not valid YAML: {error.problem or error}"
        raise FileRefused([LocatedError(name, line, reason)]) from error
    except yaml.YAMLError as error:
        raise FileRefused([LocatedError(name, 1, f"not valid YAML: {error}")]) from error
    if root is None:
        raise FileRefused([LocatedError(name, 1, "the file is empty")])
    document.data = _Reader(document).value(root, ())
    return document


class _Reader:
    """Turns YAML nodes into plain values and notes their lines."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._seen: set[int] = set()

    def value(self, node: yaml.Node, path: tuple[Step, ...]) -> Any:
        self._document.lines.setdefault(path, node.start_mark.line + 1)
        if id(node) in self._seen:
            self._document.fault("repeats an anchor (&, *): write the value out", *path)
            return None
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return None if node.tag == "tag:yaml.org,2002:null" else node.value

    def _mapping(self, node: yaml.MappingNode, path: tuple[Step, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            line = key_node.start_mark.line + 1
            if key in found:
                first = self._document.line(*path, key)
                reason = f"{key!r} is written twice; the first is in line {first}"
                self._document.faults.append(LocatedError(self._document.name, line, reason))
                continue
            self._document.lines[(*path, key)] = line
            found[key] = self.value(value_node, (*path, key))
        return found


def _sentence(where: Sequence[Step], message: str) -> str:
    if message == "Extra inputs are not permitted":
        return f"{where[-1]!r} is not a known setting"
    if message == "Field required":
        return f"{where[-1]!r} is missing"
    text = message.removeprefix("Value error, ")
    return f"{'.'.join(str(step) for step in where)}: {text}" if where else text
