"""Experiments: who goes without, by a hash that gives the same customer the same arm for good."""

import hashlib
from collections.abc import Sequence
from fractions import Fraction
from typing import Final, Protocol, TypeVar

from dunning.core.vocabulary import Arm, Experiment

MOST: Final = Fraction(1, 2)  # a holdout is for measuring; more than half would be another plan
_RANGE: Final = 1 << 64


def share_of(text: str) -> Fraction:
    """Return the share that `10%` or `2.5 %` says.

    Raises:
        ValueError: if it is not a percentage from 0 % to 50 %.
    """
    number, sign, rest = text.strip().partition("%")
    try:
        share = Fraction(number.strip()) / 100
    except (ValueError, ZeroDivisionError):
        share = Fraction(-1)
    if not sign or rest or not 0 <= share <= MOST:
        raise ValueError(f"{text!r} is not a share: write a percentage from 0% to 50%, such as 10%.")
    return share


def said(share: Fraction) -> str:
    """Return a share as it is read: `10%`."""
    return f"{float(share * 100):g}%"


def arm_of(experiment: Experiment, customer: str, share: Fraction, *, salt: str) -> Arm:
    """Return a customer's arm: the same for the same salt; a greater share holds out the same and more."""
    digest = hashlib.sha256(f"{salt}/{experiment}/{customer}".encode()).digest()
    drawn = Fraction(int.from_bytes(digest[:8]), _RANGE)
    return Arm.HOLDOUT if drawn < share else Arm.TREATED


def probability(arm: Arm, share: Fraction) -> Fraction:
    """Return how likely a customer came to an arm."""
    return share if arm is Arm.HOLDOUT else 1 - share


class Share(Protocol):
    """One of several ways, with the share of the customers that it is drawn for."""

    @property
    def share(self) -> Fraction:
        """Return the share; those of all ways make one."""
        ...


S = TypeVar("S", bound=Share)


def drawn_arm(campaign: str, customer: str, arms: Sequence[S], *, salt: str) -> S:
    """Return the arm of a campaign that a customer is drawn for: the same for the same salt and shares."""
    digest = hashlib.sha256(f"{salt}/campaign/{campaign}/{customer}".encode()).digest()
    drawn = Fraction(int.from_bytes(digest[:8]), _RANGE)
    for arm in arms:
        if drawn < arm.share:
            return arm
        drawn -= arm.share
    return arms[-1]
