"""Files that somebody hands over: refused in a sentence, or read for what they say."""

import random
from datetime import UTC, datetime

from hostile.draws import WORDS, many, seeds, text

from dunning.core import campaign_checks, campaign_file
from dunning.core.campaign import BUILT_IN
from dunning.core.charge_rows import BadRow, layout_of, read_row
from dunning.core.money import Money

HEAD = "id,status,amount,currency,at,customer,invoice,decline_code,card_brand".split(",")
GOOD = ["ch_1", "paid", "29.00", "usd", "2026-01-05T09:00:00Z", "cus_1", "in_1", "", "visa"]
NOW = datetime(2026, 11, 1, tzinfo=UTC)
TEMPLATES = frozenset({"payment_failed", "payment_reminder", "final_notice"})


def test_a_row_of_an_export_is_read_or_refused_in_a_sentence() -> None:
    layout = layout_of(HEAD)
    read, refusals = 0, set[str]()
    for chance in seeds(many(3000, 10), "row"):
        row = list(GOOD)
        for _ in range(chance.randint(0, 3)):
            odd = (text(chance), chance.choice(WORDS), "-1", "1" * 40, "0.001")
            row[chance.randrange(len(row))] = chance.choice(odd)
        if chance.random() < 0.1:
            row = row[: chance.randrange(len(row))]
        try:
            charge = read_row(layout, row, NOW)
        except BadRow as error:
            refusals.add(str(error) or "no sentence")
            continue
        read += 1
        if charge is not None:
            assert isinstance(charge.amount, int)
            assert 0 <= charge.amount < 2**63
            assert NOW >= charge.at >= datetime(1990, 1, 1, tzinfo=UTC)
            assert "\x00" not in charge.id
    assert read > 0
    assert "no sentence" not in refusals


def test_a_campaign_is_refused_with_its_line_or_can_run() -> None:
    good = campaign_file.as_toml(BUILT_IN)
    ran, lines = 0, set[int]()
    for chance in seeds(many(1500, 10), "campaign"):
        source = _bent(chance, good)
        try:
            found = campaign_file.read(source, is_json=chance.random() < 0.05)
        except campaign_file.NotReadable as error:
            lines.add(error.problem.line)
            continue
        problems = campaign_checks.problems(found, TEMPLATES)
        if problems:
            assert all(problem.sentence for problem in problems)
            continue
        ran += 1
        made = campaign_file.campaign(found)
        again = campaign_file.read(campaign_file.as_toml(made), is_json=False)
        assert campaign_file.campaign(again) == made
    assert ran > 0
    assert min(lines) >= 1


def _bent(chance: random.Random, good: str) -> str:
    lines = good.splitlines()
    for _ in range(chance.randint(0, 2)):
        at = chance.randrange(len(lines))
        name = lines[at].partition("=")[0]
        lines[at] = chance.choice(
            (text(chance), f"{name}= {chance.choice(WORDS)!r}", f'{name}= "x"', lines[0])
        )
    return "\n".join(lines)


def test_money_adds_up_or_refuses() -> None:
    for chance in seeds(many(2000, 10), "money"):
        a, b = (chance.choice((0, 1, -1, 10**12, chance.randrange(-(10**15), 10**15))) for _ in range(2))
        currency = chance.choice(("usd", "jpy", "bhd", "eur"))
        assert (Money(a, currency) + Money(b, currency)).amount == a + b
