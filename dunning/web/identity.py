"""An identity provider that speaks OpenID Connect: where people are sent, and who it says came back.

Authorization code flow with PKCE, state and nonce. Source: OpenID Connect Core 1.0 §3.1, RFC 7636.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

import httpx

from dunning.errors import DunningError

PATIENCE_S: Final = 10.0
LEEWAY_S: Final = 60
# Never `none`, never a symmetric one: a client's secret must not be able to sign.
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")


class NotRecognised(DunningError):
    """The provider does not say who came, or says it in a way that cannot be believed."""


@dataclass(frozen=True, slots=True)
class Provider:
    """The provider that the settings name, and our name with it."""

    issuer: str
    client_id: str
    client_secret: str
    known: dict[str, Any] = field(default_factory=dict)  # what its discovery document says

    def login_url(self, *, state: str, nonce: str, verifier: str, back: str) -> str:
        """Return where a person is sent to sign in.

        Raises:
            NotRecognised: the provider does not answer.
        """
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": back,
            "scope": "openid email",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
        }
        return f"{self._endpoint('authorization_endpoint')}?{urlencode(asked)}"

    def person_of(self, code: str, *, nonce: str, verifier: str, back: str, now: datetime) -> tuple[str, str]:
        """Return the address, in lower case, that the provider vouches for, and who that is to the provider.

        Raises:
            NotRecognised: the code, the signature, a claim or the address cannot be believed.
        """
        given = {"grant_type": "authorization_code", "code": code, "redirect_uri": back}
        answer = self._ask("POST", self._endpoint("token_endpoint"), {**given, "code_verifier": verifier})
        claims = self._verified(str(answer.get("id_token", "")), nonce, now)
        if claims.get("email_verified") is not True or not isinstance(claims.get("email"), str):
            raise NotRecognised("Your provider does not vouch for your address; ask an admin for a link.")
        return str(claims["email"]).strip().lower(), f"{self.known['issuer']} {claims['sub']}"

    def _verified(self, token: str, nonce: str, now: datetime) -> Mapping[str, Any]:
        """Return the claims of an id token, whose signature and claims hold."""
        from joserfc import jwk, jwt  # noqa: PLC0415 - only who uses a provider installs it
        from joserfc.errors import JoseError  # noqa: PLC0415

        try:
            keys = jwk.KeySet.import_key_set(self._ask("GET", self._endpoint("jwks_uri")))  # type: ignore[arg-type]
            claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
            rules = jwt.JWTClaimsRegistry(
                now=int(now.timestamp()),
                leeway=LEEWAY_S,
                iss={"essential": True, "value": self.known["issuer"]},
                aud={"essential": True, "value": self.client_id},
                nonce={"essential": True, "value": nonce},
                exp={"essential": True},
                iat={"essential": True},
                sub={"essential": True},
            )
            rules.validate(claims)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise NotRecognised("Your provider's answer cannot be believed; try again.") from error
        return claims

    def _endpoint(self, name: str) -> str:
        if not self.known:
            found = self._ask("GET", f"{self.issuer}/.well-known/openid-configuration")
            if str(found.get("issuer", "")).rstrip("/") != self.issuer:
                raise NotRecognised("DUNNING_OIDC_ISSUER is not what your provider calls itself.")
            self.known.update(found)
        return str(self.known.get(name, ""))

    def _ask(self, method: str, url: str, form: dict[str, str] | None = None) -> dict[str, Any]:
        auth = (self.client_id, self.client_secret) if form else None
        try:
            answer = httpx.request(method, url, data=form, auth=auth, timeout=PATIENCE_S)
            answer.raise_for_status()
            said = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise NotRecognised("Your provider does not answer; try again, or use a password.") from error
        return said if isinstance(said, dict) else {}
