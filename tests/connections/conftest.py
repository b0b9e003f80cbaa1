"""ERP systems beside the desk, each with a connection of its own."""

import pytest

from orders.connections.connection_views import ChangedConnection, NewCode
from tests.connections.desk import open_desk
from tests.connections.neighbours import APP_KEY, APP_SECRET, Kingdee, Yonyou


@pytest.fixture(scope="module")
async def desk(database, tmp_path_factory):
    opened = await open_desk(database, tmp_path_factory.mktemp("desk"))
    yield opened
    await opened.used.outgoing.close()


@pytest.fixture
async def kingdee(desk):
    async with Kingdee().open() as server:
        server.connection = await desk.connection(
            "kingdee",
            {
                "url": f"{server.url}/k3cloud",
                "database": "db",
                "username": "zongji",
                "organisation": "100",
                "states": {"closed": "delivered", "C": "reviewed", "B": "settled"},
            },
            {"app_id": APP_KEY, "app_secret": APP_SECRET},
            "reviewed",
        )
        code = NewCode(theirs="K-001", customer_id=desk.shop.dealer)
        await desk.used.connections.set_code(desk.owner, server.connection, code)
        yield server
        await end(desk, server.connection)


@pytest.fixture
async def yonyou(desk):
    async with Yonyou().open() as server:
        server.connection = await desk.connection(
            "yonyou",
            {
                "token_url": f"{server.url}/iuap-api-auth",
                "gateway_url": f"{server.url}/iuap-api-gateway",
                "organisation": "org",
                "transaction_type": "SO",
                "unit": "pcs",
                "states": {"ENDORDER": "delivered"},
            },
            None,
            "reviewed",
        )
        code = NewCode(theirs="Y-001", customer_id=desk.shop.dealer)
        await desk.used.connections.set_code(desk.owner, server.connection, code)
        yield server
        await end(desk, server.connection)


async def end(desk, connection_id: int) -> None:
    (now,) = [
        each for each in await desk.used.connections.all(desk.owner) if each.id == connection_id
    ]
    change = ChangedConnection(
        version=now.version, name=now.name, settings=dict(now.settings), active=False
    )
    await desk.used.connections.change(desk.owner, connection_id, change)
