"""A request as a handler gets it: checked, and asked by somebody known.

Rule: what a handler is given was held against its models, in which unknown names and unprintable text
are refused; no handler reads a body or a query by itself.
"""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from aiohttp import web
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from crm_core.errors import Invalid
from crm_core.rights import Principal
from webui.door import Door
from webui.errors import BadRequest, Unauthenticated
from webui.services import WebServices


class Model(BaseModel):
    """What may be asked, and nothing besides."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Nothing(Model):
    """No input."""


def _parted(value: object) -> object:
    return value.split(",") if isinstance(value, str) else value


PARTED = BeforeValidator(_parted)
"""For a list in a query: one parameter, its entries parted by commas."""


BodyT_co = TypeVar("BodyT_co", bound=Model, covariant=True)
QueryT_co = TypeVar("QueryT_co", bound=Model, covariant=True)
ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Asked(Generic[BodyT_co, QueryT_co]):
    """`who` is None only where a route is open to anyone; `token` is the session's, None also for a
    program with a service token.
    """

    body: BodyT_co
    query: QueryT_co
    request: web.Request
    door: Door
    who: Principal | None
    token: str | None

    @property
    def services(self) -> WebServices:
        return self.door.services

    @property
    def principal(self) -> Principal:
        """Raises Unauthenticated."""
        if self.who is None:
            raise Unauthenticated("Log in first.")
        return self.who

    @property
    def hidden(self) -> frozenset[str]:
        """The fields that whoever asks may not see."""
        return self.who.hidden if self.who is not None else frozenset()

    @property
    def address(self) -> str:
        """Where it comes from; empty when that is not known."""
        return self.services.options.proxies.client(self.request)

    @property
    def id(self) -> str:
        """The `{id}` of the path."""
        return self.request.match_info["id"]


def checked(model: type[ModelT], values: dict[str, Any]) -> ModelT:
    """The model of these values. Raises Invalid naming each wrong field."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _invalid(error) from error


async def read_body(request: web.Request, model: type[ModelT]) -> ModelT:
    """The JSON body; none at all counts as empty. Raises BadRequest, Invalid."""
    raw = await request.read()
    if raw and request.content_type != "application/json":
        raise BadRequest("Send JSON, with Content-Type: application/json.")
    try:
        return model.model_validate_json(raw or b"{}")
    except ValidationError as error:
        if any(each["type"] == "json_invalid" for each in error.errors()):
            raise BadRequest("The body is not valid JSON.") from error
        raise _invalid(error) from error


def read_query(request: web.Request, model: type[ModelT]) -> ModelT:
    """The query's parameters; an empty one counts as not given. Raises Invalid."""
    return checked(model, {key: value for key, value in request.query.items() if value})


def _invalid(error: ValidationError) -> Invalid:
    fields = {
        ".".join(map(str, each["loc"])) or "body": each["msg"]
        for each in error.errors(include_url=False, include_input=False, include_context=False)
    }
    return Invalid("Something was filled in wrongly: see the fields.", fields=fields)
