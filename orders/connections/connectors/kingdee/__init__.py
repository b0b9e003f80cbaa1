"""金蝶云星空 (Kingdee K/3 Cloud), by its WebAPI: log-in by application, Save, Submit and Audit of
SAL_SaleOrder, UnAudit, CancelAssign and the operation Cancel to take it back, ExecuteBillQuery for states and stock (“WebAPI接口之【销售订单保存/修改接口】使用指南”).
"""

from orders.connections.connectors.kingdee.client import KingdeeClient
from orders.connections.connectors.kingdee.settings import Secrets, Settings
from orders.connections.ports import Connector

CONNECTOR = Connector(
    "kingdee", "金蝶云星空", Settings, Secrets, KingdeeClient, sends=True, counts=True, changes=True
)
