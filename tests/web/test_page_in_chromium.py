"""The page in a real browser: two widths, no script, no complaint, no foreign request, readable contrast."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
import shutil
import signal
import struct
import subprocess
import time
from pathlib import Path

import aiohttp
import pytest

from tieout.streams.operate import health
from tieout.streams.operate.cluster import Cluster
from tieout.streams.operate.snapshot import snapshot
from tieout.streams.operate.web.server import Sources, StatsServer

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="no chromium on PATH; install it to look at the page in a browser"
)

CONTRAST = """
(() => {
  const canvas = document.createElement('canvas').getContext('2d');
  const rgb = text => { canvas.clearRect(0,0,1,1); canvas.fillStyle = text; canvas.fillRect(0,0,1,1);
                        return [...canvas.getImageData(0,0,1,1).data]; };
  const light = ([r,g,b]) => [r,g,b].map(v => v/255).map(v => v <= .03928 ? v/12.92 : ((v+.055)/1.055)**2.4)
                                    .reduce((sum, v, i) => sum + v*[.2126,.7152,.0722][i], 0);
  const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
                        if (rgb(c)[3] === 255) return rgb(c); } return [255,255,255]; };
  return [...document.querySelectorAll('body *')]
    .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
    .map(e => { const a = light(rgb(getComputedStyle(e).color)), b = light(ground(e));
                return [(Math.max(a,b)+.05)/(Math.min(a,b)+.05), e.textContent.slice(0,40)]; })
    .filter(([ratio]) => ratio < 4.5);
})()
"""


class ProtocolError(RuntimeError):
    pass


class Tab:
    """One tab of a headless browser, over its debugging protocol."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.events: list[dict] = []

    async def call(self, method: str, **params):
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        while True:
            message = await self._next(10)
            if message.get("id") == number:
                if "error" in message:
                    raise ProtocolError(message["error"]["message"])
                return message["result"]

    async def _next(self, seconds: float) -> dict:
        message = json.loads((await self._socket.receive(seconds)).data)
        if "method" in message:
            self.events.append(message)
        return message

    async def open(self, url: str) -> None:
        del self.events[:]
        await self.call("Page.navigate", url=url)
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            await self._next(10)

    async def value(self, expression: str):
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def html(self) -> str:
        """The document as it is; asks again where the page is replaced by a refresh in between."""
        while True:
            with contextlib.suppress(ProtocolError):
                return await self._html()

    async def _html(self) -> str:
        root = (await self.call("DOM.getDocument", depth=0))["root"]["nodeId"]
        return (await self.call("DOM.getOuterHTML", nodeId=root))["outerHTML"]


@contextlib.asynccontextmanager
async def browsing(folder: Path):
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"]
    process = await asyncio.create_subprocess_exec(
        BROWSER,
        *flags,
        f"--user-data-dir={folder}",
        "--remote-debugging-port=0",
        "about:blank",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        port_file = folder / "DevToolsActivePort"
        until = time.monotonic() + 30
        while not (port_file.exists() and port_file.read_text().count("\n")):
            assert time.monotonic() < until, "the browser did not start within 30 s"
            await asyncio.sleep(0.05)
        port = port_file.read_text().split()[0]
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                [target] = [t for t in await answer.json() if t["type"] == "page"]
            async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                tab = Tab(socket)
                for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
                    await tab.call(f"{domain}.enable")
                yield tab
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


@pytest.fixture
def cluster(sample):
    merged = Cluster()
    long_words = "reference row 7 has not been read by this worker: " + "unbreakable" * 12
    troubled = sample.partition(3, state="halted", reason=long_words)
    merged.hear(
        sample.worker("alpha", sample.partition(0), sample.partition(1), at=10),
        sample.START + 10 * sample.SECOND,
    )
    for at in (-20, 10):
        merged.hear(
            sample.worker("beta", sample.partition(2), troubled, at=at), sample.START + at * sample.SECOND
        )
    merged.hear(
        sample.poster(at=10, stopped="the ERP does not let us in (401)"), sample.START + 10 * sample.SECOND
    )
    return merged


@pytest.fixture
def url(cluster, sample):
    sources = Sources(
        cluster=lambda: snapshot(cluster.observe(sample.START + 10 * sample.SECOND)),
        metrics=lambda: b"",
        live=health.health,
        ready=health.health,
    )
    server = StatsServer(sources)
    yield server.start()
    server.stop()


async def test_the_page_in_a_browser(url, cluster, sample, tmp_path):
    async with browsing(tmp_path / "profile") as tab:
        await it_fits_and_is_readable(tab, url, tmp_path)
        await it_asks_only_its_own_host_and_breaks_no_policy(tab, url)
        await it_works_and_refreshes_without_script(tab, url, cluster, sample)


async def it_fits_and_is_readable(tab: Tab, url: str, folder: Path) -> None:
    for width in (360, 1280):
        for scheme in ("light", "dark"):
            await tab.call(
                "Emulation.setDeviceMetricsOverride",
                width=width,
                height=800,
                deviceScaleFactor=1,
                mobile=False,
            )
            feature = {"name": "prefers-color-scheme", "value": scheme}
            await tab.call("Emulation.setEmulatedMedia", features=[feature])
            await tab.open(url + "/?refresh=0")
            assert await tab.value("document.documentElement.scrollWidth") <= width, (width, scheme)
            assert await tab.value(CONTRAST) == [], (width, scheme)
            sentence = await tab.value("document.getElementById('sentence').innerText")
            assert "Partition 3 of contracts has halted: reference row 7" in sentence
            assert "Partition 2 of contracts has not moved for 30 seconds." in sentence
            assert "has not moved for 30 s" in await tab.value(
                "document.querySelector('#partitions').closest('section').innerText"
            )
            shot = base64.b64decode(
                (await tab.call("Page.captureScreenshot", captureBeyondViewport=True))["data"]
            )
            assert struct.unpack(">I", shot[16:20])[0] == width
            (folder / f"page-{width}-{scheme}.png").write_bytes(shot)


async def it_asks_only_its_own_host_and_breaks_no_policy(tab: Tab, url: str) -> None:
    await tab.open(url + "/?refresh=0")
    asked = [e["params"]["request"]["url"] for e in tab.events if e["method"] == "Network.requestWillBeSent"]
    assert asked
    assert all(address.startswith(url) for address in asked)
    assert [e for e in tab.events if e["method"] in ("Log.entryAdded", "Runtime.exceptionThrown")] == []
    assert await tab.value("getComputedStyle(document.querySelector('.flow')).display") == "grid"


async def it_works_and_refreshes_without_script(tab: Tab, url: str, cluster: Cluster, sample) -> None:
    await tab.call("Emulation.setScriptExecutionDisabled", value=True)
    await tab.open(url + "/")
    assert "400 received" in await tab.html()
    more = [sample.partition(0, 2), sample.partition(1)]
    cluster.hear(sample.worker("alpha", *more, at=10), sample.START + 10 * sample.SECOND)
    until = time.monotonic() + 10
    while "500 received" not in await tab.html():
        assert time.monotonic() < until, "the page did not refresh by itself"
        await asyncio.sleep(0.2)
