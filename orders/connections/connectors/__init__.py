"""The kinds of connection there are. Rule: a folder for each, all of one shape:

__init__.py   `CONNECTOR`: what it is called and can do
settings.py   `Settings` and `Secrets`, as pydantic models
mapping.py    pure functions between its papers and ours
client.py     `Client`: signing, asking, answering
errors.py     what its refusals mean, and which of them are permanent
"""

from collections.abc import Mapping

from orders.connections.connectors.kingdee import CONNECTOR as KINGDEE
from orders.connections.connectors.qimen import CONNECTOR as QIMEN
from orders.connections.connectors.yonyou import CONNECTOR as YONYOU
from orders.connections.ports import Connector

CONNECTORS: Mapping[str, Connector] = {each.kind: each for each in (KINGDEE, QIMEN, YONYOU)}
