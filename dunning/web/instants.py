"""Instants as the API takes them: ISO 8601 with their zone."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field


def _written(value: object) -> object:
    """Refuse a number, which would be taken for seconds since 1970."""
    if not isinstance(value, str | datetime):
        raise ValueError("write an instant with its zone, such as 2027-03-25T08:00:00Z")  # noqa: TRY004 - pydantic's
    return value


def _kept(value: datetime) -> datetime:
    """Refuse the last hours of year 9999 and the first of year 1 where UTC has no year for them."""
    try:
        value.astimezone(UTC)
    except OverflowError:
        raise ValueError("write an instant between the years 1 and 9999 in UTC") from None
    return value


Instant = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_written), AfterValidator(_kept)]
