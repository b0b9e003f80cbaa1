"""`python -m bench [name]`: run one benchmark, or all of them one after the other."""

import importlib
import sys

from zongji.logs import configure_logging

NAMES = (
    "ami",
    "orders",
    "outbox",
    "pricing",
    "pop",
    "calls",
    "identify",
    "search",
    "import",
    "insight",
    "settle",
    "acd",
    "wait",
    "ivr",
    "surge",
    "pacing",
)
MODULES = {"import": "importing", "pacing": "pacing.report"}


def main() -> int:
    wanted = sys.argv[1:] or list(NAMES)
    unknown = set(wanted) - set(NAMES)
    if unknown:
        print(f"There is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}.")
        return 2
    configure_logging(quiet=True)
    for name in wanted:
        importlib.import_module(f"bench.{MODULES.get(name, name)}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
