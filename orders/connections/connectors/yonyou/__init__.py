"""用友 YonBIP (Yonyou), by its open platform: a token for application key and signature
(`selfAppAuth/getAccessToken`), sales orders by `voucherorder/singleSave`, taken back by `batchunaudit`,
`batchunsubmit` and `delete`, their list and the stock on hand.
"""

from orders.connections.connectors.yonyou.client import YonyouClient
from orders.connections.connectors.yonyou.settings import Secrets, Settings
from orders.connections.ports import Connector

CONNECTOR = Connector(
    "yonyou", "用友 YonBIP", Settings, Secrets, YonyouClient, sends=True, counts=True, changes=True
)
