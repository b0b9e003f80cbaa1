"""Where a Kingdee server is, and how its books are kept."""

from typing import Annotated

from pydantic import AfterValidator, Field

from crm_core.fields import Text
from orders.connections.addresses import checked_address
from orders.connections.ports import Part

Code = Annotated[Text, Field(min_length=1, max_length=40)]


class Settings(Part):
    """`url` ends at /k3cloud; `states` are our statuses by theirs (A…D, or `closed`)."""

    url: Annotated[str, AfterValidator(checked_address)]
    database: Code
    username: Code
    organisation: Code
    bill_type: Code = "XSDD01_SYS"
    currency: Code = "PRE001"
    unit: Code = "Pcs"
    audit: bool = True
    states: Annotated[dict[Code, Code], Field(max_length=20)] = Field(default_factory=dict)


class Secrets(Part):
    """The application that was granted access (第三方系统登录授权)."""

    app_id: Code
    app_secret: Annotated[Text, Field(min_length=1, max_length=200)]
