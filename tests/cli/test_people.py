"""People, tokens and the audit log on the command line."""

import json
import re
from typing import Any

import pytest
from sqlalchemy import create_engine, text

BO = "bo@juniper.example"


def test_a_person_is_added_given_a_role_shut_out_and_let_in(cli: Any, database_url: str) -> None:
    here = {"DATABASE_URL": database_url, "DUNNING_PUBLIC_URL": "https://pay.juniper.example"}
    added = cli("user", "add", BO, "--name", "Bo Li", "--role", "admin", **here)
    assert added.code == 0, added.err
    assert re.fullmatch(r"https://pay\.juniper\.example/join/[\w-]{43}\n", added.out)
    again = cli("user", "reset-link", BO, "--json", **here)
    assert json.loads(again.out)["link"] != added.out.strip()
    assert cli("user", "role", BO, "finance", **here).out == f"{BO} is finance from now on.\n"
    assert cli("user", "disable", BO, **here).code == 0
    [told] = json.loads(cli("user", "list", "--json", **here).out)
    assert (told["email"], told["role"], told["state"]) == (BO, "finance", "disabled")
    assert "password" not in told
    assert "is disabled" in cli("user", "reset-link", BO, **here).complaint
    assert cli("user", "enable", BO, **here).code == 0
    assert json.loads(cli("user", "sessions", BO, "--end", "--json", **here).out) == {
        "ended": 0,
        "sessions": [],
    }
    listed = json.loads(cli("audit", "list", "--json", "-q", BO, **here).out)
    assert [row["action"] for row in reversed(listed)] == [
        "user.add",
        "user.reset_link",
        "user.role",
        "user.disable",
        "user.enable",
        "user.end_sessions",
    ]
    assert all(row["actor"].endswith("(command line)") for row in listed)
    assert listed[-3]["after"] == {"role": "finance"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("user", "add", "bo"), "is not an address"),
        (("user", "role", "eve@x.example", "staff"), "has no account here"),
        (("user", "role", "eve@x.example", "king"), "king"),
        (("user", "sessions", "eve@x.example"), "has no account here"),
        (("token", "create", "--scope", "root"), "'root' is no scope"),
        (("token", "create"), "--scope"),
        (("token", "revoke", "tok_nobody"), "There is no token"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    cli: Any, sqlite_url: str, arguments: tuple[str, ...], says: str
) -> None:
    ended = cli(*arguments, DATABASE_URL=sqlite_url)
    assert ended.code == 2
    assert says in ended.complaint


def test_a_token_is_printed_once_listed_and_revoked(cli: Any, sqlite_url: str) -> None:
    made = cli("token", "create", "--scope", "read", "--scope", "write", DATABASE_URL=sqlite_url)
    assert re.fullmatch(r"dun_[\w-]{43}\n", made.out)
    listed = cli("token", "list", "--json", DATABASE_URL=sqlite_url)
    [row] = json.loads(listed.out)
    assert row["scopes"] == ["read", "act"]
    assert made.out.strip() not in listed.out
    assert row["id"] in cli("token", "list", DATABASE_URL=sqlite_url).out
    assert cli("token", "revoke", row["id"], DATABASE_URL=sqlite_url).code == 0
    assert json.loads(cli("token", "list", "--json", DATABASE_URL=sqlite_url).out)[0]["revoked_at"]


def test_the_doctor_and_verify_find_a_log_that_was_tampered_with(cli: Any, sqlite_url: str) -> None:
    cli("pause", "--all", "--reason", "A wrong price", DATABASE_URL=sqlite_url)
    whole = cli("audit", "verify", "--json", DATABASE_URL=sqlite_url)
    assert (whole.code, json.loads(whole.out)) == (0, {"whole": True, "why": None, "entries": 1})
    assert "A wrong price" in cli("audit", "list", DATABASE_URL=sqlite_url).out
    engine = create_engine(sqlite_url)
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER audit_log_refuses_update"))
        connection.execute(text("UPDATE audit_log SET actor = 'nobody'"))
    engine.dispose()
    broken = cli("audit", "verify", DATABASE_URL=sqlite_url)
    assert (broken.code, broken.out) == (1, "Entry 1 was changed after it was written.\n")
    told = json.loads(cli("doctor", "--json", DATABASE_URL=sqlite_url).out)
    found = {one["name"]: one for one in told}
    assert found["audit log"]["mark"] == "bad"
    assert found["people"]["mark"] == "warn"
