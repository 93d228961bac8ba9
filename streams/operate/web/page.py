"""The one page: rendered on the server from a snapshot, readable without script, colour never the only signal.

Order = the questions of a revenue-operations lead first, then those of the engineer on call. Pure; all text passes
through ``markup.el``, which escapes it. Invariant: each figure is a field of the snapshot that ``/api/stats`` returns.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tieout.streams.operate.verdict import judge, stands
from tieout.streams.operate.web.accounts import accounts_box
from tieout.streams.operate.web.markup import Child, Html, el
from tieout.streams.operate.web.tables import Row, counted, mark, section, table
from tieout.streams.operate.web.words import (
    LEVEL_WORDS,
    OUTCOME_WORDS,
    STATE_LEVELS,
    STATE_WORDS,
    ago,
    duration,
    mebibytes,
    number,
    per_event,
    ranges,
    rate,
)

if TYPE_CHECKING:
    from tieout.streams.operate.snapshot import ClusterSnapshot, PartitionView, WorkerView

REFRESH_SECONDS = 2


def page(now: ClusterSnapshot, *, refresh: bool = True) -> str:
    """The whole document."""
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", http_equiv="refresh", content=REFRESH_SECONDS) if refresh else None,
        el("title", f"{LEVEL_WORDS[judge(now).level]}: tieout"),
        el("link", rel="stylesheet", href="/style.css"),
    )
    body = el(
        "body",
        _header(now, refresh),
        el(
            "main",
            _status(now),
            _flow(now),
            _where_every_event_went(now),
            el("div", _out(now), _exceptions(now), class_="beside"),
            accounts_box(now),
            _partitions(now),
            _workers(now),
        ),
        _footer(now),
    )
    return "<!doctype html>\n" + el("html", head, body, lang="en")


def _header(now: ClusterSnapshot, refresh: bool) -> Html:
    at = datetime.fromtimestamp(now.taken_us / 1e6, UTC)
    switch = (
        el("a", "Pause", href="/?refresh=0")
        if refresh
        else el("a", f"Refresh every {REFRESH_SECONDS} seconds", href="/")
    )
    return el(
        "header",
        el("h1", "tieout"),
        el(
            "p",
            "as of ",
            el("time", f"{at:%H:%M:%S} UTC", datetime=f"{at:%Y-%m-%dT%H:%M:%SZ}"),
            " · ",
            switch,
        ),
    )


def _status(now: ClusterSnapshot) -> Html:
    level, sentence = judge(now)
    marked = el("strong", mark(level), " ", LEVEL_WORDS[level])
    return el(
        "p",
        marked,
        " ",
        el("span", sentence, id="sentence"),
        class_=f"status {level}",
        id="status",
        role="status",
    )


def _flow(now: ClusterSnapshot) -> Html:
    def box(name: str, first: str, second: str) -> Html:
        return el("li", el("span", name, class_="stage"), el("b", first), el("small", second))

    boxes = [box("event in", rate(now.events_in_per_second), f"{number(now.received)} received")]
    boxes += [
        box(stage.stage, rate(stage.events_per_second), per_event(stage.seconds_per_event))
        for stage in now.stages
    ]
    return section("flow", "Flow", el("ol", boxes, class_="flow"))


def _where_every_event_went(now: ClusterSnapshot) -> Html:
    columns = ("event type", "received", *(words for words, _ in OUTCOME_WORDS.values()))
    rows: list[Row] = [
        (
            row.event_type.replace("_", " "),
            number(row.total),
            *(number(row.outcomes.get(name, 0)) for name in OUTCOME_WORDS),
        )
        for row in now.types
    ]
    total = ("all events", number(now.received), *(number(now.outcomes[name]) for name in OUTCOME_WORDS))
    check = (
        el(
            "p",
            mark("fine"),
            " Adds up in every partition: received = applied + no effect + duplicate +"
            " superseded + conflict + dead letter + held + parked.",
        )
        if now.balanced
        else el("p", mark("broken"), " Does not add up. The partition table shows where.", class_="broken")
    )
    meaning = el("dl", ((el("dt", word), el("dd", text)) for word, text in OUTCOME_WORDS.values()))
    return section(
        "events",
        "Where every event went",
        check,
        table("events by type and outcome", columns, rows, foot=total),
        el("details", el("summary", "What these words mean"), meaning),
    )


def _out(now: ClusterSnapshot) -> Html:
    return section(
        "out",
        "What came out",
        table("commands by kind", ("ERP command", "emitted"), counted(now.commands)),
        table("revenue events by kind", ("revenue event", "emitted"), counted(now.revenue_events)),
    )


def _exceptions(now: ClusterSnapshot) -> Html:
    rows = [(row.owner, row.code, number(row.count)) for row in now.exceptions]
    return section(
        "exceptions",
        "What waits for a person",
        table("open exceptions by owner and code", ("owner", "code", "open"), rows, words=1),
        table("dead letters by reason", ("dead letter, reason", "count"), counted(now.dead_letters)),
    )


def _partitions(now: ClusterSnapshot) -> Html:
    columns = ("partition", "state", "unread", "behind", "received", "held", "parked", "adds up", "worker")
    return section(
        "partitions",
        "Lag by partition",
        table("partitions with state and lag", columns, [_partition(p) for p in now.partitions], words=1),
    )


def _partition(p: PartitionView) -> Row:
    level = STATE_LEVELS.get(p.state, "attention")
    said: list[Child] = [mark(level), " ", STATE_WORDS.get(p.state, p.state)]
    if p.state == "restoring":
        said.append(f" ({number(p.restored_records)} of {number(p.restore_total_records)})")
    if p.reason:
        said.append(el("small", p.reason))
    if stands(p):
        level = "attention"
        said[0] = mark(level)
        said.append(el("small", f"has not moved for {duration(p.standing_seconds)}"))
    adds_up = p.received == p.accounted
    return (
        f"{p.agent} {p.partition}",
        el("span", said, class_=level),
        number(p.lag_records),
        duration(p.lag_seconds) if p.lag_records else "-",
        number(p.received),
        number(p.held),
        number(p.parked),
        el(
            "span",
            mark("fine" if adds_up else "broken"),
            " yes" if adds_up else f" no: {number(p.accounted)}",
        ),
        p.owner or "-",
    )


def _workers(now: ClusterSnapshot) -> Html:
    columns = ("worker", "heard", "partitions", "memory", "CPU", "loop lag", "up", "version", "process")
    return section(
        "workers",
        "Workers",
        table("workers of this cluster", columns, [_worker(w) for w in now.workers], words=2),
    )


def _worker(w: WorkerView) -> Row:
    level = "attention" if w.silent else "fine"
    owns = "; ".join(f"{agent} {ranges(numbers)}" for agent, numbers in w.partitions.items())
    return (
        w.worker_id,
        el("span", mark(level), f" {ago(w.heard_seconds_ago)}", class_=level),
        owns or "none",
        mebibytes(w.rss_bytes),
        duration(w.cpu_seconds),
        duration(w.loop_lag_seconds),
        duration(w.uptime_seconds),
        w.version,
        f"{w.host} {w.pid}",
    )


def _footer(now: ClusterSnapshot) -> Html:
    unread = now.unreadable_heartbeats
    note = f" {number(unread)} heartbeats of another version could not be read." if unread else ""
    return el(
        "footer",
        el(
            "p",
            "The same figures as JSON: ",
            el("a", "/api/stats", href="/api/stats"),
            ". For Prometheus: ",
            el("a", "/metrics", href="/metrics"),
            ". Counts are of committed events.",
            note,
        ),
    )
