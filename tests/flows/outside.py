"""A stage whose house may tell and text somebody: fakes on this machine stand for the rest of the world."""

import json
from dataclasses import replace
from typing import Any

from fake_http import Fake, Got
from pydantic import SecretStr
from scenarios.stage import Stage
from sqlalchemy import select

from dunning.channels.kept import KEPT, Kept
from dunning.channels.twilio import TwilioAccount, TwilioSms
from dunning.core.webhook_signature import verify
from dunning.flows import listening
from dunning.store import tables

TWILIO = TwilioAccount("AC123", "token", "+15005550006")


def open_to(stage: Stage, fake: Fake, **settings: Any) -> None:
    """Let the house tell others and send text messages, by the fake."""
    mine = stage.house.settings.model_copy(
        update={
            "private_webhooks": True,
            "sms_url": SecretStr("twilio://AC123:token@api.twilio.com?from=%2B15005550006"),
            "slack_url": SecretStr(f"{fake.url}/slack"),
            "zendesk_url": SecretStr(f"http://agent:key@127.0.0.1:{fake.port}"),
            **settings,
        }
    )
    channels = {name: Kept(name) for name in KEPT} | {"sms": TwilioSms(replace(TWILIO, api=fake.url))}
    stage.house = replace(stage.house, settings=mine, channels=channels)


def step_by(stage: Stage, ids: dict[str, Any], channel: str, recipient: str = "customer") -> str:
    """Let the first step of a recovery's campaign go another way, at the instant when it is due."""
    first = next(row for row in stage.rows("messages", ids) if row["step"] == "first")
    with stage.house.store.write() as connection:
        way = {"channel": channel, "recipient": recipient}
        connection.execute(tables.messages.update().where(tables.messages.c.id == first["id"]).values(way))
    stage.clock.advance_to(first["due_at"])
    return str(first["id"])


def message(stage: Stage, message_id: str) -> Any:
    """Return a message's row."""
    with stage.house.store.read() as connection:
        query = select(tables.messages).where(tables.messages.c.id == message_id)
        return connection.execute(query).mappings().one()


def told(stage: Stage, fake: Fake, listener_id: str) -> list[dict[str, Any]]:
    """Return what a webhook's receiver has got and could verify, in the order in which it came."""
    (secret, *_) = listening.secrets(stage.house, listener_id)
    return [_verified(got, secret, stage) for got in fake.got]


def _verified(got: Got, secret: str, stage: Stage) -> dict[str, Any]:
    stamp = stage.clock.now().fromtimestamp(int(got.headers["webhook-timestamp"]), stage.clock.now().tzinfo)
    verify(got.headers, got.body, secret, now=stamp)
    body: dict[str, Any] = json.loads(got.body)
    return body | {"webhook-id": got.headers["webhook-id"]}
