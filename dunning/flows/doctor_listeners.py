"""What the doctor says of the listeners outside, and of the way to send text messages."""

from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError

from dunning.channels.twilio import account_from_url
from dunning.flows import listening
from dunning.flows.doctor import Finding, Mark
from dunning.settings import Settings
from dunning.store.engine import Store


def examine_listeners(settings: Settings, store: Store) -> Iterator[Finding]:
    """Yield a finding for each listener, and for the way to send text messages."""
    yield from _texting(settings)
    if settings.private_webhooks and settings.livemode:
        sentence = "Webhooks may go to http and into your own network (DUNNING_PRIVATE_WEBHOOKS)."
        yield Finding(Mark.WARN, "webhooks", sentence, "Unset it, unless that is meant.")
    try:
        found = listening.standing(store)
    except SQLAlchemyError:
        return  # the database has findings of its own
    for standing in found:
        one = standing.listener
        name = f"{one.kind} {one.target}"[:80]
        again = f"`dunning webhook test {one.id}`"
        lost = listening.dead(standing.recent)
        if one.off_at is not None:
            cure = f"Mend it, then {again} switches it on again."
            yield Finding(Mark.BAD, "listener", f"{name} is off. {one.off_why or ''}".strip(), cure)
        elif one.failing_since is not None:
            since = f"{one.failing_since:%d %B %Y %H:%M}"
            yield Finding(Mark.WARN, "listener", f"{name} has failed since {since} UTC.", f"Try {again}.")
        elif lost:
            cure = f"See `dunning webhook deliveries {one.id}`; `dunning webhook redeliver` tells them again."
            yield Finding(Mark.WARN, "listener", f"{name}: {lost} announcements may not have arrived.", cure)
        else:
            yield Finding(Mark.OK, "listener", f"{name} hears {len(one.topics)} topics.")


def _texting(settings: Settings) -> Iterator[Finding]:
    """Yield whether text messages can go out, where they are set up."""
    if settings.sms_url is None:
        return
    try:
        account = account_from_url(settings.sms_url.get_secret_value())
    except ValueError as error:
        yield Finding(Mark.BAD, "text messages", f"{error}.", "Correct DUNNING_SMS_URL.")
        return
    where = f"{settings.base_url}/webhooks/twilio"
    sentence = f"Sent by Twilio account {account.sid}; answers (STOP) are to be told to {where}."
    yield Finding(Mark.OK, "text messages", sentence)
