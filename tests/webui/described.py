"""Whether an answer is as the description of the API says: its status, its kind of content, every field of it."""

from functools import cache
from typing import Any
from urllib.parse import quote

from jsonschema_rs import Draft202012Validator, Registry


class Described:
    """The answers that a document describes; what judges them is made once for each schema."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._registry = Registry([("urn:api", document)], draft=None)
        self._judge = cache(self._made)

    def fault(self, method: str, path: str, status: int, kind: str | None, body: Any) -> str | None:
        """What is not as it is described; `path` is the document's, `body` the JSON or None for a file."""
        place = f"/paths/{_escaped(path)}/{method.lower()}/responses/{status}"
        answer = self._at(place)
        if answer is None:
            return f"status {status} is not described"
        if "$ref" in answer:
            place = answer["$ref"].removeprefix("#")
            answer = self._at(place)
        contents = answer.get("content", {})
        if kind is None:
            return "an answer without content is not described" if contents else None
        if kind not in contents:
            return f"{kind} is not described, but {', '.join(contents) or 'nothing'}"
        if kind != "application/json":
            return None
        judge = self._judge(f"{place}/content/{_escaped(kind)}/schema")
        error = next(judge.iter_errors(body), None)
        return f"{error.instance_path}: {error.message[:300]}" if error else None

    def _at(self, place: str) -> Any:
        found: Any = self._document
        for part in place.strip("/").split("/"):
            found = found.get(part.replace("~1", "/").replace("~0", "~"))
            if found is None:
                return None
        return found

    def _made(self, place: str) -> Draft202012Validator:
        return Draft202012Validator(
            {"$ref": f"urn:api#{quote(place, safe='/~')}"},
            registry=self._registry,
            validate_formats=True,
        )


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")
