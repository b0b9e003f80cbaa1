"""A shop, and by which rules its orders become ours."""

from typing import Annotated

from pydantic import AfterValidator, Field

from crm_core.fields import Text
from orders.connections.addresses import checked_address
from orders.connections.ports import Part, ShopRules

Code = Annotated[Text, Field(min_length=1, max_length=40)]


class Settings(ShopRules):
    """`url` is where confirmations go (奇门 router), `customer` the customerId of what we send."""

    customer: Code = "zongji"
    warehouse: Code = "main"
    url: Annotated[str, AfterValidator(checked_address)] | None = None


class Secrets(Part):
    app_key: Code
    app_secret: Annotated[Text, Field(min_length=8, max_length=200)]
