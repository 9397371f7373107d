"""`dunning db backup`, `restore` and `restored`, as an operator types them."""

from pathlib import Path
from typing import Any

DATABASE = Path("data/dunning.sqlite3")


def test_a_backup_is_put_back_and_what_was_there_is_kept(cli: Any) -> None:
    assert cli("db", "upgrade").code == 0
    assert "holds the database" in cli("db", "backup", "copy.sqlite3").out
    assert cli("db", "backup", "copy.sqlite3").complaint.endswith("choose another name.")
    assert cli("pause", "--all", "--reason", "after the backup").code == 0
    assert "PAUSED" in cli("mode").out
    told = cli("db", "restore", "copy.sqlite3").out
    assert "Start dunning" in told
    assert "PAUSED" not in cli("mode").out
    (aside,) = DATABASE.parent.glob("dunning.sqlite3.before-*")
    assert str(aside) in told
    assert "Nothing is charged, nobody is written to" in cli("doctor").out


def test_a_person_says_that_the_database_was_restored(cli: Any) -> None:
    assert cli("db", "upgrade").code == 0
    assert "Safe mode begins" in cli("db", "restored").out
    assert "A person said that the database was restored." in cli("doctor").out


def test_postgresql_has_its_own_tools(cli: Any) -> None:
    url = "postgresql://nobody@127.0.0.1:1/nowhere"
    assert "pg_dump" in cli("db", "backup", "copy", DATABASE_URL=url).complaint
    assert "pg_restore" in cli("db", "restore", "copy", DATABASE_URL=url).complaint
