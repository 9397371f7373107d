"""Parts of statements that are built once and then only given their values.

SQLAlchemy takes longer to build a statement, and to find it among the compiled ones, than SQLite to run it;
of a statement that is kept it remembers where. No name given here equals a column's: an UPDATE sets those.
"""

from typing import Any, Final

from sqlalchemy import BindParameter, ColumnElement, Table, bindparam

from dunning.core.billing import Whose

ITS_ID: Final[BindParameter[Any]] = bindparam("its_id")
ITS_FENCE: Final[BindParameter[Any]] = bindparam("its_fence")


def belongs(table: Table) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return the conditions that a row belongs to the `owner` given with the values."""
    return table.c.account_id == bindparam("its_account"), table.c.livemode == bindparam("its_mode")


def owner(whose: Whose) -> dict[str, Any]:
    """Return the values of `belongs`."""
    return {"its_account": whose.account_id, "its_mode": whose.livemode}
