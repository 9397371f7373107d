"""Who asks, as the timeline keeps it: until there are logins, whoever sits at this machine."""

from typing import Annotated

from fastapi import Depends, Request


def by_of(request: Request) -> str:
    """Return who asks."""
    return "api" if request.url.path.startswith("/api/") else "staff"


By = Annotated[str, Depends(by_of)]
