"""The page of what dunning was started with says where each value was read, and gives no secret away."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from browser.house import BASE, StillDemo, front_of, furnish
from signed_in import COOKIE, open_session
from starlette.testclient import TestClient

from dunning.core.people import Role
from dunning.settings import Settings
from dunning.web.installation import Value, values_of

KEY = "sk_test_" + "a1B2" * 6 + "9xYz"


@pytest.fixture
def given(tmp_path: Path) -> tuple[Settings, Path]:
    file = tmp_path / "dunning.toml"
    file.write_text('port = 9000\nmail_from = "file@juniper.example"\n', encoding="utf-8")
    environ = {
        "DUNNING_CONFIG": str(file),
        "STRIPE_SECRET_KEY": KEY,
        "DUNNING_MAIL_FROM": "billing@juniper.example",
        "DUNNING_SMTP_URL": "smtp://me:a-long-password-indeed@mail.example:587",
        "DUNNING_SECRET_KEY": "short-one",
        "DUNNING_OTLP_ENDPOINT": "http://me:hunter2@spans.example/v1",
    }
    return Settings.load(environ), file


def test_each_value_says_where_it_was_read(given: tuple[Settings, Path]) -> None:
    settings, file = given
    assert settings.origin("port") == str(file)
    assert settings.origin("mail_from") == "environment"  # set in both: the environment wins
    assert settings.origin("stripe_api_key") == "environment"  # under its other name
    assert settings.origin("host") is None
    assert settings.model_copy(update={"host": "::1"}).origin("port") == str(file)


def test_of_a_secret_only_the_end_of_a_long_key_is_shown(given: tuple[Settings, Path]) -> None:
    found = {one.key: one for one in values_of(given[0])}
    assert set(found) == set(Settings.model_fields)
    assert found["stripe_api_key"] == Value("STRIPE_API_KEY", "stripe_api_key", "9xYz", True, "environment")
    hidden = ("smtp_url", "secret_key", "otlp_endpoint")
    assert [(found[key].secret, found[key].shown) for key in hidden] == [(True, "")] * 3
    assert found["redis_url"].shown is None


def test_the_page_is_an_admins_and_holds_no_secret(
    given: tuple[Settings, Path], sqlite_template: Path, tmp_path: Path
) -> None:
    path = shutil.copyfile(sqlite_template, tmp_path / "dunning.db")
    house, _ = furnish(f"sqlite:///{path}", recoveries=1)
    house = replace(house, settings=given[0])
    answers = {}
    for role in Role:
        http = TestClient(front_of(house, StillDemo()), client=("203.0.113.9", 1), base_url=BASE)
        headers = {"Cookie": f"{COOKIE}={open_session(house, role)}"}
        answers[role] = http.get("/settings/installation", headers=headers)
    assert {role for role, answer in answers.items() if answer.status_code == 200} == {Role.ADMIN}
    page = answers[Role.ADMIN].text
    assert "set, ends in 9xYz" in page
    assert "<td>billing@juniper.example</td>" in page
    assert f"<code>{given[1]}</code>" in page
    assert not [one for one in (KEY, "a-long-password", "short-one", "hunter2") if one in page]
    house.store.engine.dispose()
