"""Whatever is sent to the API, it answers as its description says: with no failure of its own."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from browser.house import BASE, LOCAL, furnish, site_of
from starlette.testclient import TestClient

from dunning.errors import Transient

PROBLEM = "application/problem+json"
WORDS = ["", "0", "x" * 400, "a note", "\x00", "🙂", "null", "%", "usd", "open", "' OR 1=1 --"]
DATES = [
    "2027-03-25T08:00:00Z",
    "2027-03-25",
    "2027-03-25T08:00:00",
    "9999-12-31T23:59:59-23:59",
    "0001-01-01",
]
ROUNDS = 8
Described = tuple[TestClient, dict[str, Any], list[tuple[str, str]], list[str]]


class Down:
    """A Stripe of which nothing answers."""

    def __getattr__(self, _: str) -> "Down":
        return self

    def __call__(self, *_: Any, **__: Any) -> Any:
        raise Transient("Stripe does not answer.")


@pytest.fixture
def described(database_url: str) -> Iterator[Described]:
    house, ids = furnish(database_url, recoveries=12)
    site = site_of(replace(house, stripe=Down()))
    http = TestClient(site, client=LOCAL, base_url=BASE)
    document = http.get("/api/v1/openapi.json").json()
    operations = [(path, method) for path, said in document["paths"].items() for method in said]
    assert len(operations) > 25
    yield http, document, operations, list(ids)
    house.store.engine.dispose()


@dataclass
class Fuzz:
    """Draws values that a schema allows, nearly allows, or does not."""

    chance: random.Random
    shapes: dict[str, Any]

    def word(self) -> str:
        return self.chance.choice(WORDS)

    def anything(self) -> Any:
        return self.chance.choice([None, True, -1, 2**63, 0.5, [], ["x"], {}, {"x": 1}, self.word()])

    def value(self, schema: dict[str, Any]) -> Any:  # noqa: C901 - one return for each kind
        if self.chance.random() < 0.08:
            return self.anything()
        if "$ref" in schema:
            return self.value(self.shapes[schema["$ref"].rpartition("/")[2]])
        if "anyOf" in schema:
            return self.value(self.chance.choice(schema["anyOf"]))
        if "enum" in schema:
            return self.chance.choice(schema["enum"])
        if "format" in schema:
            return self.chance.choice(DATES)
        match schema.get("type"):
            case "null":
                return None
            case "boolean":
                return self.chance.random() < 0.5
            case "integer":
                return self.chance.choice([0, 1, 2, 50, 200, -1, 2**31, 2**63, 10**30])
            case "array":
                return [self.value(schema.get("items", {})) for _ in range(self.chance.randrange(4))]
            case "object":
                return self.object(schema)
            case _:
                return self.word()

    def object(self, schema: dict[str, Any]) -> dict[str, Any]:
        needed, given = schema.get("required", ()), schema.get("properties", {})
        return {
            name: self.value(part)
            for name, part in given.items()
            if self.chance.random() < (0.95 if name in needed else 0.5)
        }


def test_every_answer_is_one_that_the_description_names(described: Described) -> None:
    http, document, operations, ids = described
    fuzz = Fuzz(random.Random(7), document["components"]["schemas"])
    for path, method in operations * ROUNDS:
        operation = document["paths"][path][method]
        query: dict[str, Any] = {}
        headers = {"Idempotency-Key": fuzz.word().encode("utf-8")} if fuzz.chance.random() < 0.3 else {}
        for part in operation.get("parameters", ()):
            if part["in"] == "path":
                known = fuzz.chance.choice([*ids, "rec_nobody", "%00", "🙂"])
                path = path.replace(f"{{{part['name']}}}", known)  # noqa: PLW2901 - it is filled in
            elif part["in"] == "query" and fuzz.chance.random() < 0.6:
                query[part["name"]] = fuzz.value(part["schema"])
        content = operation.get("requestBody", {}).get("content", {})
        body = {} if not content else {"json": fuzz.value(content["application/json"]["schema"])}
        answer = http.request(method, path, params=plain(query), headers=headers, **body)
        asked = f"{method} {path} {query} {body}"
        said = operation["responses"].get(str(answer.status_code))
        assert said is not None, f"{asked}: {answer.status_code} {answer.text}"
        kind = answer.headers["content-type"].partition(";")[0]
        assert kind in said["content"], asked


def plain(query: dict[str, Any]) -> list[tuple[str, str]]:
    """Return a query as a client writes it: a list as its parts."""
    return [
        (name, str(one))
        for name, value in query.items()
        for one in (value if isinstance(value, list) else [value])
    ]
