"""What a program may ask the list of recoveries for."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from dunning.core.declines import DeclineClass
from dunning.core.vocabulary import Status
from dunning.store.queue_filter import Sort, Tab, Wanted


class Listing(BaseModel):
    """The parameters of the list; what is left out does not narrow it."""

    model_config = ConfigDict(extra="ignore")

    status: Annotated[list[Status], Field(description="Repeat it for several.")] = []
    q: Annotated[str, Field(max_length=200, description="How a name, an address or an id begins.")] = ""
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[
        str | None, Field(max_length=120, description="`next_cursor` of the page before, of the same `sort`.")
    ] = None
    tab: Annotated[Tab | None, Field(description="A pile of the queue; `mine` is whose token it is.")] = None
    sort: Annotated[
        Sort, Field(description="`worth`: what a person can still recover, after broken promises.")
    ] = Sort.NEWEST
    owner: Annotated[str | None, Field(max_length=200, description="Empty: nobody’s.")] = None
    segment: Annotated[str | None, Field(max_length=40)] = None
    slipping: Annotated[bool, Field(description="Only what is slipping away.")] = False
    value_least: Annotated[
        int | None, Field(ge=0, le=10**14, description="Hundredths paid so far by the customer.")
    ] = None
    decline_class: DeclineClass | None = None
    currency: Annotated[str | None, Field(min_length=3, max_length=3)] = None
    country: Annotated[str | None, Field(min_length=2, max_length=2)] = None

    def wanted(self, *, livemode: bool, me: str) -> Wanted:
        """Return the question to the store."""
        given = {name: getattr(self, name) for name in type(self).model_fields if name != "status"}
        return Wanted(livemode, statuses=frozenset(self.status), me=me, **given)
