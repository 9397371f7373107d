"""Passwords that are tried first: known words and runs of keys, however they are lengthened.

No list of leaked passwords is shipped: most are too short to be used here, and those that are long enough
are made of few parts. What is left when digits, signs and repetitions are taken away must be more than these.
Source: the recipes in NIST SP 800-63B-4 §3.1.1.2 (commonly used, expected, or context-specific).
"""

import re
from itertools import pairwise
from typing import Final

_LEET: Final = str.maketrans("013457@$!", "oleastasi")
_RUNS: Final = (
    "abcdefghijklmnopqrstuvwxyz",
    "zyxwvutsrqponmlkjihgfedcba",
    "qwertyuiopasdfghjklzxcvbnm",
    "qazwsxedcrfvtgbyhnujmikolp",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "mnbvcxzlkjhgfdsapoiuytrewq",
    "asdfghjkl",
    "zxcvbnm",
)
_WORDS: Final = frozenset(
    (
        "access account admin administrator amazon america andrew angel angels anthony april "
        "arsenal asshole august austin autumn baby badboy banana baseball basketball batman billing "
        "bond butterfly carlos cde change charlie cheese chelsea chocolate company computer cookie "
        "customer daniel december default dennis diamond doctor dragon dunning edc eminem england "
        "fall family february fender flower football forever freedom friday friend friends fuck "
        "fuckyou george germany ginger girl god guest hannah happy harley heaven hello hockey honey "
        "hunter iloveyou internet invoice jackson january jennifer jessica jesus jordan joshua july "
        "june justin killer king klaster letmein liverpool login london love lovely loveme lover "
        "lucky maggie manager manchester march marina martin master matrix matthew may me melissa "
        "merlin michael michelle mine mobile monday money monkey mother mustang my mylove naruto "
        "new nicole ninja november number october office one orange pass passphrase passwd password "
        "payment pepper phoenix please pokemon princess private purple qaz queen rainbow ranger "
        "recovery rfv robert root samantha samsung saturday school secret secure september service "
        "shadow silver smile soccer spiderman spring star starwars steelers stripe summer sunday "
        "sunshine super superman support system taylor tennis test tester testing thomas thunder "
        "thursday tigger trustno tuesday unknown user victoria wednesday welcome whatever william "
        "winner winter world wsx yankees yellow you your zaq"
    ).split()
)
MOST_PARTS: Final = 3  # so many known words in a row are still a common phrase
MANY_DIGITS: Final = 6  # more than a date has: these alone are hard to guess
FEWEST_LETTERS: Final = 4  # with fewer a password is a number
_SHORTEST_RUN: Final = 4


def guessable(password: str, *context: str) -> bool:
    """Return whether a password is among those tried first; `context` are names it must not be made of.

    A name of the house, an address or a product counts as a known word.
    """
    plain = password.casefold()
    middle = re.sub(r"^[^a-z]+|[^a-z]+$", "", plain).translate(_LEET)
    spellings = {re.sub(r"[^a-z]", "", one) for one in (plain, middle)}
    if _strange(password):
        return False
    if min(map(len, spellings)) < FEWEST_LETTERS:
        return _few_digits(password)
    if sum(sign.isdigit() for sign in password) > MANY_DIGITS and not _few_digits(password):
        return False
    known = {*_WORDS, *(part for name in context for part in re.findall(r"[a-z]{3,}", name.casefold()))}
    return any(_parts(_once(one), known) <= MOST_PARTS for one in spellings)


def _strange(password: str) -> bool:
    """Return whether there are letters of other alphabets, which no list of these is about."""
    return any(letter.isalpha() and not letter.isascii() for letter in password)


def _few_digits(password: str) -> bool:
    """Return whether a number is a run or a repetition: 123456789012, 121212121212, 2580 2580 2580."""
    digits = re.sub(r"\D", "", password)
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(digits)}
    return len(steps) <= 1 or len(_once(digits)) <= 6


def _once(text: str) -> str:
    """Return the shortest text of which this one is a repetition: passwordpassword is password."""
    for size in range(1, len(text) // 2 + 1):
        if (text[:size] * (len(text) // size + 1))[: len(text)] == text:
            return text[:size]
    return text


def _parts(letters: str, known: set[str]) -> int:
    """Return of how few known words and runs the letters are made; a part that is none counts as four."""
    fewest = [0] + [len(letters) + 4] * len(letters)
    for end in range(1, len(letters) + 1):
        for begin in range(end):
            part = letters[begin:end]
            if part in known or _is_run(part):
                fewest[end] = min(fewest[end], fewest[begin] + 1)
    return min(fewest[-1], len(letters) + 4) if letters else 0


def _is_run(part: str) -> bool:
    same = len(set(part)) == 1
    return len(part) >= _SHORTEST_RUN and (same or any(part in run for run in _RUNS))
