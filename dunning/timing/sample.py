"""A few stories that stand for all of them, so that a plan can be weighed in a fraction of a millisecond."""

import numpy as np

from dunning.timing.localtime import Floats, Ints
from dunning.timing.stories import Curves


def fair_sample(weight: Floats, most: int) -> tuple[Ints, Curves]:
    """Return at most `most` columns, ascending, and weights for them that sum to 1.

    Likely stories are kept with their own weight. Of the others every so many-th by weight is taken, in the
    order of the library, where neighbours are alike; each stands for those around it.
    """
    heavy = weight > 1 / most
    light = np.where(heavy, 0, weight)
    rest, places = float(light.sum()), most - int(heavy.sum())
    counts = np.zeros(len(weight), dtype=np.int64)
    if rest > 0 and places > 0:
        marks = (np.arange(places) + 0.5) * (rest / places)
        picked = np.minimum(np.cumsum(light).searchsorted(marks), len(weight) - 1)
        counts = np.bincount(picked, minlength=len(weight))
    columns = np.flatnonzero(heavy | (counts > 0))
    share = np.where(heavy, weight, counts * (rest / max(places, 1)))[columns]
    return columns, (share / share.sum()).astype(np.float32)
