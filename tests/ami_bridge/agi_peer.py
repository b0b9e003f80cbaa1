"""The Asterisk side of FastAGI over a real socket: sends an environment, answers commands as told."""

import asyncio
from typing import Self

ENVIRONMENT = (
    "agi_network: yes\n"
    "agi_network_script: inbound?did=02223456789&x=a%26b\n"
    "agi_request: agi://127.0.0.1:4573/inbound?did=02223456789&x=a%26b\n"
    "agi_channel: PJSIP/trunk-00000001\n"
    "agi_language: zh\n"
    "agi_uniqueid: 1795414846.7\n"
    "agi_callerid: 13800138000\n"
    "agi_calleridname: unknown\n"
    "agi_dnid: 02223456789\n"
    "agi_context: zongji-call\n"
    "agi_extension: s\n"
    "agi_arg_1: 王\n"
    "\n"
).encode()


class AgiPeer:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def call(cls, port: int, first: bytes = ENVIRONMENT) -> Self:
        peer = cls(*await asyncio.open_connection("127.0.0.1", port))
        peer.say(first)
        return peer

    def say(self, data: bytes) -> None:
        self._writer.write(data)

    async def command(self) -> str:
        """The next command, '' when the server closed the connection."""
        async with asyncio.timeout(10):
            try:
                return (await self._reader.readline()).decode().rstrip("\n")
            except ConnectionError:
                return ""

    async def expect(self, command: str, reply: str) -> None:
        heard = await self.command()
        assert heard == command, heard
        self.say(reply.encode() + b"\n")

    async def closed(self) -> bool:
        """Whether the server ends the connection."""
        return not await self.command()

    def leave(self) -> None:
        self._writer.close()


def asterisk_words(line: str) -> list[str]:
    """How Asterisk takes a command line apart (parse_args in res_agi.c)."""
    words: list[str] = []
    quoted = escaped = False
    between = True
    for sign in line:
        if sign == '"' and not escaped:
            quoted = not quoted
            if quoted and between:
                words.append("")
                between = False
        elif sign in " \t" and not quoted and not escaped:
            between = True
        elif sign == "\\" and not escaped:
            escaped = True
            continue
        else:
            if between:
                words.append("")
                between = False
            words[-1] += sign
        escaped = False
    return words
