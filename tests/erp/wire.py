"""A wire between an adapter and its ERP that can lose what it carries: faults that need nothing of the ERP itself.

Invariant: bytes are never changed, and a request that reads (GET) is never harmed. ``lose``: the ERP executes, and its answer
is cut off. ``mute``: the ERP executes, and nothing comes back. ``cut``: the connection breaks as soon as the request begins,
and the ERP sees nothing of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Literal, Self
from urllib.parse import urlsplit

CHUNK = 65_536
CHANGES = (b"POST ", b"PUT ", b"PATCH ", b"DELETE ")
READS = (b"GET ", b"HEAD ")


class Wire:
    """``async with Wire(url) as wire``: connect to ``wire.url``, and set ``wire.fault`` when it shall fail."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname, parts.port)
        self._path = parts.path
        self.fault: Literal["none", "lose", "mute", "cut"] = "none"
        self.url = ""
        self._changing: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}{self._path}"
        self._tasks: set[asyncio.Task] = set()
        return self

    async def __aexit__(self, *_) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader, writer) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        erp_reader, erp_writer = await asyncio.open_connection(*self._target)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._up(reader, erp_writer, writer))
                both.create_task(self._down(erp_reader, writer))
        except* (ConnectionError, OSError):
            pass
        finally:
            for each in (writer, erp_writer):
                each.close()
                with contextlib.suppress(Exception):
                    await each.wait_closed()

    async def _up(self, reader, erp_writer, writer) -> None:
        while data := await reader.read(CHUNK):
            if data.startswith(CHANGES):
                self._changing.add(writer)
            elif data.startswith(READS):
                self._changing.discard(writer)
            if self._fault_of(writer) == "cut":
                writer.transport.abort()
                raise ConnectionAbortedError
            erp_writer.write(data)
            await erp_writer.drain()
        erp_writer.close()

    async def _down(self, erp_reader, writer) -> None:
        while data := await erp_reader.read(CHUNK):
            fault = self._fault_of(writer)
            if fault == "lose":
                writer.transport.abort()
                raise ConnectionAbortedError
            if fault != "mute":
                writer.write(data)
                await writer.drain()
        writer.close()

    def _fault_of(self, writer) -> str:
        return self.fault if writer in self._changing else "none"


def url_where_nobody_listens() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"
