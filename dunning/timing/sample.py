"""A few stories that stand for all of them, so that a plan can be weighed in a fraction of a millisecond."""

import numpy as np

from dunning.timing.localtime import Floats, Ints
from dunning.timing.stories import Curves


def fair_sample(weight: Floats, most: int) -> tuple[Ints, Curves]:
    """Return at most `most` columns, ascending, and weights for them that sum to 1.

    Likely stories are kept with their own weight. Of the others every so many-th by weight is taken, in the
    order of the library, where neighbours are alike; each stands for those around it.
    """
    heavy = np.flatnonzero(weight > 1 / most)
    light = weight.copy()
    light[heavy] = 0
    rest, places = float(light.sum()), most - len(heavy)
    if rest <= 0 or places <= 0:
        return heavy, (weight[heavy] / weight[heavy].sum()).astype(np.float32)
    marks = (np.arange(places) + 0.5) * (rest / places)
    picked = np.minimum(np.cumsum(light).searchsorted(marks), len(weight) - 1)
    columns, counts = np.unique(np.concatenate([heavy, picked]), return_counts=True)
    share = np.where(weight[columns] > 1 / most, weight[columns], counts * (rest / places))
    return columns, (share / share.sum()).astype(np.float32)
