"""A guard that is taken out is seen at its recorded seed, or it is written which second one covers it."""

import shutil
from pathlib import Path

import pytest
from simulation.city import City
from simulation.seeded_bugs import BUGS, Bug
from simulation.verdict import problems

from dunning.flows import driver

ROOT = Path(__file__).parents[2]
SEEN = [bug for bug in BUGS if bug.seed is not None]


@pytest.mark.parametrize("bug", SEEN, ids=[bug.name for bug in SEEN])
def test_a_seeded_bug_is_seen(
    bug: Bug, sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "PAUSE_S", 0)
    database = Path(shutil.copyfile(sqlite_template, tmp_path / "city.db"))
    city = City(bug.seed or 0, database, customers=bug.customers)
    try:
        bug.remove(monkeypatch, city)
        city.patience = 600 * bug.customers  # some of them never come to rest
        city.run()
        wrong = problems(city)
    finally:
        city.close()
    assert any(bug.sign in one for one in wrong), wrong


def test_at_least_twenty_are_seen_and_each_other_one_is_explained() -> None:
    assert len(SEEN) >= 20
    assert len({bug.name for bug in BUGS}) == len(BUGS)
    for bug in BUGS:
        assert [bug.seed is not None, bug.covered != "", bug.seen_by != ""].count(True) == 1, bug.name


@pytest.mark.parametrize("bug", [bug for bug in BUGS if bug.seen_by], ids=lambda bug: bug.name)
def test_what_a_test_is_said_to_see_is_taken_out_there(bug: Bug) -> None:
    file, _, name = bug.seen_by.partition("::")
    source = (ROOT / file).read_text()
    assert f"def {name}(" in source
    assert f"seeded_guards.{bug.remove.__name__}(monkeypatch" in source
