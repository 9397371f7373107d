"""What customers answer to text messages: STOP suppresses their number, START releases it."""

from collections.abc import Mapping
from typing import Final

from dunning import logs
from dunning.channels.twilio import account_from_url, signed_by_twilio
from dunning.core.texting import Answer, e164, meaning
from dunning.errors import DunningError
from dunning.flows.house import House
from dunning.store import contacts

WEBHOOK: Final = "/webhooks/twilio"

log = logs.get(__name__)


class NotTwilio(DunningError):
    """The request was not signed by our Twilio account, or there is none."""


def hear_answer(house: House, form: Mapping[str, str], signature: str) -> Answer:
    """Follow an incoming text that Twilio tells of; any number of times.

    The signature is over our public address, as it is set at Twilio: the base URL and `/webhooks/twilio`.

    Raises:
        NotTwilio: it is not to be believed.
    """
    url = house.settings.sms_url
    if url is None:
        raise NotTwilio("No Twilio account is set up (DUNNING_SMS_URL).")
    account = account_from_url(url.get_secret_value())
    if not signed_by_twilio(account, f"{house.settings.base_url}{WEBHOOK}", form, signature):
        raise NotTwilio("The signature is not Twilio's for this address and account.")
    number = e164(form.get("From"))
    said = meaning(form.get("Body", ""), told=form.get("OptOutType"))
    if number is None or said is Answer.OTHER:
        return said
    with house.store.write() as connection:
        if said is Answer.STOP:
            contacts.stop_texts(connection, number, house.clock.now())
        else:
            contacts.start_texts(connection, number, house.clock.now())
    log.info("texts_answered", answer=said.value)
    return said
