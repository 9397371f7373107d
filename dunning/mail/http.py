"""Mail over a provider's HTTP API: one request, and an answer read as sent, not sent, or unknown."""

import ssl
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import httpx

from dunning.mail.provider import Accepted, NotSent, OutgoingMail, UnknownOutcome
from dunning.mail.requests import Request, Wire

# Nothing was sent when one of these is raised: there was no connection to send it over.
_NO_WAY: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_ANSWER_WITHIN_S: Final = 30.0
_MOST_WORDS: Final = 200


class HttpMailer:
    """A mailer that posts to one provider; `domain` is the sending domain where the provider wants it."""

    def __init__(
        self,
        name: str,
        wire: Wire,
        key: str,
        *,
        domain: str,
        base: str | None = None,
        timeout: float | None = None,
    ) -> None:
        self.name = name
        self._wire, self._key, self._domain = wire, key, domain
        self._base = (base or wire.base).rstrip("/")
        self._timeout = timeout or _ANSWER_WITHIN_S

    def __repr__(self) -> str:
        return f"HttpMailer({self.name}, {self._base})"

    def send(self, outgoing: OutgoingMail) -> Accepted:
        """Send one message.

        Where the provider sends one idempotency key once, an unknown outcome is asked for once more under
        the same key, at once: well within the shortest life of a key (Brevo's 15 minutes).

        Raises:
            NotSent: the provider was not reached, or said no; for good only for what is wrong with this
                message (a refused key is the operator's to mend, and later is then different).
            UnknownOutcome: the request was on its way and no answer that can be trusted came back.
        """
        request = self._wire.request(outgoing, self._key, self._domain)
        try:
            return self._ask(request)
        except UnknownOutcome:
            if not self._wire.keyed:
                raise
        return self._ask_again(request)

    def _ask_again(self, request: Request) -> Accepted:
        try:
            return self._ask(request)
        except NotSent as error:
            if "duplicate_parameter" in error.reason:  # Brevo: it has sent this key already
                return Accepted()
            # the first asking may still have been taken, whatever is said of the second
            raise UnknownOutcome(f"no answer at first, then: {error.reason}") from None

    def _ask(self, request: Request) -> Accepted:
        try:
            # a connection of its own: a kept one may be closed by the provider just as we write
            with httpx.Client(timeout=self._timeout, verify=_certificates()) as client:
                answer = client.post(
                    self._base + request.path,
                    headers=dict(request.headers),
                    json=request.json,
                    data=request.form,
                    auth=request.basic or httpx.USE_CLIENT_DEFAULT,
                )
        except _NO_WAY as error:
            raise NotSent(f"{self.name} was not reached ({type(error).__name__})", retryable=True) from error
        except httpx.HTTPError as error:
            raise UnknownOutcome(f"{self.name} did not answer ({type(error).__name__})") from error
        return self._read(answer)

    def _read(self, answer: httpx.Response) -> Accepted:
        code, said = answer.status_code, _body(answer)
        if 200 <= code < 300 and not said.get("ErrorCode"):  # Postmark's, also beside a 200
            reference = self._wire.reference({**answer.headers, **said})
            return Accepted(reference if isinstance(reference, str) else "")
        words = f"{self.name} answered {code}: {_words(answer)}"
        if code >= 500 and code != 503:
            raise UnknownOutcome(words)
        if code in {401, 403}:
            raise NotSent(f"{self.name} refused the key ({code}); see DUNNING_MAIL_KEY", retryable=True)
        # 503 is RFC 9110's "unable to handle the request"; 409 is Resend still busy with the same key
        raise NotSent(words, retryable=code in {408, 409, 425, 429, 503} or 300 <= code < 400)


@cache
def _certificates() -> ssl.SSLContext:
    return httpx.create_ssl_context()  # reading them takes longer than most answers


def _body(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        said = answer.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _words(answer: httpx.Response) -> str:
    text = "".join(letter if letter.isprintable() else " " for letter in answer.text[: 4 * _MOST_WORDS])
    return " ".join(text.split())[:_MOST_WORDS]
