"""An alert is the documented request, and nobody's words become a mention or a link in it."""

from fake_http import Fake, Reply

from dunning.channels.slack import tell_slack


def test_the_request_is_the_documented_one(fake: Fake) -> None:
    fake.answer = lambda _got: Reply(200, text="ok")
    assert tell_slack(f"{fake.url}/services/T0/B0/x", "Lost: 49.00 EUR").text == "ok"
    (got,) = fake.got
    assert (got.method, got.path, got.headers["content-type"]) == (
        "POST",
        "/services/T0/B0/x",
        "application/json",
    )
    assert got.json == {"text": "Lost: 49.00 EUR"}


def test_a_note_mentions_nobody_and_links_nowhere(fake: Fake) -> None:
    tell_slack(fake.url, "Note: <!channel> <https://evil.example|pay here> & <@U1>")
    assert fake.got[0].json["text"] == (
        "Note: &lt;!channel&gt; &lt;https://evil.example|pay here&gt; &amp; &lt;@U1&gt;"
    )
