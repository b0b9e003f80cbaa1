"""How fast AMI is taken in: this program's protocol beside panoramisk's own, on recorded traffic.

Rule: both are fed the same chunks in the same run, by turns, and the medians are compared. `unread`:
events that nobody wants; `read`: every header of every event is read by a handler.

    python -m bench.ami
    ZONGJI_AMI_SECRET=… python -m bench.ami --record HOST PORT --user NAME --seconds 30
"""

import argparse
import asyncio
import gc
import gzip
import logging
import os
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager

from ami_bridge.framing import encode
from ami_bridge.protocol import BridgeProtocol

STREAM = Path(__file__).parent / "data" / "ami_stream.bin.gz"
CHUNK = 65_536
ROUNDS = 7

Feed = Callable[[bytes], None]
Headers = deque[tuple[str, str]]


class _NoTransport(asyncio.Transport):
    """Nothing is written while reading."""


def panoramisk(*, read: bool) -> tuple[Feed, Headers]:
    """panoramisk's protocol under its own Manager; a handler for every event when `read`."""
    last: Headers = deque(maxlen=1)

    def touch(_: Manager, event: Any) -> None:
        last.extend(event.items())

    manager = Manager(loop=asyncio.get_running_loop())
    if read:
        manager.register_event("*", touch)
    protocol = AMIProtocol()
    protocol.connection_made(_NoTransport())
    protocol.factory = manager
    protocol.encoding = "utf8"
    return protocol.data_received, last


def zongji(*, read: bool) -> tuple[Feed, Headers]:
    """Our protocol, and its queue emptied: the event's name is looked at, all headers when `read`."""
    last: Headers = deque(maxlen=1)
    protocol = BridgeProtocol(queue_limit=1_000_000)
    protocol.connection_made(_NoTransport())
    unwanted = {b""}

    def feed(chunk: bytes) -> None:
        protocol.data_received(chunk)
        while protocol.events:
            event = protocol.events.popleft()
            name = event.event
            if read and name not in unwanted:
                last.extend(event.items())

    return feed, last


def timed(feed: Feed, chunks: Sequence[bytes]) -> float:
    """Processor seconds, which a busy machine disturbs least."""
    gc.collect()
    started = time.process_time()
    for chunk in chunks:
        feed(chunk)
    return time.process_time() - started


async def compare(chunks: Sequence[bytes], *, read: bool) -> tuple[float, float]:
    """Median processor seconds of panoramisk and of ours, taken by turns."""
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(ROUNDS):
        turns = [(0, panoramisk), (1, zongji)]
        for place, make in turns if number % 2 else reversed(turns):
            feed, last = make(read=read)
            taken[place].append(timed(feed, chunks))
            assert bool(last) is read
    return statistics.median(taken[0]), statistics.median(taken[1])


async def measure() -> None:
    stream = gzip.decompress(STREAM.read_bytes())
    chunks = [stream[at : at + CHUNK] for at in range(0, len(stream), CHUNK)]
    events = stream.count(b"\r\n\r\n")
    print(f"{events} messages of recorded AMI traffic, {len(stream) / 1e6:.1f} MB")
    print(f"{'':8}{'panoramisk':>16}{'zongji':>16}{'ratio':>10}")
    ratios = {}
    for name, read in (("unread", False), ("read", True)):
        theirs, ours = await compare(chunks, read=read)
        ratios[name] = theirs / ours
        print(f"{name:8}{events / theirs:14.0f}/s{events / ours:14.0f}/s{ratios[name]:9.1f}x")
    print(f"BENCH ami unread_ratio={ratios['unread']:.1f} read_ratio={ratios['read']:.1f}")


async def record(host: str, port: int, user: str, seconds: float) -> None:
    """Write what Asterisk sends within the time, the log-in's answer included."""
    reader, writer = await asyncio.open_connection(host, port)
    secret = os.environ["ZONGJI_AMI_SECRET"]
    writer.write(encode([("Action", "Login"), ("Username", user), ("Secret", secret)]))
    taken = bytearray()
    try:
        async with asyncio.timeout(seconds):
            while data := await reader.read(CHUNK):
                taken += data
    except TimeoutError:
        writer.close()
    whole = taken[: taken.rfind(b"\r\n\r\n") + 4]
    STREAM.parent.mkdir(exist_ok=True)
    STREAM.write_bytes(gzip.compress(bytes(whole), mtime=0))
    print(f"{STREAM.name}: {whole.count(b'Event: ')} events, {STREAM.stat().st_size} bytes packed")


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", nargs=2, metavar=("HOST", "PORT"))
    parser.add_argument("--user", default="zongji")
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args(arguments)
    logging.getLogger("panoramisk").setLevel(logging.WARNING)
    if options.record:
        host, port = options.record
        asyncio.run(record(host, int(port), options.user, options.seconds))
    else:
        asyncio.run(measure())


if __name__ == "__main__":
    main(sys.argv[1:])
