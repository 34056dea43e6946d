"""The order of examples in training: shuffled anew in each epoch, a pure function of the seed and the step."""

from __future__ import annotations

import numpy as np

from .counter import uniform
from .folds import Indices

_ORDER = 0x5F1E  # random stream


class Shuffled:
    """``shuffled[step]``: the indices of the examples of a batch, ``(batch_size,)``; a batch may end an epoch and begin
    the next.

    Args:
        count: number of examples.
        batch_size: examples per batch.
        seed: the seed of the run.
    """

    def __init__(self, count: int, batch_size: int, seed: int) -> None:
        self.count, self.batch_size, self.seed = count, batch_size, seed
        self._orders: dict[int, Indices] = {}

    @property
    def per_epoch(self) -> float:
        """Batches per epoch."""
        return self.count / self.batch_size

    def __getitem__(self, step: int) -> Indices:
        epochs, places = np.divmod(step * self.batch_size + np.arange(self.batch_size), self.count)
        chosen = np.zeros(self.batch_size, np.int64)
        for epoch in np.unique(epochs).tolist():
            chosen[epochs == epoch] = self._order(epoch)[places[epochs == epoch]]
        return chosen

    def _order(self, epoch: int) -> Indices:
        if epoch not in self._orders:
            self._orders = {known: order for known, order in self._orders.items() if known >= epoch - 1}
            draws = uniform(self.seed, _ORDER, epoch, np.arange(self.count))
            self._orders[epoch] = draws.argsort(kind="stable")
        return self._orders[epoch]
