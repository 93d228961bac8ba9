"""The stats server: right numbers, right refusals, one thread of its own, nothing that a stranger can use."""

from __future__ import annotations

import base64
import json
import re
import socket
import threading
import urllib.error
import urllib.request
from html.parser import HTMLParser

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tieout.streams.operate import health
from tieout.streams.operate.cluster import Cluster
from tieout.streams.operate.metrics import WorkerMetrics
from tieout.streams.operate.snapshot import snapshot
from tieout.streams.operate.status import OpenExceptions
from tieout.streams.operate.web import guard
from tieout.streams.operate.web.page import page
from tieout.streams.operate.web.server import Sources, StatsServer, WebRefused

TOKEN = "canary-token-0123456789-abcdef"
CANARY = "<script>alert('x')</script>\"'&<img src=x onerror=alert(1)>"
MOST_BYTES = 100_000


def view(cluster: Cluster, sample, at: int = 10):
    return snapshot(cluster.observe(sample.START + at * sample.SECOND))


@pytest.fixture
def sources(sample):
    cluster = sample.two_workers()
    alpha = sample.worker("alpha", sample.partition(0), sample.partition(1))
    return Sources(
        cluster=lambda: view(cluster, sample),
        metrics=WorkerMetrics(lambda: alpha).text,
        live=lambda: health.live(loop_silent_seconds=0.1, stuck_seconds=0, broker_silent_seconds=0.5),
        ready=lambda: health.ready(None, broker_silent_seconds=float("inf")),
    )


@pytest.fixture
def serve(sources):
    servers = []

    def start(**options):
        server = StatsServer(options.pop("sources", sources), **options)
        servers.append(server)
        return server.start()

    yield start
    for server in servers:
        server.stop()


def get(url: str, **headers: str):
    """(status, headers, text), refusals included."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers, refused.read().decode()


class Cells(HTMLParser):
    """Table caption -> rows of cell texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self._open: list[str] = []
        self._caption = ""
        self.feed(text)

    def handle_starttag(self, tag, _attrs):
        self._open.append(tag)
        if tag == "caption":
            self._caption = ""
        elif tag == "tr":
            self.tables[self._caption].append([])
        elif tag in ("td", "th"):
            self.tables[self._caption][-1].append("")

    def handle_endtag(self, tag):
        if tag == "caption":
            self.tables[self._caption] = []
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        if "caption" in self._open:
            self._caption += data
        elif "td" in self._open or "th" in self._open:
            self.tables[self._caption][-1][-1] += data


def test_page_api_and_metrics_of_all_workers_show_the_same_numbers(serve, sample):
    cluster, exposed = Cluster(), []
    for number, name in enumerate(("alpha", "beta")):
        status = sample.worker(name, sample.partition(2 * number), sample.partition(2 * number + 1, 7), at=10)
        cluster.hear(status, sample.START + 10 * sample.SECOND)
        exposed.append(WorkerMetrics(lambda status=status: status).text)
    passing = health.health
    urls = [
        serve(
            sources=Sources(cluster=lambda: view(cluster, sample), metrics=text, live=passing, ready=passing)
        )
        for text in exposed
    ]
    metric: dict[tuple[str, str | None], float] = {}
    for url in urls:
        for family in text_string_to_metric_families(get(url + "/metrics")[2]):
            for s in family.samples:
                key = s.name.removeprefix("tieout_"), s.labels.get("outcome") or s.labels.get("type")
                metric[key] = metric.get(key, 0) + s.value
    stats = json.loads(get(urls[0] + "/api/stats")[2])
    tables = Cells(get(urls[1] + "/")[2]).tables
    totals = [int(cell.replace(",", "")) for cell in tables["events by type and outcome"][-1][1:]]

    assert stats["received"] == metric["events_received_total", None] == totals[0] == 1_600
    finals = ["applied", "no_effect", "duplicate", "superseded", "conflict", "dead_lettered"]
    assert [stats["outcomes"][name] for name in finals] == totals[1:7]
    assert [metric["events_processed_total", name] for name in finals] == totals[1:7]
    assert stats["outcomes"]["held"] == metric["reorder_buffer_events", None] == totals[7]
    assert stats["outcomes"]["parked"] == metric["parked_events", None] == totals[8]
    assert sum(totals[1:]) == totals[0]
    for kind, count in tables["commands by kind"][1:]:
        assert (
            stats["commands"][kind] == metric["commands_emitted_total", kind] == int(count.replace(",", ""))
        )
    assert len(tables["commands by kind"]) == 3


def test_each_row_of_events_sums_to_what_was_received(serve):
    rows = Cells(get(serve() + "/")[2]).tables["events by type and outcome"][1:]
    for _, received, *outcomes in rows:
        assert int(received.replace(",", "")) == sum(int(cell.replace(",", "")) for cell in outcomes)


def test_the_flow_strip_names_the_stages_of_the_pipeline_in_order(serve, sample):
    text = get(serve() + "/")[2]
    assert re.findall(r'class="stage">([^<]+)<', text) == ["event in", *sample.STAGES]


def test_the_page_says_when_the_counts_do_not_add_up(sample):
    cluster = sample.two_workers()
    assert "Adds up in every partition" in page(view(cluster, sample))
    wrong = sample.worker("beta", sample.partition(2, received=99), sample.partition(3), at=10)
    cluster.hear(wrong, sample.START + 10 * sample.SECOND)
    text = page(view(cluster, sample))
    assert "Does not add up" in text
    assert "no: 100" in text


def test_a_hostile_name_anywhere_in_a_heartbeat_stays_text(sample):
    cluster = Cluster()
    hostile = sample.partition(
        0,
        agent=CANARY,
        state=CANARY,
        reason=CANARY,
        outcomes={CANARY: {"applied": 100}},
        commands={CANARY: 1},
        revenue_events={CANARY: 1},
        dead_letters={CANARY: 1},
        exceptions=(OpenExceptions(CANARY, CANARY, 1),),
    )
    halted = sample.partition(1, state="halted", reason=CANARY)
    status = sample.worker(CANARY, hostile, halted, at=10, version=CANARY, host=CANARY)
    cluster.hear(status, sample.START + 10 * sample.SECOND)
    text = page(view(cluster, sample))
    assert "<script" not in text
    assert "<img" not in text
    assert text.count("&lt;script&gt;") >= 12
    assert "'x'" not in text


def test_the_page_of_a_large_cluster_stays_under_100_kb(sample):
    cluster = Cluster()
    for w in range(8):
        owned = [
            sample.partition(
                number,
                w + 1,
                outcomes={f"an_event_type_{i}": {"applied": 123_456, "duplicate": 1_234} for i in range(20)},
                exceptions=tuple(OpenExceptions(f"owner_{i}", f"SOME_LONG_CODE_{i}", 9) for i in range(150)),
            )
            for number in range(w * 8, w * 8 + 8)
        ]
        cluster.hear(sample.worker(f"worker-{w}", *owned, at=10), sample.START + 10 * sample.SECOND)
    text = page(view(cluster, sample))
    assert len(text.encode()) < MOST_BYTES
    assert "and 50 more in /api/stats" in text


def test_the_page_needs_no_script_no_cookie_and_no_other_host(serve):
    url = serve()
    _, headers, text = get(url + "/")
    assert '<meta http-equiv="refresh" content="2">' in text
    assert "http-equiv" not in get(url + "/?refresh=0")[2]
    assert "<script" not in text
    assert " style=" not in text
    assert not re.search(r'(src|href)="(?!/)', text)
    assert headers["Set-Cookie"] is None
    for path in set(re.findall(r'(?:src|href)="([^"]+)"', text)):
        assert get(url + path)[0] == 200, path
    assert "url(" not in get(url + "/style.css")[2]


@pytest.mark.parametrize(
    "path", ["/", "/api/stats", "/metrics", "/livez", "/readyz", "/style.css", "/nothing"]
)
def test_every_answer_carries_the_protective_headers(serve, path):
    _, headers, _ = get(serve() + path)
    assert headers["Content-Security-Policy"].startswith("default-src 'self';")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Access-Control-Allow-Origin"] is None
    assert headers["Server"] == "tieout"


def test_a_probe_names_what_failed(serve):
    url = serve()
    assert get(url + "/livez")[0] == 200
    status, _, text = get(url + "/readyz")
    assert status == 503
    assert json.loads(text)["failing"] == ["started", "broker"]
    assert "the broker has not answered yet" in text


def test_a_bind_that_others_can_reach_is_refused_without_a_token(sources):
    for host in ("0.0.0.0", "::", "10.0.0.1"):
        with pytest.raises(WebRefused, match="TIEOUT_WEB_TOKEN"):
            StatsServer(sources, host=host)


def test_a_name_that_is_not_loopback_is_refused_so_that_no_site_can_rebind_to_us(serve):
    url = serve()
    assert get(url + "/api/stats", Host="evil.example")[0] == 403
    assert get(url + "/api/stats", Host="127.0.0.1.evil.example:80")[0] == 403
    assert get(url + "/api/stats", Host="localhost:80")[0] == 200


def test_with_a_token_everything_but_the_probes_asks_for_it(serve):
    url = serve(token=TOKEN)
    basic = base64.b64encode(f"any:{TOKEN}".encode()).decode()
    for path in ("/", "/api/stats", "/metrics", "/style.css", "/nothing"):
        status, headers, text = get(url + path)
        assert status == 401, path
        assert headers["WWW-Authenticate"].startswith("Basic")
        assert TOKEN not in text
    for path in ("/", "/api/stats", "/metrics"):
        assert get(url + path, Authorization=f"Bearer {TOKEN}")[0] == 200
        assert get(url + path, Authorization=f"Basic {basic}")[0] == 200
    for wrong in (
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        "Bearer ",
        f"Token {TOKEN}",
        "Basic !!!",
        "Basic /w==",
    ):
        assert get(url + "/metrics", Authorization=wrong)[0] == 401, wrong
    assert get(url + "/livez")[0] == 200
    assert json.loads(get(url + "/readyz")[2]) == {"ok": False, "failing": ["started", "broker"]}


def test_the_token_is_compared_in_constant_time_over_digests_of_equal_length(monkeypatch):
    compared = []

    def watch(a, b):
        compared.append((len(a), len(b)))
        return a == b

    monkeypatch.setattr(guard.hmac, "compare_digest", watch)
    assert guard.same_secret(TOKEN, TOKEN)
    assert not guard.same_secret("", TOKEN)
    assert not guard.same_secret(TOKEN * 9, TOKEN)
    assert set(compared) == {(32, 32)}


def test_nothing_can_be_changed_through_it(serve):
    url = serve()
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        request = urllib.request.Request(url + "/", method=method)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=5)
        assert refused.value.code == 405


def test_a_port_in_use_is_refused_with_what_to_do(sources):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(WebRefused, match="TIEOUT_WEB_PORT"):
            StatsServer(sources, port=taken.getsockname()[1]).start()


def test_it_runs_in_its_own_thread_and_leaves_none_behind(sources):
    seen = []

    async def beside():
        seen.append(threading.current_thread().name)
        raise RuntimeError("a broken reader must not take the page down")

    server = StatsServer(sources, beside=(beside,))
    url = server.start()
    assert get(url + "/livez")[0] == 200
    assert seen == ["tieout-stats"]
    server.stop()
    assert "tieout-stats" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(urllib.error.URLError):
        get(url + "/livez")
