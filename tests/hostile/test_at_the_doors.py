"""Tokens and sessions: nothing that was made up, or changed by a bit, opens anything."""

import random

from hostile.draws import many, seeds, text

from dunning.core.links import make_token, read_token
from dunning.core.people import fingerprint

SECRET, OTHER = b"a secret of this house, of 32 bytes", b"another secret, also of 32 bytes.."


def forged(chance: random.Random, right: str) -> str:
    """Return a token that was not made here."""
    at = chance.randrange(len(right))
    link, _, tag = right.partition(".")
    return chance.choice(
        (
            right[:at] + chr(ord(right[at]) ^ (1 << chance.randrange(7))) + right[at + 1 :],
            right[:at],
            right + chance.choice("A=. \n\x00"),
            make_token(link, OTHER),
            f"{link}x.{tag}",
            f"off-{right}",
            f"{link}.{chance.choice(('', '.', tag.lower(), tag[::-1], tag * 2))}",
            text(chance),
        )
    )


def test_no_link_opens_with_a_token_that_was_not_made_for_it() -> None:
    tried = 0
    for chance in seeds(many(20_000), "token"):
        right = make_token(f"lnk_{chance.randrange(10**12)}", SECRET)
        token = forged(chance, right)
        tried += 1
        if token != right:
            assert read_token(token, SECRET) is None, token
        assert read_token(right, SECRET) == right.partition(".")[0]
    print(f"\nforged tokens: {tried}")  # noqa: T201


def test_the_fingerprint_of_a_secret_is_that_of_no_other_text() -> None:
    """Sessions and API tokens are found by their fingerprint alone."""
    right = "dun_pdOuiV4v8Hg_AnWQ7oeAbH8RuRPXjQHTXwaBSnjrzis"
    known = fingerprint(right)
    for chance in seeds(many(20_000), "session"):
        token = forged(chance, right)
        assert (fingerprint(token) == known) == (token == right), token
