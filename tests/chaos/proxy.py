"""A TCP proxy that makes a bad network: latency, little bandwidth, resets, half-open connections, partitions.

One proxy stands between one client and one broker port; ``Line`` is what all proxies of one client share. Invariant:
bytes are delayed or never come, but never changed, repeated or reordered within a connection, as TCP promises.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tieout.streams.operate.servers import ports

T = TypeVar("T")

CHUNK = 16 << 10
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on with no time: closing sends RST."""


@dataclass(slots=True)
class Line:
    """The state of a client's network. ``up`` is from the client to the broker, ``down`` the other way."""

    latency_seconds: float = 0.0
    jitter_seconds: float = 0.0
    bytes_per_second: float = 0.0
    up_is_cut: bool = False
    down_is_cut: bool = False
    chance: random.Random = field(default_factory=random.Random)

    def delay(self, size: int) -> float:
        """Seconds that so many bytes take now."""
        seconds = max(0.0, self.latency_seconds + self.chance.uniform(-1, 1) * self.jitter_seconds)
        return seconds + (size / self.bytes_per_second if self.bytes_per_second else 0.0)

    def heal(self) -> None:
        """A good network again."""
        self.latency_seconds = self.jitter_seconds = self.bytes_per_second = 0.0
        self.up_is_cut = self.down_is_cut = False


async def _connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the broker itself, by a socket of our own: a test may lead this process' connections to us."""
    raw = socket.socket()
    raw.setblocking(False)  # noqa: FBT003 - by position alone
    try:
        await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", port))
        return await asyncio.open_connection(sock=raw)
    except BaseException:
        raw.close()
        raise


async def _while(condition: Callable[[], bool]) -> None:
    """Wait; the line is changed from another thread, which can set no event of this loop."""
    while condition():  # noqa: ASYNC110 - see above
        await asyncio.sleep(0.02)


@dataclass(slots=True, eq=False)
class _Pair:
    client: asyncio.StreamWriter
    broker: asyncio.StreamWriter | None = None
    forgotten: bool = False
    """Half-open: the broker's side is gone and the client is not told."""


class Proxies:
    """The proxies of one client, one per broker port, on an event loop in a thread of their own."""

    def __init__(self, broker_ports: Sequence[int], line: Line) -> None:
        self.line = line
        self.routes: dict[str, int] = {}
        """Broker port -> proxy port, as a worker's configuration takes it."""
        self.connections = self.resets = 0
        self._pairs: set[_Pair] = set()
        self._servers: list[asyncio.Server] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        for port, own in zip(broker_ports, ports.choose(len(broker_ports)), strict=True):
            self._call(self._listen(port, own))
            self.routes[str(port)] = own

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self, port: int, own: int) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._serve(port, reader, writer)

        self._servers.append(await asyncio.start_server(serve, "127.0.0.1", own))

    async def _serve(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pair = _Pair(writer)
        self._pairs.add(pair)
        self.connections += 1
        try:
            await _while(lambda: self.line.up_is_cut or self.line.down_is_cut)
            from_broker, pair.broker = await _connect(port)
            up = asyncio.ensure_future(self._pump(pair, reader, pair.broker, up=True))
            down = asyncio.ensure_future(self._pump(pair, from_broker, writer, up=False))
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            await _while(lambda: pair.forgotten)
            for pump in (up, down):
                pump.cancel()
        except OSError:
            pass
        finally:
            self._pairs.discard(pair)
            for end in (pair.client, pair.broker):
                if end is not None:
                    end.close()

    async def _pump(
        self, pair: _Pair, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, up: bool
    ) -> None:
        """Forward one direction in order; a cut holds it, as lost packets are sent again after the heal."""
        line, free_at, loop = self.line, 0.0, asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                transit = len(data) / line.bytes_per_second if line.bytes_per_second else 0.0
                arrives = max(loop.time() + line.delay(0), free_at) + transit
                free_at = arrives
                await asyncio.sleep(max(0.0, arrives - loop.time()))
                await _while(lambda: line.up_is_cut if up else line.down_is_cut)
                if pair.forgotten:
                    continue
                writer.write(data)
                await writer.drain()

    # What can be done to the connections.

    def reset(self) -> None:
        """Break every connection with RST on both sides."""
        self._call(self._reset())

    async def _reset(self) -> None:
        for pair in list(self._pairs):
            self.resets += 1
            for end in (pair.client, pair.broker):
                if end is not None:
                    raw = end.get_extra_info("socket")
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    end.transport.abort()

    def half_open(self) -> None:
        """The broker loses every connection and the client is not told: what it sends vanishes."""
        self._call(self._half_open())

    async def _half_open(self) -> None:
        for pair in list(self._pairs):
            if pair.broker is not None and not pair.forgotten:
                self.resets += 1
                pair.forgotten = True
                pair.broker.transport.abort()

    def close(self) -> None:
        """End the servers, every connection and the thread."""
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        mine = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in mine:
            task.cancel()
        await asyncio.gather(*mine, return_exceptions=True)
