"""Which addresses a webhook may go to, and which webhooks get in."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from deployments.engine.errors import InvalidRequest
from serve_app.jobs.job import Webhook
from serve_app.jobs.webhooks.acceptance import check_webhook
from serve_app.jobs.webhooks.addresses import is_public, literal
from serve_app.settings import WebhookSettings
from tests.unit.serve_app.jobs.webhook_receivers import SECRET

OPEN = WebhookSettings(secret=SECRET)

PUBLIC = ["8.8.8.8", "93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "2a00:1450::1"]
PRIVATE = ["0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.9.9.9", "169.254.169.254", "172.16.0.1", "192.0.2.1",
           "192.168.1.1", "198.18.0.1", "224.0.0.1", "239.1.2.3", "240.0.0.1", "255.255.255.255",
           "::", "::1", "100::1", "2001:db8::1", "2001::1",
           "fc00::1", "fd12:3456::1", "fe80::1", "fec0::1", "ff02::1"]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", PRIVATE)
def test_every_other_address_is_not(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("prefix", ["::ffff:0:0", "64:ff9b::", "2002::"], ids=["mapped", "NAT64", "6to4"])
@pytest.mark.parametrize("inner", ["8.8.8.8", "10.0.0.1", "127.0.0.1", "169.254.169.254", "224.0.0.1"])
def test_an_ipv6_address_that_stands_for_an_ipv4_address_is_judged_by_that(prefix: str, inner: str) -> None:
    shift = 80 if prefix == "2002::" else 0
    outer = IPv6Address(int(IPv6Address(prefix)) + (int(IPv4Address(inner)) << shift))
    assert is_public(outer) == is_public(IPv4Address(inner))


@pytest.mark.parametrize("address", ["::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b:1::10.0.0.1", "2001:0:7f00:1::1"])
def test_other_ways_to_write_ipv4_in_ipv6_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "127.0.0.1"), ("127.1", "127.0.0.1"), ("2130706433", "127.0.0.1"), ("0x7f.0.0.1", "127.0.0.1"),
     ("0177.0.0.1", "127.0.0.1"), ("::1", "::1"), ("receiver.example", None), ("bücher.example", None), ("", None)],
)  # fmt: skip
def test_an_address_is_known_in_every_spelling(host: str, address: str | None) -> None:
    assert literal(host) == (None if address is None else ip_address(address))


@pytest.mark.parametrize(
    "url",
    ["http://receiver.example/jobs", "https://receiver.example:8443/jobs?token=x", "https://bücher.example",
     "http://8.8.8.8/", "http://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]:80/", "http://localhost/"],
)  # fmt: skip
def test_a_webhook_to_a_name_or_a_public_address_gets_in(url: str) -> None:
    check_webhook(Webhook(url=url), OPEN)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("ftp://receiver.example/", "http or https"),
        ("file:///etc/passwd", "http or https"),
        ("receiver.example/jobs", "http or https"),
        ("//receiver.example/jobs", "http or https"),
        ("http:///jobs", "http or https"),
        ("http://me:secret@receiver.example/", "one without"),
        ("http://me@receiver.example/", "one without"),
        ("http://good.example\\@evil.example/", "one without"),
        ("http://receiver.example:0/", "1 to 65535"),
        ("http://receiver.example:99999/", "1 to 65535"),
        ("http://receiver.example:port/", "a URL"),
        ("http://[::1/", "a URL"),
        ("http://a\nb/", "a URL"),
        (f"http://{'a' * 254}/", "253 characters"),
        ("http://127.0.0.1/", "no private address"),
        ("http://10.1.2.3:8080/", "no private address"),
        ("https://169.254.169.254/latest/meta-data/", "no private address"),
        ("http://[::1]/", "no private address"),
        ("http://[::ffff:10.0.0.1]/", "no private address"),
        ("http://2130706433/", "no private address"),
        ("http://0x7f.1/", "no private address"),
    ],
)
def test_a_url_that_nothing_can_or_may_be_sent_to_is_refused_by_name(url: str, allowed: str) -> None:
    with pytest.raises(InvalidRequest, match=allowed) as refused:
        check_webhook(Webhook(url=url), OPEN)
    assert refused.value.field == "webhook.url"


@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_is_sent_as_a_url_is_accepted_or_refused_and_nothing_else(host: str, path: str) -> None:
    for url in (host + path, f"http://{host}/{path}"):
        try:
            check_webhook(Webhook(url=url), OPEN)
        except (InvalidRequest, ValidationError):
            continue
        assert httpx2.URL(url).raw_path.isascii()


def test_a_password_in_a_url_is_not_repeated() -> None:
    with pytest.raises(InvalidRequest) as refused:
        check_webhook(Webhook(url="http://me:hunter2@receiver.example/"), OPEN)
    assert "hunter2" not in str(refused.value)


def test_a_private_address_gets_in_where_the_settings_allow_it() -> None:
    check_webhook(Webhook(url="http://127.0.0.1:8080/"), WebhookSettings(secret=SECRET, allow_private=True))


def test_without_a_secret_a_webhook_is_refused_and_what_to_set_is_told() -> None:
    with pytest.raises(InvalidRequest, match=r"webhooks\.secret.*DARKROOM_WEBHOOK_SECRET") as refused:
        check_webhook(Webhook(url="http://receiver.example/"), WebhookSettings(secret=None))
    assert refused.value.field == "webhook"
