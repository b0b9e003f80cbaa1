"""Every command of `zongji api` as a line; `python -m tests.zongji.api_commands` writes the list anew."""

from pathlib import Path

from webui.routes import ROUTES
from zongji.cli.api.naming import by_resource, pattern, places

LIST = Path(__file__).with_name("api_commands.txt")


def lines() -> list[str]:
    """As they are typed, and what they ask; in the order of the route table."""
    return [
        " ".join((resource, name, *(place.upper() for place in places(route)))).ljust(42)
        + f"{route.method:<6} {pattern(route)}"
        for resource, commands in by_resource(ROUTES).items()
        for name, route in commands.items()
    ]


if __name__ == "__main__":
    LIST.write_text("\n".join(lines()) + "\n", encoding="utf-8")
