"""Text messages by Twilio: one request for each, and the signature of what Twilio tells us."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from dunning.channels.asking import ask, said
from dunning.core.texting import MOST_SEGMENTS, e164, segments
from dunning.mail.provider import Accepted, NotSent, Outgoing, UnknownOutcome

EXAMPLE: Final = (
    "write twilio://ACCOUNT_SID:AUTH_TOKEN@api.twilio.com?from=%2B15005550006 (or ?service=MG...)"
)
API: Final = "https://api.twilio.com"
UNSUBSCRIBED: Final = 21610  # https://www.twilio.com/docs/api/errors/21610
LATER: Final = frozenset({401, 403, 429})  # the operator's to mend, or Twilio's: later is different


@dataclass(frozen=True, slots=True)
class TwilioAccount:
    """Whose account, and from which number or messaging service; `api` is another address in tests."""

    sid: str
    token: str = field(repr=False)
    sender: str = ""
    service: str = ""
    api: str = API


class TwilioSms:
    """The channel `sms`."""

    name = "sms"

    def __init__(self, account: TwilioAccount) -> None:
        self._account = account

    def __repr__(self) -> str:
        return f"TwilioSms({self._account.sid})"

    def send(self, written: Outgoing) -> Accepted:
        """Send one text; Twilio has no idempotency keys, so an answer that is lost stays unknown.

        Source: https://www.twilio.com/docs/messaging/api/message-resource#create-a-message

        Raises:
            NotSent: the text cannot be sent, or Twilio said no.
            UnknownOutcome: Twilio may have taken it.
        """
        if e164(written.recipient) != written.recipient:
            raise NotSent("the number is not written as + and its country's code", retryable=False)
        if segments(written.text) > MOST_SEGMENTS:
            raise NotSent(f"the text is longer than {MOST_SEGMENTS} segments", retryable=False)
        account = self._account
        sender = {"MessagingServiceSid": account.service} if account.service else {"From": account.sender}
        answer = ask(
            "POST",
            f"{account.api}/2010-04-01/Accounts/{account.sid}/Messages.json",
            login=(account.sid, account.token),
            form={"To": written.recipient, **sender, "Body": written.text},
        )
        if answer.is_success:
            return Accepted(str(said(answer, "sid") or ""))
        if answer.status_code >= 500 or answer.status_code < 400:
            raise UnknownOutcome(f"Twilio answered {answer.status_code}")
        code = said(answer, "code")
        why = "its owner has answered STOP" if code == UNSUBSCRIBED else str(said(answer, "message") or "")
        sentence = f"Twilio refused ({answer.status_code}, {code}): {why}"[:300]
        raise NotSent(sentence, retryable=answer.status_code in LATER, unwanted=code == UNSUBSCRIBED)


def account_from_url(url: str) -> TwilioAccount:
    """Read DUNNING_SMS_URL.

    Raises:
        ValueError: it cannot be used; says what to write instead, never what was written.
    """
    try:
        parts = urlsplit(url)
        sid, token, host = unquote(parts.username or ""), unquote(parts.password or ""), parts.hostname
        options = parse_qs(parts.query, strict_parsing=bool(parts.query))
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        # not chained: urllib repeats the piece it could not read, which may be the token
        raise ValueError(f"DUNNING_SMS_URL cannot be read; {EXAMPLE}") from None
    if parts.scheme != "twilio" or not (sid and token and host):
        raise ValueError(f"DUNNING_SMS_URL is not a Twilio account; {EXAMPLE}")
    sender, service = (options.get(name, [""])[0] for name in ("from", "service"))
    if set(options) - {"from", "service"} or bool(sender) == bool(service):
        raise ValueError(f"DUNNING_SMS_URL names either the number to send from, or a service; {EXAMPLE}")
    sender = f"+{sender.strip()}" if sender[:1] == " " else sender  # an unescaped + is a blank in a query
    return TwilioAccount(sid, token, sender, service, f"https://{host}{port}")


def signed_by_twilio(account: TwilioAccount, url: str, form: Mapping[str, str], signature: str) -> bool:
    """Return whether Twilio sent a form to `url`, our public address as Twilio has it.

    Source: https://www.twilio.com/docs/usage/security#validating-requests
    """
    said_of_it = url + "".join(name + form[name] for name in sorted(form))
    digest = hmac.new(account.token.encode(), said_of_it.encode(), hashlib.sha1).digest()
    return hmac.compare_digest(base64.b64encode(digest), signature.encode("utf-8", "replace"))
