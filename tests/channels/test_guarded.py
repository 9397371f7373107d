"""A webhook goes to the public network alone, to the address that was looked at, and comes to an end."""

import socket
import threading
import time
from datetime import timedelta

import pytest
from fake_http import Fake, Reply

from dunning.channels.guarded import MOST_ANSWER, allowed, hidden, post, problem_with
from dunning.mail.provider import NotSent, UnknownOutcome

INSIDE = (
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.7", "172.16.3.4", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "100.100.100.200", "192.0.0.192", "198.18.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1",
    "168.63.129.16", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "2002:7f00:1::1",
    "2001:0:53aa:64c:0:0:80ff:fffe", "2001:db8::1", "fec0::1",
)  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_refused(address: str) -> None:
    assert not allowed(address)
    with pytest.raises(NotSent, match="network of one's own") as refused:
        post("https://hooks.example/x", b"{}", {}, resolver=lambda _host, _port: [address])
    assert not refused.value.retryable


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_an_address_outside_is_allowed(address: str) -> None:
    assert allowed(address)


def test_one_address_inside_among_many_is_enough_to_refuse() -> None:
    with pytest.raises(NotSent, match="network of one's own"):
        post("https://hooks.example/x", b"", {}, resolver=lambda _host, _port: ["8.8.8.8", "10.0.0.1"])
    assert hidden("https://hooks.example", resolver=lambda _host, _port: ["8.8.8.8", "10.0.0.1"])


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://hooks.example/x", "https"),
        ("ftp://hooks.example/x", "https"),
        ("file:///etc/passwd", "https"),
        ("https://me:secret@hooks.example/x", "user"),
        ("https://hooks.example/x#part", "# part"),
        ("https:///x", "host"),
        ("https://[::1", "URL"),
        (f"https://hooks.example/{'x' * 2000}", "longer"),
    ],
)
def test_a_url_that_cannot_be_meant_is_refused(url: str, said: str) -> None:
    assert said in (problem_with(url) or "")


def test_names_are_resolved_once_and_the_connection_goes_where_was_looked(fake: Fake) -> None:
    asked: list[str] = []

    def resolver(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["203.0.113.9"]

    url = f"http://hooks.example:{fake.port}/in?a=1"
    answer = post(url, b"{}", {"x-mine": "1"}, private=True, resolver=resolver)
    assert answer.status == 200
    assert asked == ["hooks.example"]
    (got,) = fake.got
    assert got.headers["host"] == f"hooks.example:{fake.port}"
    assert (got.path, got.query, got.headers["x-mine"]) == ("/in", {"a": "1"}, "1")


def test_a_redirect_is_an_answer_and_is_not_followed(fake: Fake) -> None:
    fake.answer = lambda _got: Reply(302, headers={"location": "http://169.254.169.254/latest"})
    assert post(fake.url, b"", {}, private=True).status == 302
    assert len(fake.got) == 1


def test_a_proxy_of_the_environment_is_not_used(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert post(fake.url, b"", {}, private=True).status == 200


def test_a_long_answer_is_cut_off(fake: Fake) -> None:
    fake.answer = lambda _got: Reply(text="x" * 10 * MOST_ANSWER)
    assert len(post(fake.url, b"", {}, private=True).text) == MOST_ANSWER


def test_an_answer_that_never_ends_is_ended(fake: Fake) -> None:
    fake.answer = lambda _got: Reply(text="x" * 100, drip_s=0.05)
    began = time.monotonic()
    with pytest.raises(UnknownOutcome):
        post(fake.url, b"", {}, private=True, longest_s=0.3)
    assert time.monotonic() - began < 3


def test_an_answer_that_is_cut_is_unknown_and_nobody_there_is_not_sent(fake: Fake) -> None:
    fake.answer = lambda _got: Reply(cut=True)
    with pytest.raises(UnknownOutcome, match="no whole answer"):
        post(fake.url, b"", {}, private=True)
    with pytest.raises(NotSent, match="was not reached"):
        post("http://127.0.0.1:9/x", b"", {}, private=True)


def test_how_long_to_wait_is_read_from_the_answer(fake: Fake) -> None:
    fake.answer = lambda _got: Reply(429, headers={"retry-after": "120"})
    assert post(fake.url, b"", {}, private=True).retry_after == timedelta(minutes=2)
    fake.answer = lambda _got: Reply(429, headers={"retry-after": "soon"})
    assert post(fake.url, b"", {}, private=True).retry_after is None


def test_the_name_and_not_the_address_is_what_tls_asks_for() -> None:
    hello: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                hello.append(connection.recv(4096))

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        url = f"https://hooks.example:{listener.getsockname()[1]}/x"
        with pytest.raises(NotSent, match="was not reached"):
            post(url, b"", {}, private=True, resolver=lambda _host, _port: ["127.0.0.1"])
        thread.join(5)
    assert b"hooks.example" in hello[0]
    assert b"127.0.0.1" not in hello[0]
