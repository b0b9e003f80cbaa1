"""Where a Yonyou tenant is, and how its books are kept."""

from typing import Annotated

from pydantic import AfterValidator, Field

from crm_core.fields import Text
from orders.connections.addresses import checked_address
from orders.connections.ports import Part

Code = Annotated[Text, Field(min_length=1, max_length=40)]
Url = Annotated[str, AfterValidator(checked_address)]


class Settings(Part):
    """`token_url` and `gateway_url` are those of the tenant's data centre (getGatewayAddress); `states` are
    our statuses by theirs (`nextStatusName`, such as DELIVERY_PART or ENDORDER).
    """

    token_url: Url
    gateway_url: Url
    organisation: Code
    transaction_type: Code
    unit: Code
    states: Annotated[dict[Code, Code], Field(max_length=20)] = Field(default_factory=dict)


class Secrets(Part):
    app_key: Code
    app_secret: Annotated[Text, Field(min_length=1, max_length=200)]
