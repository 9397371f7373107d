"""The rehearsals of the documentation, played on the stage: what this product makes of each story."""

from pathlib import Path
from typing import Any

from scenarios.stage import Stage

from dunning.core.vocabulary import Status
from dunning.sandbox import script

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "rehearsals"


def rehearsed(stage: Stage, name: str, *, days: int) -> dict[str, dict[str, Any]]:
    """Play a rehearsal and return what its steps made, by their names."""
    made = script.plan(stage.sandbox, script.load(FOLDER / f"{name}.toml"))
    stage.pass_time(days=days)
    return made


def ends(stage: Stage, made: dict[str, dict[str, Any]]) -> dict[str, tuple[Status, str | None]]:
    found = {name: stage.recovery(ids) for name, ids in made.items() if ids.get("invoice")}
    return {name: (one.status, one.reason) for name, one in found.items()}


def test_two_weeks_of_ordinary_trouble(quick_stage: Stage) -> None:
    made = rehearsed(quick_stage, "two-weeks", days=20)
    found = ends(quick_stage, made)
    assert found.pop("farah")[0] is Status.LOST
    assert {status for status, _ in found.values()} == {Status.RECOVERED}
    assert found["anna"][1] == found["dario"][1] == found["emil"][1] == "our_retry"
    assert found["ben"][1] == "customer_card_update"
    assert quick_stage.charges(made["farah"], by="dunning") == []


def test_a_week_in_which_nothing_works(stage: Stage) -> None:
    made = rehearsed(stage, "bad-weather", days=10)
    books = [line for line in stage.sandbox.books() if line["outcome"] == "paid"]
    assert len(books) == len({line["invoice"] for line in books}) == 4, "each is paid once"
    assert {name: end[0] for name, end in ends(stage, made).items()} == dict.fromkeys(
        ("anna", "ben", "chloé", "dario"), Status.RECOVERED
    )


def test_money_in_parts_and_money_that_goes_back(quick_stage: Stage) -> None:
    made = rehearsed(quick_stage, "money-back", days=40)

    def ledger(name: str) -> list[tuple[str, int]]:
        return sorted((kind, amount) for kind, amount, _ in quick_stage.ledger(made[name]))

    assert ledger("anna") == [("recovered", 4000), ("refund", -2000), ("refund", -500), ("refund", 500)]
    assert ledger("ben") == [("dispute", -2900), ("dispute_reversal", 2900), ("recovered", 2900)]
    assert ledger("chloé") == [("dispute", -2900), ("recovered", 2900)]
    assert ledger("emil") == [("credit_note", -400), ("recovered", 2900), ("refund", -500)]
    assert ends(quick_stage, made)["dario"][0] in {Status.RECOVERED, Status.STOPPED}
