"""Message texts, the look and addresses left alone, on the command line."""

import json
from pathlib import Path
from typing import Any

MINE = '---\nsubject: Ours\npreheader: p\n---\n{% include "facts" %}\n\n[Pay]({{ link }})\n'


def test_a_text_is_shown_changed_published_and_taken_back(cli: Any) -> None:
    assert cli("db", "upgrade").code == 0
    listed = json.loads(cli("template", "list", "--json").out)
    assert {"name": "card_expired", "built_in": ["en", "fr", "it", "de", "es"], "own": []} in listed
    text = cli("template", "show", "payment_failed", "--language", "de").out
    assert "hat nicht geklappt" in text
    Path("good.md").write_text(MINE, encoding="utf-8")
    Path("bad.md").write_text(MINE.replace("link", "lnk"), encoding="utf-8")
    assert cli("template", "validate", "good.md").code == 0
    ended = cli("template", "validate", "bad.md")
    assert (ended.code, ended.out) == (1, "bad.md:7: unknown variable `lnk`; did you mean `link`?\n")
    assert cli("template", "publish", "payment_failed", "bad.md").code == 1
    assert "Version 1" in cli("template", "publish", "payment_failed", "good.md", "--note", "shorter").out
    assert "Subject: Ours" in cli("template", "preview", "payment_failed", "--sample", "yen").out
    assert "shorter" in cli("template", "history", "payment_failed").out
    assert "Version 2" in cli("template", "rollback", "payment_failed").out
    assert "didn't go through" in cli("template", "preview", "payment_failed").out
    assert "<html" in cli("template", "preview", "payment_failed", "--html", "--file", "good.md").out
    assert "it was kept" in cli("template", "send-test", "payment_failed", "kim@x.example").out


def test_what_cannot_be_done_is_said_in_a_sentence(cli: Any) -> None:
    cli("db", "upgrade")
    for words, told in (
        (("template", "show", "nothing"), "There is no template nothing"),
        (("template", "show", "Payment Failed"), "small letters"),
        (("template", "show", "payment_failed", "--language", "../x"), "A language is a tag"),
        (("template", "preview", "payment_failed", "--sample", "x"), "There is no sample"),
        (("template", "rollback", "payment_failed", "--to", "3"), "has no version 3"),
        (("template", "publish", "payment_failed", "absent.md"), "cannot be read"),
        (("look", "colour"), "write it as colour="),
        (("look", "colour=#ffff00"), "too light"),
        (("messages", "list", "--state", "lost"), "--state is waiting or one of"),
    ):
        ended = cli(*words)
        assert ended.code == 2, words
        assert told in ended.err, words


def test_the_look_and_addresses_left_alone(cli: Any) -> None:
    cli("db", "upgrade")
    assert "Version 1, new" in cli("look", "colour=#0b6b4f", "tone=plain").out
    assert json.loads(cli("look", "--json").out)["look"]["tone"] == "plain"
    assert cli("suppressed", "add", "ana@x.example", "--reason", "asked us to").code == 0
    assert "asked us to" in cli("suppressed", "list").out
    assert cli("suppressed", "release", "ana@x.example").code == 0
    assert cli("suppressed", "release", "ana@x.example").code == 1
    assert json.loads(cli("messages", "list", "--json").out) == []
    assert cli("messages", "approve", "msg_x").code == 1
