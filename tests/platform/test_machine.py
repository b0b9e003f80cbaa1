"""Ports in use and failing builds are told in a sentence."""

import socket

import pytest

from tests.ports import free_port
from zongji.platform import pages
from zongji.platform.asterisk import require_free
from zongji.platform.errors import PlatformError


@pytest.mark.parametrize("datagram", [False, True])
def test_a_port_in_use_is_named_with_what_wants_it(datagram: bool):
    kind = socket.SOCK_DGRAM if datagram else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.4.1", 0))
        if not datagram:
            other.listen()
        port = other.getsockname()[1]

        with pytest.raises(PlatformError) as refused:
            require_free("127.0.4.1", port, "the pages", datagram=datagram)

    assert str(refused.value) == (
        f"Port {port} (the pages) on 127.0.4.1 is in use: stop the program that has it, "
        "or start with --port-offset 1000."
    )


def test_a_free_port_passes_and_stays_free():
    port = free_port()

    require_free("127.0.0.1", port, "the pages")
    require_free("127.0.0.1", port, "SIP", datagram=True)
    require_free("127.0.0.1", port, "the pages")


@pytest.mark.parametrize(
    ("said", "explained"),
    [
        ("npm error code ENOSPC", "The disk of"),
        ("npm error errno ECONNREFUSED", "The npm registry cannot be reached"),
        ("npm error network request failed, reason: getaddrinfo ENOTFOUND x", "The npm registry"),
        ("src/App.vue(3,1): error TS1005: ';' expected.", "npm run build failed:\nsrc/App.vue"),
    ],
)
def test_what_npm_says_is_explained(said: str, explained: str):
    assert str(pages.explain(("run", "build"), said)).startswith(explained)


def test_a_long_story_of_npm_keeps_its_end():
    told = str(pages.explain(("run", "build"), "x" * 9000 + "the cause"))

    assert told.endswith("the cause")
    assert len(told) < 4000


def test_a_node_is_found_even_where_none_is_installed():
    command, path = pages.npm_command("")

    assert command[0].endswith("/bin/node")
    assert command[1].endswith("npm-cli.js")
    assert path
