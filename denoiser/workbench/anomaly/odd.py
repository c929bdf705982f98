"""Odd ones out among images of any kind, by their features."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.neighbors import LocalOutlierFactor
from sklearn.preprocessing import StandardScaler

_NEIGHBOURS = 10
_FEWEST = 3


def odd_ones_out(features: ArrayLike) -> NDArray[np.float64]:
    """How odd each image is, by its row of *features* (N, C): about 1 among its like, higher where it stands alone.

    This is the local outlier factor (Breunig et al. 2000): the density at its neighbours, relative to its own.
    """
    rows = np.asarray(features, np.float64)
    if len(rows) < _FEWEST:
        return np.ones(len(rows))
    neighbours = LocalOutlierFactor(n_neighbors=min(_NEIGHBOURS, len(rows) - 1))
    neighbours.fit(StandardScaler().fit_transform(rows))
    return -np.asarray(neighbours.negative_outlier_factor_)
