"""What a page knows: collections of objects by id, and the numbered changes that lead there.

Rule: a snapshot with every later change applied equals a fresh snapshot. Objects are kept as the JSON
text of a view, so that an object is serialised once however many pages show it, and two equal
texts are no change.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime

from pydantic import BaseModel

from webui.sight import seen

Objects = Mapping[str, Mapping[str, BaseModel]]


class Store:
    """One numbered state, shared by all pages that may see the same."""

    def __init__(self, collections: Iterable[str], hidden: frozenset[str] = frozenset()) -> None:
        """`hidden` are fields that those who look may not see."""
        self._hidden = hidden
        self._state: dict[str, dict[str, str]] = {name: {} for name in collections}
        self._sequence = 0
        self._body: str | None = None

    @property
    def sequence(self) -> int:
        return self._sequence

    def change(
        self, at: datetime, put: Objects, remove: Mapping[str, Iterable[str]] | None = None
    ) -> bytes | None:
        """Put and remove objects (what is put stays); the numbered message, None when nothing differs."""
        texts = {
            name: {key: seen(view, self._hidden).model_dump_json() for key, view in objects.items()}
            for name, objects in put.items()
        }
        return self._apply(at, texts, remove or {})

    def replace(self, at: datetime, whole: Objects) -> bytes | None:
        """Make these collections hold exactly these objects; the message as of `change`."""
        gone = {name: self._state[name].keys() - objects.keys() for name, objects in whole.items()}
        return self.change(at, whole, gone)

    def snapshot(self, at: datetime) -> bytes:
        """The whole state with the number of the last change."""
        if self._body is None:
            self._body = _collections(self._state)
        return _message("snapshot", self._sequence, at, f',"state":{self._body}')

    def heartbeat(self, at: datetime) -> bytes:
        """A sign of life; its number tells a page whether it missed something."""
        return _message("heartbeat", self._sequence, at, "")

    def stock(self, at: datetime, skus: str) -> bytes:
        """Products whose stock changed, as JSON; numbered like a heartbeat, for they are no part of the state."""
        return _message("stock", self._sequence, at, f',"skus":{skus}')

    def _apply(
        self,
        at: datetime,
        put: Mapping[str, Mapping[str, str]],
        remove: Mapping[str, Iterable[str]],
    ) -> bytes | None:
        changed = {name: self._differing(name, texts) for name, texts in put.items()}
        changed = {name: texts for name, texts in changed.items() if texts}
        gone = {
            name: sorted((self._state[name].keys() & set(keys)) - put.get(name, {}).keys())
            for name, keys in remove.items()
        }
        gone = {name: keys for name, keys in gone.items() if keys}
        if not changed and not gone:
            return None
        for name, keys in gone.items():
            for key in keys:
                del self._state[name][key]
        for name, texts in changed.items():
            self._state[name].update(texts)
        self._sequence += 1
        self._body = None
        rest = f',"set":{_collections(changed)},"remove":{json.dumps(gone, separators=(",", ":"))}'
        return _message("change", self._sequence, at, rest)

    def _differing(self, name: str, texts: Mapping[str, str]) -> dict[str, str]:
        known = self._state[name]
        return {key: text for key, text in texts.items() if known.get(key) != text}


def _collections(collections: Mapping[str, Mapping[str, str]]) -> str:
    return _object({name: _object(texts) for name, texts in collections.items()})


def _object(members: Mapping[str, str]) -> str:
    return "{" + ",".join(f"{json.dumps(key)}:{text}" for key, text in members.items()) + "}"


def _message(kind: str, sequence: int, at: datetime, rest: str) -> bytes:
    return f'{{"type":"{kind}","seq":{sequence},"at":"{at.isoformat()}"{rest}}}'.encode()
