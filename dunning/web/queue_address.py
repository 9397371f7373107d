"""The queue's address: all that a reader chose is in it, so that a link shows another what one sees."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, Final, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from dunning.core.declines import DeclineClass
from dunning.core.vocabulary import Status
from dunning.store.queue_filter import Sort, Tab, Wanted
from dunning.web import words

Word = Annotated[str, Field(max_length=200)]
PATH: Final = "/recoveries"
LABELS: Final = {
    "decline_class": "Why it failed",
    "status": "Status",
    "least": "At least",
    "most": "At most",
    "value": "Customer has paid at least",
    "currency": "Currency",
    "country": "Country",
    "plan": "Plan",
    "owner": "Owner",
    "campaign": "Campaign",
    "segment": "Segment",
    "age": "Failed at least",
    "budget": "Attempts left",
    "slipping": "Slipping away",
    "late": "Response late",
}
NOBODY: Final = "nobody"
GONE: Final = "That page of the queue is gone: begin again on the first one."


class Asked(BaseModel):
    """What stands in the queue's address; amounts are whole units of the invoice's own currency."""

    model_config = ConfigDict(extra="ignore")

    tab: Tab = Tab.NEEDS_ACTION
    q: Word = ""
    sort: Sort = Sort.WORTH
    cursor: Word | None = None
    decline_class: DeclineClass | Literal[""] = ""
    status: Status | Literal[""] = ""
    least: Annotated[int, Field(ge=0, le=10**12)] | Literal[""] = ""
    most: Annotated[int, Field(ge=0, le=10**12)] | Literal[""] = ""
    value: Annotated[int, Field(ge=0, le=10**12)] | Literal[""] = ""
    currency: Word = ""
    country: Word = ""
    plan: Word = ""
    owner: Word = ""
    campaign: Word = ""
    segment: Word = ""
    age: Annotated[int, Field(ge=0, le=3650)] | Literal[""] = ""
    budget: Literal["", "some", "none"] = ""
    slipping: bool = False
    late: bool = False

    def wanted(self, *, livemode: bool, me: str, limit: int) -> Wanted:
        """Return the question to the store; a search looks everywhere, whatever the tab."""
        return Wanted(
            livemode,
            tab=None if self.q.strip() else self.tab,
            q=self.q,
            cursor=self.cursor,
            limit=limit,
            sort=self.sort,
            me=me,
            statuses=frozenset({self.status} if self.status else ()),
            decline_class=self.decline_class or None,
            currency=self.currency.strip().lower() or None,
            country=self.country.strip().upper() or None,
            plan=self.plan or None,
            owner=None if not self.owner else "" if self.owner == NOBODY else self.owner,
            campaign=self.campaign or None,
            segment=self.segment or None,
            least=None if self.least == "" else self.least * 100,
            most=None if self.most == "" else self.most * 100 + 99,
            value_least=None if self.value == "" else self.value * 100,
            older_than=None if self.age == "" else timedelta(days=self.age),
            budget=None if not self.budget else self.budget == "some",
            slipping=self.slipping,
            breached=self.late,
        )

    def address(self, path: str = PATH, **changes: Any) -> str:
        """Return the address with some choices changed; the place in the list is forgotten unless given."""
        given = self.model_dump(mode="json", exclude_defaults=True) | {"cursor": None} | changes
        kept = {name: value for name, value in given.items() if value not in {None, "", False}}
        return f"{path}?{urlencode(kept)}" if kept else path

    def chips(self, t: words.Say = words.in_english) -> Iterator[tuple[str, str, str]]:
        """Yield each filter in force: its name, what it says, and the address without it."""
        for name, label in LABELS.items():
            value = getattr(self, name)
            if value not in {"", False}:
                without: dict[str, Any] = {name: None}
                yield label, _said(name, value, t), self.address(PATH, **without)

    def hidden(self, *names: str) -> Iterator[tuple[str, Any]]:
        """Yield what a form must pass on, besides the fields that it has itself."""
        given = self.model_dump(mode="json", exclude_defaults=True)
        yield from ((name, value) for name, value in given.items() if name not in {"cursor", *names})


def asked_in(address: str) -> Asked:
    """Return what an address of the queue asks; what makes no sense in it is refused as a bad request."""
    try:
        return Asked.model_validate(dict(parse_qsl(urlsplit(address).query)))
    except ValueError as error:
        raise HTTPException(400, GONE) from error


def _said(name: str, value: Any, t: words.Say) -> str:
    match name:
        case "decline_class":
            return t(words.DECLINE_CLASS[value])
        case "status":
            return t(words.STATUS[value][0])
        case "age":
            return t("%(n)s days ago", n=value)
        case "slipping" | "late":
            return t("yes")
        case "budget":
            return t("some") if value == "some" else t("none")
        case "currency" | "country":
            return str(value).upper()
        case _:
            return str(value)
