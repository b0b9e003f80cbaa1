"""奇门 (Qimen), the protocol by which shops and order systems of Taobao's world send orders to a warehouse:
`deliveryorder.create` and `order.cancel` come in, `deliveryorder.confirm` goes out; XML, signed by the
sorted parameters and the body (奇门签名算法, open.taobao.com).
"""

from orders.connections.connectors.qimen.client import QimenClient
from orders.connections.connectors.qimen.settings import Secrets, Settings
from orders.connections.ports import Connector

CONNECTOR = Connector("qimen", "奇门", Settings, Secrets, QimenClient, receives=True, sends=True)
