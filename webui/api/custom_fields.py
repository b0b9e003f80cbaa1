"""Fields that the business adds to its customers' records."""

from decimal import Decimal

from crm_core.customers.custom_fields import CustomFieldChange, NewCustomField
from crm_core.rights import Right
from webui.api.customers import Version
from webui.asked import Asked, Model, Nothing
from webui.routing import NUMBER, Route, needs
from webui.views import View


class WantedCustomField(Model, NewCustomField):
    """A new field; its code and type stay as they are."""


class CustomFieldEdit(Model, CustomFieldChange):
    version: Version


class CustomFieldItem(View):
    id: int
    code: str
    label_zh: str
    label_en: str
    type: str
    required: bool
    options: tuple[str, ...]
    least: Decimal | None
    most: Decimal | None
    place: int
    active: bool
    version: int


class CustomFieldList(View):
    items: tuple[CustomFieldItem, ...]


class CustomFieldAnswer(View):
    field: CustomFieldItem


async def all_fields(asked: Asked[Nothing, Nothing]) -> CustomFieldList:
    """Every field, inactive ones only for those who may change them."""
    manages = asked.principal.may(Right.RULES_MANAGE)
    found = await asked.services.crm.custom_fields.all(only_active=not manages)
    visible = (
        each for each in found if asked.principal.may_read("customer", f"custom.{each.code}")
    )
    return CustomFieldList(items=tuple(CustomFieldItem.model_validate(each) for each in visible))


async def create(asked: Asked[WantedCustomField, Nothing]) -> CustomFieldAnswer:
    """Add a field."""
    made = await asked.services.crm.custom_fields.create(asked.principal, asked.body)
    return CustomFieldAnswer(field=CustomFieldItem.model_validate(made))


async def change(asked: Asked[CustomFieldEdit, Nothing]) -> CustomFieldAnswer:
    """Change labels, bounds or options, or make the field inactive."""
    given = asked.body.model_dump(exclude_unset=True, exclude={"version"})
    made = await asked.services.crm.custom_fields.update(
        asked.principal,
        int(asked.id),
        asked.body.version,
        CustomFieldChange.model_validate(given),
    )
    return CustomFieldAnswer(field=CustomFieldItem.model_validate(made))


_MANAGE = needs(Right.RULES_MANAGE)

ROUTES = (
    Route(
        "GET", "/api/custom-fields", all_fields, needs(Right.CUSTOMER_VIEW), answer=CustomFieldList
    ),
    Route(
        "POST",
        "/api/custom-fields",
        create,
        _MANAGE,
        WantedCustomField,
        answer=CustomFieldAnswer,
        status=201,
        once=True,
    ),
    Route(
        "PATCH",
        f"/api/custom-fields/{NUMBER}",
        change,
        _MANAGE,
        CustomFieldEdit,
        answer=CustomFieldAnswer,
    ),
)
