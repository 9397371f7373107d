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
    summed, places = light.cumsum(), most - len(heavy)
    kept, share = heavy, weight[heavy]
    if summed[-1] > 0 and places > 0:
        each = float(summed[-1]) / places
        picked = np.minimum(summed.searchsorted((np.arange(places) + 0.5) * each), len(weight) - 1)
        kept, share = np.concatenate([heavy, picked]), np.concatenate([share, np.full(places, each)])
    columns, found = np.unique(kept, return_inverse=True)
    summed = np.bincount(found, weights=share)
    return columns, (summed / summed.sum()).astype(np.float32)
