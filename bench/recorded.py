"""The statements that a service sends, as PostgreSQL logs them, written as a script of pgbench.

Rule: every statement stands in the script, in its order and in its transaction, with the parameters that it had; only
what must be another one each time is replaced by the script's own variables.
"""

import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from zongji.platform.postgres import EmbeddedPostgres

SETTINGS = {
    "logging_collector": "on",
    "log_destination": "jsonlog",
    "log_filename": "statements.log",
    "log_rotation_age": "0",
    "log_rotation_size": "0",
}
"""With which a server must be started whose statements are recorded."""

_LOG = Path("data/log/statements.json")
_LONGEST_WAIT_S = 30.0
_SENT = re.compile(r"(?:statement|execute [^:]+): (.*)", re.DOTALL)
_PARAMETER = re.compile(r"\$(\d+) = (NULL|'(?:[^']|'')*')")
_PLACE = re.compile(r"\$(\d+)")
_VARIABLE = re.compile(r":(?=\w)")
_COLON = "' || chr(58) || '"
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?[+-]\d\d")


class Recorder:
    """`marks` are what is replaced: a pattern of what was recorded, and the SQL that stands for it."""

    def __init__(self, server: EmbeddedPostgres, database: str, marks: Mapping[str, str]) -> None:
        self._server = server
        self._database = database
        self._marks = marks
        self._any = re.compile("|".join(f"({pattern})" for pattern in marks))
        self._recordings = 0

    async def record(
        self, work: Callable[[], Awaitable[object]], results: Mapping[str, str]
    ) -> str:
        """The script of `work`, which is done twice: at first connections learn what they have to know. `results`
        are statements, by how they begin, whose answer becomes variables with this prefix.
        """
        await work()
        self._recordings += 1
        begin, end = (
            f"SELECT '{word} of recording {self._recordings}'" for word in ("begin", "end")
        )
        self._server.execute(begin, self._database)
        await work()
        self._server.execute(end, self._database)
        sent = [
            (found[1], _parameters(entry.get("detail", "")))
            for entry in self._logged_until(end)
            if (found := _SENT.fullmatch(entry["message"]))
        ]
        statements = [sql for sql, _ in sent]
        between = sent[statements.index(begin) + 1 : statements.index(end)]
        return "\n".join(self._statement(sql, given, results) for sql, given in between)

    def _logged_until(self, end: str) -> list[dict[str, Any]]:
        """What was logged of this database, once this statement is there."""
        until = time.monotonic() + _LONGEST_WAIT_S
        while True:
            lines = (self._server.folder / _LOG).read_text().splitlines()
            entries = [json.loads(line) for line in lines if line.endswith("}")]
            if any(each["message"].endswith(end) for each in entries):
                return [each for each in entries if each.get("dbname") == self._database]
            if time.monotonic() > until:
                raise TimeoutError("PostgreSQL has not logged what was recorded.")
            time.sleep(0.05)

    def _statement(self, sql: str, given: Sequence[str | None], results: Mapping[str, str]) -> str:
        written = _PLACE.sub(lambda place: self._value(given[int(place[1]) - 1]), sql.strip())
        for begins, prefix in results.items():
            if sql.lstrip().startswith(begins):
                return f"{written.rstrip(';')} \\gset {prefix}"
        return f"{written.rstrip(';')};"

    def _value(self, given: str | None) -> str:
        if given is None:
            return "NULL"
        if _TIME.fullmatch(given):
            return "now()"
        if self._any.search(given) is None:
            return _literal(given)
        if given.startswith("{") and '"' not in given:
            return f"ARRAY[{', '.join(map(self._text, given[1:-1].split(',')))}]"
        return self._text(given)

    def _text(self, given: str) -> str:
        """Alone a mark keeps the type of what stands for it, within a text it is text."""
        pieces, end = [], 0
        for found in self._any.finditer(given):
            assert found.lastindex is not None
            for_it = tuple(self._marks.values())[found.lastindex - 1]
            if found[0] == given:
                return for_it
            pieces += [_literal(given[end : found.start()]), f"CAST({for_it} AS text)"]
            end = found.end()
        pieces.append(_literal(given[end:]))
        return f"({' || '.join(pieces)})"


def _parameters(detail: str) -> tuple[str | None, ...]:
    found = _PARAMETER.finditer(detail)
    return tuple(None if each[2] == "NULL" else each[2][1:-1].replace("''", "'") for each in found)


def _literal(text: str) -> str:
    """A colon before a word would be a variable of pgbench."""
    quoted = text.replace("'", "''")
    return f"'{quoted}'" if not _VARIABLE.search(quoted) else f"('{_VARIABLE.sub(_COLON, quoted)}')"
