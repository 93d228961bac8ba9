"""What the REST adapter does beside the port's contract: tokens, jobs, requests sent once, whole things in doubt."""

from __future__ import annotations

import asyncio
import base64
import hmac
import re
from collections.abc import Awaitable, Callable
from urllib.parse import quote, unquote

import msgspec
import pytest
from aiohttp import web
from erp.contract_commands import ContractCommands
from erp.port_contract import accepted, refused
from erp.standin_ground import KEY, NAMES, started
from msgspec.structs import replace

from tieout.agents.posting.answers import Accepted, Refused
from tieout.streams.edges.erp.authorising import Authorising
from tieout.streams.edges.erp.calling import Answered, Caller
from tieout.streams.edges.erp.profile_files import (
    Kind,
    Lookup,
    Profile,
    ProfileRefused,
    Sending,
    load_profile,
)
from tieout.streams.edges.erp.rest import RestErp

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
CONFIGURATION = {"receivable": NAMES.receivable, "account": "1234567_SB1"}
SECRET = f"tieout:{KEY}:tieout:{KEY}"


@pytest.fixture
async def serve():
    """serve(handler) -> URL of a server all of whose requests go to the handler."""
    runners = []

    async def start(handler: Handler) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    with started(tmp_path_factory.mktemp("rest")) as process:
        yield process


@pytest.fixture
def contract():
    return ContractCommands(NAMES, "rest")


@pytest.fixture
async def to_netsuite():
    """to_netsuite(url) -> the adapter of the NetSuite profile; keyword arguments change the profile."""
    adapters = []

    def connect(url: str, **changes) -> RestErp:
        profile = replace(load_profile("netsuite"), **changes)
        adapters.append(
            RestErp(url, profile, secret=SECRET, configuration=CONFIGURATION, call_seconds_max=5.0)
        )
        return adapters[-1]

    yield connect
    for adapter in adapters:
        await adapter.close()


async def test_a_token_is_asked_for_once_and_again_when_it_is_not_taken(serve):
    asked = []

    async def token(request):
        asked.append(dict(await request.post()))
        return web.json_response({"access_token": f"t{len(asked)}", "expires_in": 3600})

    caller = Caller(await serve(token), call_seconds_max=5.0)
    authorising = Authorising("oauth2", "s3cret", token_path="/token", token_form={"client_id": "me"})
    try:
        both = await asyncio.gather(*[authorising.headers(caller, "GET", "/") for _ in range(3)])
        assert both == [{"Authorization": "Bearer t1"}] * 3
        assert not authorising.refused(both[0])
        assert await authorising.headers(caller, "GET", "/") == {"Authorization": "Bearer t2"}
        assert (
            asked
            == [
                {"grant_type": "client_credentials", "client_id": "me", "client_secret": "s3cret"},
            ]
            * 2
        )
    finally:
        await caller.close()


@pytest.mark.parametrize(
    ("status", "kind"), [(400, "auth"), (401, "auth"), (429, "transient"), (500, "transient")]
)
async def test_no_token_means_that_nothing_was_sent(serve, status, kind):
    async def token(request):
        return web.Response(status=status, headers={"Retry-After": "4"})

    caller = Caller(await serve(token), call_seconds_max=5.0)
    try:
        refused_ = await Authorising("oauth2", "s", token_path="/token").headers(caller, "GET", "/")
        assert isinstance(refused_, Refused)
        assert (refused_.kind, refused_.retry_after_ms) == (kind, 4000)
    finally:
        await caller.close()


@pytest.mark.parametrize(
    ("scheme", "header"),
    [("bearer", "Bearer a:b"), ("basic", "Basic YTpi"), ("header", "a:b")],
)
async def test_the_other_schemes_send_the_secret_as_it_is(scheme, header):
    caller = Caller("http://127.0.0.1:1", call_seconds_max=1.0)
    assert await Authorising(scheme, "a:b").headers(caller, "GET", "/") == {"Authorization": header}


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_a_request_whose_connection_breaks_is_not_sent_again(serve, method):
    seen = []

    async def breaking(request):
        if request.method == "GET":
            return web.json_response({})
        seen.append(await request.read())
        request.transport.abort()
        return web.Response()

    caller = Caller(await serve(breaking), call_seconds_max=5.0)
    try:
        assert isinstance(
            await caller.call("GET", "/warm"), Answered
        )  # the connection that breaks is a used one
        answered = await caller.call(method, "/posting", b'{"once":1}')
        assert isinstance(answered, Refused)
        assert answered.kind == "ambiguous"
        assert seen == [b'{"once":1}']
    finally:
        await caller.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307])
async def test_a_redirection_is_not_followed_with_a_posting(serve, to_netsuite, contract, status):
    seen = []

    async def elsewhere(request):
        seen.append(request.path)
        return web.Response(status=status, headers={"Location": "/somewhere/else"})

    refused(await to_netsuite(await serve(elsewhere)).post([contract.journal(1)]), "ambiguous", "NONE")
    assert len(seen) == 1


async def with_jobs(to_netsuite, process, **changes):
    """An adapter that asks NetSuite to work asynchronously, by an idempotency key."""
    profile = load_profile("netsuite")
    kinds = dict(profile.kinds)
    asynchronous = {"Prefer": "respond-async", "X-NetSuite-Idempotency-Key": "{external_id}"}
    kinds["journal.post"] = replace(
        kinds["journal.post"], send=[replace(kinds["journal.post"].send[0], headers=asynchronous)]
    )
    return to_netsuite(process.url, kinds=kinds, **changes)


async def test_a_job_is_waited_for_and_a_repeated_key_is_the_same_document(to_netsuite, process):
    contract = ContractCommands(NAMES, "jobs")
    erp = await with_jobs(to_netsuite, process)
    journal = contract.journal(77)
    (posted,) = accepted(await erp.post([journal]))
    assert not posted.duplicate
    (again,) = accepted(await erp.post([journal]))
    assert again == Accepted(posted.document_no, posted.posted_on, posted.period, duplicate=True)


async def test_a_job_that_does_not_end_in_time_leaves_doubt(serve, contract):
    async def busy(request):
        if request.method == "POST":
            return web.Response(status=202, headers={"Location": "/services/rest/async/v1/job/1"})
        return web.json_response({"completed": False})

    erp = RestErp(
        await serve(busy),
        load_profile("netsuite"),
        secret=SECRET,
        configuration=CONFIGURATION,
        call_seconds_max=1.0,
    )
    try:
        refused(await erp.post([contract.journal(1)]), "ambiguous", "NONE")
    finally:
        await erp.close()


async def test_an_answer_that_nobody_can_read_leaves_doubt_and_an_unreadable_finding_is_asked_again(
    serve, to_netsuite, contract
):
    async def page(request):
        return web.Response(status=502, text="<html>Bad gateway</html>", content_type="text/html")

    erp = to_netsuite(await serve(page))
    refused(await erp.post([contract.journal(1)]), "ambiguous", "NONE")
    refused(await erp.find([contract.journal(1)]), "transient", "NONE")


async def test_a_404_of_what_stands_before_the_erp_is_no_word_of_the_erp(serve, to_netsuite, contract):
    async def gateway(request):
        return web.Response(status=404, text="<html>default backend - 404</html>", content_type="text/html")

    erp = to_netsuite(await serve(gateway))
    refused(await erp.post([contract.journal(1)]), "transient", "NONE")
    refused(await erp.find([contract.journal(1)]), "transient", "NONE")


@pytest.mark.parametrize("body", [{"o:errorDetails": [{"o:errorCode": "NONEXISTENT_ID"}]}, None])
async def test_a_404_of_the_erp_says_that_there_is_nothing(serve, to_netsuite, contract, body):
    async def missing(request):
        return web.Response(status=404) if body is None else web.json_response(body, status=404)

    assert await to_netsuite(await serve(missing)).find([contract.journal(1)]) == [None]


async def test_a_duplicate_that_is_not_found_is_not_taken_for_success(serve, to_netsuite, contract):
    async def contradicting(request):
        if request.method == "GET":
            return web.Response(status=404)
        return web.json_response(
            {"o:errorDetails": [{"o:errorCode": "DUP_RCRD", "detail": "there"}]}, status=400
        )

    refused(await to_netsuite(await serve(contradicting)).post([contract.journal(1)]), "ambiguous", "NONE")


async def test_a_kind_that_a_profile_lacks_is_refused_before_anything_is_sent(to_netsuite, contract):
    erp = to_netsuite("http://127.0.0.1:1", kinds={})
    refused(await erp.post([contract.journal(1)]), "permanent", "NOT_SUPPORTED")
    assert await erp.find([contract.journal(1)]) == [None]


async def test_a_line_that_moves_the_functional_currency_alone_is_refused_before_anything_is_sent(
    to_netsuite, contract
):
    journal = contract.journal(50, currency="JPY")
    lines = tuple([replace(line, debit_minor=0, credit_minor=0) for line in journal.lines])
    erp = to_netsuite("http://127.0.0.1:1")
    refused(await erp.post([replace(journal, lines=lines)]), "permanent", "NOT_SUPPORTED")


async def test_what_a_found_document_does_not_say_is_nothing(serve, to_netsuite, contract):
    journal = contract.journal(1)
    text = journal.header.content_hash

    async def unnumbered(request):
        if "q" in request.query:
            return web.json_response({"items": []})
        return web.json_response({"custbody_tieout_hash": text, "tranDate": "2025-03-31"})

    (found,) = await to_netsuite(await serve(unnumbered)).find([journal])
    assert (found.document_no, found.period) == ("", "")


async def test_more_requests_than_a_batch_takes_are_refused_before_anything_is_sent(contract):
    many = Kind(
        find=Lookup(path="/x"),
        send=[Sending(path="/line", for_each="entries"), Sending(path="/post")],
    )
    profile = Profile(name="p", tried="here", kinds={"journal.post": many}, requests_max=2, batch_path="/b")
    erp = RestErp("http://127.0.0.1:1", profile, secret="x")
    refused(await erp.post([contract.journal(1)]), "permanent", "NOT_SUPPORTED")
    within = RestErp("http://127.0.0.1:1", msgspec.structs.replace(profile, requests_max=3), secret="x")
    refused(await within.post([contract.journal(1)]), "transient", "NONE")
    await within.close()


def test_a_profile_that_asks_for_a_name_that_nothing_has_is_refused_before_the_first_call():
    for find, send in (
        (Lookup(path="/{no_such}"), Sending(path="/x")),
        (
            Lookup(path="/x"),
            Sending(path="/x", body={"lines": [{"for_each": "no_such", "as": "e", "item": "{e.a}"}]}),
        ),
        (Lookup(path="/x"), Sending(path="/x", body={"when": "no_such.name", "then": 1})),
    ):
        profile = Profile(name="p", tried="here", kinds={"journal.post": Kind(find=find, send=[send])})
        with pytest.raises(ProfileRefused, match="there is no no_such"):
            RestErp("http://127.0.0.1:1", profile, secret="x")


async def test_a_date_that_is_none_is_asked_for_again(serve, to_netsuite, contract):
    async def undated(request):
        if "q" in request.query:
            return web.json_response({"items": []})
        text = "0" * 32
        return web.json_response(
            {"id": "1", "custbody_tieout_hash": text, "tranDate": "soon", "postingPeriod": {}}
        )

    refused(await to_netsuite(await serve(undated)).find([contract.journal(1)]), "transient", "NONE")


async def test_a_call_is_signed_as_rfc_5849_says():
    """The signature, reckoned here once more from the standard's own description (section 3.4)."""
    caller = Caller("https://1234567-sb1.erp.example", call_seconds_max=1.0)
    authorising = Authorising("oauth1", "ck:c s:tk:t&s", realm="1234567_SB1")
    signed = await authorising.headers(caller, "GET", "/record?q=a%20IS%20%22b%22&limit=5")
    said = dict(re.findall(r'(\w+)="([^"]*)"', signed["Authorization"]))
    assert (said["realm"], said["oauth_signature_method"]) == ("1234567_SB1", "HMAC-SHA256")
    parameters = {name: value for name, value in said.items() if name not in {"realm", "oauth_signature"}}
    pairs = sorted([*parameters.items(), ("q", "a%20IS%20%22b%22"), ("limit", "5")])
    listed = "&".join(f"{name}={value}" for name, value in pairs)
    where = "https://1234567-sb1.erp.example/record"
    base = "&".join(quote(part, safe="") for part in ("GET", where, listed))
    key = b"c%20s&t%26s"
    wanted = base64.b64encode(hmac.new(key, base.encode(), "sha256").digest()).decode()
    assert unquote(said["oauth_signature"]) == wanted


def test_a_secret_of_oauth_1_that_has_not_four_parts_says_which_it_wants():
    with pytest.raises(ProfileRefused, match="CONSUMER_KEY:CONSUMER_SECRET:TOKEN:TOKEN_SECRET"):
        RestErp("http://127.0.0.1:1", load_profile("netsuite"), secret="one", configuration=CONFIGURATION)


async def test_a_page_that_says_200_is_not_taken_for_a_posting(serve, to_netsuite, contract):
    async def portal(request):
        return web.Response(text="<html>Please sign in</html>", content_type="text/html")

    refused(await to_netsuite(await serve(portal)).post([contract.journal(1)]), "ambiguous", "NONE")


@pytest.mark.parametrize(
    "responses",
    [
        None,
        [{"id": "1", "status": 201}],
        [{"id": "1", "status": 201}, {"id": "2", "status": 204}],
    ],
)
async def test_a_batch_is_done_only_when_each_of_its_requests_is_answered(serve, contract, responses):
    async def batch(request):
        return web.json_response({"responses": responses})

    sending = [Sending(path="/line", for_each="entries"), Sending(path="/post")]
    kind = Kind(find=Lookup(path="/x"), send=sending)
    profile = Profile(name="p", tried="here", kinds={"journal.post": kind}, batch_path="/$batch")
    erp = RestErp(await serve(batch), profile, secret="s")
    try:
        refused(await erp.post([contract.journal(1)]), "ambiguous", "NONE")
    finally:
        await erp.close()


async def test_a_list_that_is_not_there_is_asked_again_and_no_empty_list(serve, contract):
    async def gone(request):
        return web.Response(status=404)

    url = await serve(gone)
    for items, found in ((None, None), ("answer.value", "transient")):
        kind = Kind(find=Lookup(path="/x", items=items), send=[Sending(path="/x")])
        profile = Profile(name="p", tried="here", kinds={"journal.post": kind})
        erp = RestErp(url, profile, secret="s")
        (answer,) = await erp.find([contract.journal(1)])
        assert getattr(answer, "kind", None) == found
        await erp.close()
