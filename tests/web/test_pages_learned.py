"""What was learned, and what it brings, on pages."""

from collections.abc import Iterator

import pytest
from browser.house import BASE, LOCAL, furnish, site_of
from browser.seed import NOW
from flows.logged import keep_log, quiet_house
from starlette.testclient import TestClient

from dunning.core.vocabulary import Experiment, FitVerdict
from dunning.flows import learn as learning
from dunning.flows.house import House
from dunning.store import experiments, fits
from dunning.web.curve import calibration, curve

BINS = [{"tries": 40, "predicted": 0.1, "paid": 5}, {"tries": 40, "predicted": 0.5, "paid": 18}]


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    made, _ = furnish(database_url)
    yield made
    made.store.engine.dispose()


@pytest.fixture
def browser(house: House) -> TestClient:
    return TestClient(site_of(house), client=LOCAL, base_url=BASE)


def test_before_the_first_fit_the_page_says_so(browser: TestClient) -> None:
    page = browser.get("/reports/learned")
    assert page.status_code == 200
    assert "Until then it uses general patterns" in page.text


def test_fits_verdicts_and_curves_are_shown_with_their_counts(house: House, browser: TestClient) -> None:
    fit = learning.learn(house)
    assert fit is not None
    figures = {"sentence": "It is worse.", "calibration": {"soft_funds": BINS}, "retries": 80}
    with house.store.write() as connection:
        fits.add(connection, b"", cases=9, verdict=FitVerdict.REFUSED, figures=figures, now=NOW)
    page = browser.get("/reports/learned").text
    assert "Planner 1 is in service" in page
    assert "It is worse." in page
    assert "Refused" in page
    assert "Predicted against observed" in page
    for words in ("By hour of the customer’s day", "By weekday", "By day of the month"):
        assert words in page
    for name, curves in fit.figures["curves"].items():
        tries, paid = (sum(pair[part] for pair in curves["hour"]) for part in (0, 1))
        assert f"Retries: {tries}, of which paid: {paid}." in page, name
    assert 'style="' not in page


def test_a_bar_stands_for_its_share_and_few_tries_are_faint() -> None:
    drawn = curve("weekday", [[20, 10], [20, 5], [4, 4], [0, 0], [20, 0], [20, 0], [20, 0]])
    heights = [each.height for each in drawn.bins]
    assert heights[0] == pytest.approx(heights[1] * 2, abs=0.05)
    assert [each.faint for each in drawn.bins[:4]] == [False, False, True, True]
    assert max(heights) <= drawn.height
    assert drawn.description == "19 of 104 retries paid."


def test_true_chances_stand_on_the_diagonal() -> None:
    drawn = calibration("x", [{"tries": 10, "predicted": share / 10, "paid": share} for share in (1, 5, 9)])
    across = [(point.x - drawn.left) / (drawn.width - 8 - drawn.left) for point in drawn.points]
    up = [(drawn.floor - point.y) / (drawn.floor - drawn.top) for point in drawn.points]
    assert across == pytest.approx(up, abs=0.001)


def test_the_recovery_of_a_customer_in_an_experiment_says_so(sqlite_url: str) -> None:
    with quiet_house(sqlite_url) as house:
        keep_log(house, 12)
        site = TestClient(site_of(house), client=LOCAL, base_url=BASE)
        pages = [site.get(f"/recoveries/rec_1_{number:05d}").text for number in range(12)]
    told = {"Held out: retried by the plain ladder" in page for page in pages}
    assert told == {True, False}
    assert all("Experiment" in page for page in pages)


def test_the_experiments_page_names_the_price(sqlite_url: str) -> None:
    with quiet_house(sqlite_url) as house:
        site = TestClient(site_of(house), client=LOCAL, base_url=BASE)
        assert "No experiment runs" in site.get("/reports/experiments").text
        keep_log(house, 1500)
        page = site.get("/reports/experiments").text
    assert "With the planner, more is recovered" in page
    assert "Price of the holdout" in page
    assert "The experiment has ended" in page


def test_settings_show_and_change_the_holdout(house: House, browser: TestClient) -> None:
    assert 'name="retries" required maxlength="20" value="0%"' in browser.get("/settings").text
    headers = {"origin": BASE}
    done = browser.post("/settings/holdout", data={"retries": "10%", "messages": "0%"}, headers=headers)
    assert "retries 10% and messages 0%" in done.text
    with house.store.read() as connection:
        assert experiments.shares(connection)[Experiment.RETRIES] == pytest.approx(0.1)
    refused = browser.post("/settings/holdout", data={"retries": "99%", "messages": "0%"}, headers=headers)
    assert "write a percentage from 0% to 50%" in refused.text
