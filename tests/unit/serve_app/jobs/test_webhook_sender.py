"""One try: signed, to checked addresses, by name; and bounded, whatever the receiver does."""

import asyncio
import ssl
import time
from collections.abc import Sequence
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from serve_app.jobs.webhooks.addresses import Address
from serve_app.jobs.webhooks.delivery import Delivery
from serve_app.jobs.webhooks.network import Resolver
from serve_app.jobs.webhooks.sender import Answer, Sender
from serve_app.settings import WebhookSettings
from tests.unit.serve_app.jobs.webhook_certificates import Authority
from tests.unit.serve_app.jobs.webhook_receivers import (
    OTHER_SECRET,
    SECRET,
    answering,
    endlessly,
    receiver,
    silence,
)

BODY = '{"type":"job.complete","data":{"job_id":"a"}}'


class Names:
    """A name server: what it knows, and what it was asked."""

    def __init__(self, **known: Sequence[str]) -> None:
        self.known = {name.replace("_", "."): tuple(map(ip_address, found)) for name, found in known.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        self.asked.append(host)
        if host not in self.known:
            raise OSError("Name or service not known")
        return self.known[host]


LOCAL = Names(**{"127_0_0_1": ["127.0.0.1"], "::1": ["::1"], "receiver_example": ["127.0.0.1"]})


def delivery(url: str) -> Delivery:
    return Delivery("msg_1", "sd15", "a", url, "receiver.example", BODY, 0, 1.0, 1.0)


def sender(
    names: Names | Resolver = LOCAL,
    *,
    allow_private: bool = True,
    timeout_s: float = 10,
    tls: ssl.SSLContext | None = None,
    **more: Any,
) -> Sender:
    settings = WebhookSettings(secret=SECRET, allow_private=allow_private, timeout_s=timeout_s, **more)
    return Sender(settings, names, tls=tls)


async def send(one: Sender, url: str) -> Answer:
    return await one.send(delivery(url), time.time())


def at_name(url: str, name: str = "receiver.example") -> str:
    return url.replace("127.0.0.1", name)


async def test_the_stock_library_verifies_what_arrives() -> None:
    async with receiver() as one:
        assert (await send(sender(), f"{one.url}?token=ü")).accepted
        (got,) = one.got
        assert got.verified() == {"type": "job.complete", "data": {"job_id": "a"}}
        assert (got.method, got.path, got.body) == ("POST", "/jobs?token=%C3%BC", BODY.encode())
        assert (got.id, got.headers["content-type"]) == ("msg_1", "application/json")
        assert got.headers["user-agent"].startswith("Darkroom/")
        with pytest.raises(WebhookVerificationError):
            got.verified(OTHER_SECRET)
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(got.body + b" ", dict(got.headers))


async def test_while_secrets_change_the_old_and_the_new_one_both_verify() -> None:
    async with receiver() as one:
        await send(sender(previous_secret=OTHER_SECRET), one.url)
        assert one.got[0].verified(SECRET) == one.got[0].verified(OTHER_SECRET)


async def test_each_try_is_dated_anew() -> None:
    async with receiver() as one:
        await sender().send(delivery(one.url), 1_700_000_000.9)
        assert one.got[0].headers["webhook-timestamp"] == "1700000000"
        with pytest.raises(WebhookVerificationError, match="too old"):
            one.got[0].verified()


@pytest.mark.parametrize(
    ("status", "accepted", "gone"),
    [(200, True, False), (202, True, False), (204, True, False), (400, False, False), (404, False, False),
     (410, False, True), (500, False, False)],
)  # fmt: skip
async def test_the_status_is_the_answer(status: int, accepted: bool, gone: bool) -> None:
    async with receiver(status) as one:
        answer = await send(sender(), one.url)
        assert (answer.status, answer.accepted, answer.gone) == (status, accepted, gone)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_and_is_no_success(status: int) -> None:
    async with receiver() as other, receiver(answering(status, f"Location: {other.url}")) as one:
        answer = await send(sender(), one.url)
        assert (answer.status, answer.accepted) == (status, False)
        assert len(one.got) == 1
        assert other.got == []


@pytest.mark.parametrize(
    ("status", "header", "asked"),
    [(429, "Retry-After: 120", 120), (503, "retry-after: 7", 7), (503, "Retry-After: soon", None), (503, "X: y", None),
     (500, "Retry-After: 120", None)],
)  # fmt: skip
async def test_who_is_busy_may_say_until_when(status: int, header: str, asked: float | None) -> None:
    async with receiver(answering(status, header)) as one:
        assert (await send(sender(), one.url)).retry_after_s == asked


async def test_the_name_is_resolved_once_and_is_what_the_host_header_tells() -> None:
    names = Names(receiver_example=["127.0.0.1"])
    async with receiver() as one:
        await send(sender(names), at_name(one.url))
        assert names.asked == ["receiver.example"]
        assert one.got[0].headers["host"] == at_name(one.url).split("/")[2]


async def test_an_ipv6_receiver_is_reached_and_addressed_in_brackets() -> None:
    async with receiver(host="::1") as one:
        assert (await send(sender(), one.url)).accepted
        assert one.got[0].headers["host"] == one.url.split("/")[2]
        assert one.got[0].headers["host"].startswith("[::1]:")


async def test_the_environments_proxy_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiver() as proxy, receiver() as one:
        for variable in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(variable, proxy.url)
        await send(sender(), one.url)
        assert (len(one.got), proxy.got) == (1, [])


PUBLIC, PRIVATE = "93.184.215.14", "127.0.0.1"


@pytest.mark.parametrize(
    "found",
    [[PRIVATE], [PUBLIC, PRIVATE], [PRIVATE, PUBLIC], [PUBLIC, "fd00::1"], ["::ffff:127.0.0.1"], ["64:ff9b::7f00:1"],
     ["2002:7f00:1::1"]],
    ids=str,
)  # fmt: skip
async def test_a_name_that_leads_to_one_private_address_is_refused_at_each_try(found: list[str]) -> None:
    async with receiver() as one:
        answer = await send(sender(Names(receiver_example=found), allow_private=False), at_name(one.url))
        assert answer.status is None
        assert "no public address" in answer.reason
        assert one.got == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1", "2130706433", "0x7f000001"])
async def test_the_systems_own_names_for_this_machine_are_refused(host: str) -> None:
    names = Resolver(1)
    async with receiver() as one:
        answer = await send(sender(names, allow_private=False), at_name(one.url, host))
        assert "no public address" in answer.reason
        assert one.got == []
    names.close()


async def test_the_systems_own_names_are_resolved() -> None:
    names = Resolver(1)
    async with receiver() as one:
        assert (await send(sender(names), at_name(one.url, "localhost"))).accepted
        assert "can't be resolved" in (await send(sender(names), "http://nowhere.invalid/")).reason
        assert "can't be resolved" in (await send(sender(names), f"http://{'a' * 100}.example/")).reason
    names.close()


async def test_the_next_address_is_tried_when_the_first_takes_no_connection() -> None:
    async with receiver() as one:
        names = Names(receiver_example=["127.0.0.2", "127.0.0.1"])
        assert (await send(sender(names), at_name(one.url))).accepted
        nobody = Names(receiver_example=["127.0.0.2", "127.0.0.3"])
        assert (await send(sender(nobody), at_name(one.url))).status is None
        nowhere = Names(receiver_example=[])
        assert "has no address" in (await send(sender(nowhere), at_name(one.url))).reason


async def test_over_tls_the_certificate_is_that_of_the_name_though_the_address_was_pinned(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    serving, asked = authority.serving("receiver.example"), []
    serving.sni_callback = lambda _socket, name, _context: asked.append(name)
    async with receiver(tls=serving) as one:
        assert (await send(sender(tls=authority.trusting()), at_name(one.url))).accepted
        assert asked == ["receiver.example"]
        assert len(one.got) == 1


async def test_a_certificate_of_another_name_or_authority_is_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with receiver(tls=authority.serving("other.example")) as one:
        answer = await send(sender(tls=authority.trusting()), at_name(one.url))
        assert answer.status is None
        assert "CERTIFICATE_VERIFY_FAILED" in answer.reason
        answer = await send(sender(), at_name(one.url))
        assert "CERTIFICATE_VERIFY_FAILED" in answer.reason
        assert one.got == []


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n"


async def test_an_answer_without_end_is_cut_off_and_is_the_answer_all_the_same() -> None:
    async with receiver(partial(endlessly, head=HEAD, chunk=b"x" * 65536)) as one:
        assert (await send(sender(), one.url)).accepted
        await one.until_idle()


async def test_an_answer_that_never_comes_to_its_end_is_the_answer_all_the_same() -> None:
    async with receiver(partial(endlessly, head=HEAD, chunk=b"x", pause_s=0.01)) as one:
        assert (await send(sender(timeout_s=1), one.url)).accepted
        await one.until_idle()


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n", b""], ids=["line", "headers", "body"]
)
async def test_an_answer_whose_head_has_no_end_is_none(head: bytes) -> None:
    async with receiver(
        partial(endlessly, head=head, chunk=b"X: y\r\n" * 1000 if head[-1:] == b"\n" else b"x" * 6000)
    ) as one:
        assert (await send(sender(), one.url)).status is None
        await one.until_idle()


async def test_who_never_answers_is_left_alone_after_the_timeout() -> None:
    async with receiver(silence) as one:
        answer = await send(sender(timeout_s=0.1), one.url)
        assert (answer.status, answer.reason) == (None, "no answer within 0.1 s")


async def test_a_name_server_that_never_answers_is_left_alone_after_the_timeout() -> None:
    class Silent(Names):
        async def __call__(self, host: str, port: int) -> Sequence[Address]:
            await asyncio.Event().wait()
            return ()

    answer = await send(sender(Silent(), timeout_s=0.1), "http://receiver.example/")
    assert answer == Answer(None, "no answer within 0.1 s")


async def test_who_hangs_up_has_not_answered() -> None:
    async def hang_up(writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with receiver(hang_up, b"not HTTP at all\r\n\r\n") as one:
        assert (await send(sender(), one.url)).status is None
        assert (await send(sender(), one.url)).status is None
        assert len(one.got) == 2


async def test_nobody_listens_is_no_answer() -> None:
    async with receiver() as one:
        url = one.url
    answer = await send(sender(), url)
    assert answer.status is None
    assert answer.reason
