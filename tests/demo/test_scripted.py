"""A demo of one's own: the steps of a script instead of a crowd."""

from pathlib import Path
from typing import Any

import pytest

from dunning.demo.headless import play
from dunning.sandbox import script

STORY = """
[[step]]
do = "customer"
as = "anna"
with = { fail = "insufficient_funds", clears_after_hours = 12, reads_mail = false }
[[step]]
at = "1h"
do = "customer"
as = "ben"
with = { debit = "us_bank_account", fail = "account_closed", settles_after_hours = 6, reads_mail = false }
[[step]]
at = "2d"
do = "void"
with = { invoice = "ben" }
"""


def played(folder: Path, text: str, name: str) -> tuple[dict[str, Any], str]:
    path, books = folder / "story.toml", folder / name
    path.write_text(text, encoding="utf-8")
    figures = play(seed=3, days=5, customers=0, books=books, steps=script.load(path))
    return figures | {"elapsed_s": 0}, books.read_text(encoding="utf-8")


def test_the_same_script_and_seed_play_the_same_story_to_the_byte(tmp_path: Path) -> None:
    once, again = (played(tmp_path, STORY, name) for name in ("a.jsonl", "b.jsonl"))
    assert once == again
    figures = once[0]
    assert (figures["failed_count"], figures["recovered_count"], figures["stopped_count"]) == (2, 1, 1)
    assert not any(figures["invariants"].values())


def test_a_step_that_cannot_be_played_ends_it_and_names_itself(tmp_path: Path) -> None:
    with pytest.raises(script.ScriptError, match=r"step 4 \(void\): the invoice is void"):
        played(tmp_path, STORY + "[[step]]\nat = '3d'\ndo = 'void'\nwith = { invoice = 'ben' }\n", "c.jsonl")
