"""The description of the API (OpenAPI 3.1), made from the route table and its models.

Rule: nothing is described by hand; what is not in the table does not exist.
"""

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from webui.asked import PARTED, Asked, Nothing
from webui.errors import codes
from webui.once import KEY, KEY_FORM
from webui.routing import CSRF_HEADER, LOGGED_IN, Route

_ABOUT = """\
What the daemon answers, made from its own models. Every change carries the header `X-Zongji`; what you \
may do is decided by the rights of your role, and what you may not see is left out. An edit names the \
`version` it was made from and is refused (409) when somebody else was faster. Where an `Idempotency-Key` \
is taken, the same request sent again within a day is answered as before and does nothing."""
_REF = "#/components/schemas/{model}"
_REFUSAL = {
    "type": "object",
    "description": "`code` is for programs, `message` a sentence that says how to mend it; `fields` what it is about.",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "fields": {"type": "object"},
            },
        }
    },
}


async def show(_asked: Asked[Nothing, Nothing]) -> web.Response:
    """The description of the API."""
    from webui.routes import ROUTES  # the table names this handler too

    return web.json_response(describe(ROUTES))


def describe(routes: Iterable[Route]) -> dict[str, Any]:
    """The document for these routes."""
    routes = tuple(routes)
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = []
    for route in routes:
        wanted += [(route.body, "validation"), (route.query, "validation")]
        wanted += [(route.answer, "serialization")] if route.answer else []
    _, schemas = models_json_schema(list(dict.fromkeys(wanted)), ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        path = re.sub(r"\{(\w+):[^/]*\}", r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, path)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Zongji 总机", "version": "1", "description": _ABOUT},
        "tags": [{"name": tag} for tag in sorted({_tag(path) for path in paths})],
        "paths": paths,
        "components": {
            "schemas": schemas.get("$defs", {}) | {"Refusal": _REFUSAL},
            "responses": {
                f"refused_{status}": _refused(status, known) for status, known in codes().items()
            },
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "__Host-zongji"},
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "zj_…"},
            },
        },
    }


def _operation(route: Route, path: str) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": "done"}
    if route.answer is not None:
        answer["content"] = _json(route.answer)
    elif route.files:
        answer["content"] = {kind: {"schema": _schema_of(kind)} for kind in route.files}
    refused = {
        str(status): {"$ref": f"#/components/responses/refused_{status}"} for status in codes()
    }
    before = {"200": answer | {"description": "made before"}} if KEY in route.headers else {}
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "tags": [_tag(path)],
        "summary": (route.handler.__doc__ or "").strip(),
        "description": _needed(route),
        "security": _security(route),
        "x-rights": sorted(route.needs.any_of),
        "parameters": [*_parameters(route, path)],
        "responses": {str(route.status): answer} | before | refused,
    }
    if route.raw:
        file = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
        operation["requestBody"] = {"required": True, "content": file}
    if route.body is not Nothing:
        operation["requestBody"] = {"required": True, "content": _json(route.body)}
    return operation


def _refused(status: int, known: Iterable[str]) -> dict[str, Any]:
    of_status = {"properties": {"error": {"properties": {"code": {"enum": sorted(known)}}}}}
    schema = {"allOf": [{"$ref": _REF.format(model="Refusal")}, of_status]}
    phrase = HTTPStatus(status).phrase
    return {"description": phrase, "content": {"application/json": {"schema": schema}}}


def _operation_id(route: Route) -> str:
    """From the handler's place: `customers.quick`."""
    module = route.handler.__module__.rpartition(".")[2]
    return f"{module}.{getattr(route.handler, '__name__', '')}"


def _schema_of(kind: str) -> dict[str, Any]:
    if kind == "application/json":
        return {"type": "object"}
    return {"type": "string"} if kind.startswith("text/") else {"contentMediaType": kind}


def _security(route: Route) -> list[dict[str, list[str]]]:
    if not route.needs.session:
        return []
    return [{"session": []}, {"token": []}] if route.needs.by_token else [{"session": []}]


def _parameters(route: Route, path: str) -> Iterable[dict[str, Any]]:
    text = {"type": "string"}
    for name in re.findall(r"\{(\w+)\}", path):
        form = {"type": "string", "pattern": f"^{_form_of(route, name)}$"}
        yield {"name": name, "in": "path", "required": True, "schema": form}
    for name, field in route.query.model_fields.items():
        schema = {"$ref": _REF.format(model=route.query.__name__) + f"/properties/{name}"}
        parted = {"style": "form", "explode": False} if PARTED in field.metadata else {}
        required = field.is_required()
        yield {"name": name, "in": "query", "required": required, "schema": schema} | parted
    if route.once:
        schema = text | {"pattern": KEY_FORM.pattern}
        yield {"name": KEY, "in": "header", "required": False, "schema": schema}
    page_only = route.method != "GET" and not route.needs.signed
    for name in (*route.headers, *((CSRF_HEADER,) if page_only else ())):
        schema = text | ({"default": "1"} if name == CSRF_HEADER else {})
        yield {"name": name, "in": "header", "required": True, "schema": schema}


def _tag(path: str) -> str:
    """The first part after `/api/`, by which readers find what belongs together."""
    before, api, rest = path.partition("/api/")
    return rest.partition("/")[0] if api and not before else "system"


def _needed(route: Route) -> str:
    rights = " or ".join(f"`{right}`" for right in sorted(route.needs.any_of))
    return f"Needs the right {rights}." if rights else ""


def _form_of(route: Route, name: str) -> str:
    """The pattern after the name in the route's path; it has no slash."""
    return route.path.partition(f"{{{name}:")[2].partition("/")[0].removesuffix("}")


def _json(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REF.format(model=model.__name__)}}}


ROUTES = (Route("GET", "/api/openapi.json", show, LOGGED_IN, files=("application/json",)),)
