"""Trials: what is drawn for each of them, and what it comes to.

Trials are drawn in chunks of one size, and every number of every chunk has a stream of random numbers of its own. So a
trial can be had without those before it, it is the same whatever else is drawn, and no bit of it depends on how trials
are cut into blocks or where they run.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import numpy as np

from colocalc.arrays import Array
from colocalc.case.risk import Counted, Input
from colocalc.chance.paths import price_factor
from colocalc.chance.shapes import correlated_factor, split_lognormal, triangular
from colocalc.study.engine.task import Block, by_chunk
from colocalc.study.surface import PlaneSurface, Surface
from colocalc.units import GPU_DAYS_PER_RATE_UNIT

CHUNK = 1_000  # trials drawn and evaluated at once: their arrays by month stay in a processor's cache
GENERATOR = "PCG64"


@dataclass(frozen=True, eq=False)
class Paths:
    """The market's prices in time.

    Attributes
    ----------
    gpus : tuple of str
        GPU types, each with a price of its own.
    gpu_of_pool : tuple of int
        Which of them each pool is.
    month_count : int
        Months of a path.
    loadings : ndarray (gpu, gpu)
        How they move together.
    volatility_share_per_yr, reversion_per_yr : float
        How they move.
    """

    gpus: tuple[str, ...]
    gpu_of_pool: tuple[int, ...]
    month_count: int
    loadings: Array
    volatility_share_per_yr: float
    reversion_per_yr: float


@dataclass(frozen=True, eq=False)
class Draws:
    """What trials draw.

    Attributes
    ----------
    seed : int
        Of all streams.
    inputs : tuple of Input
        Numbers with a range, and failure rates.
    loadings : ndarray (rate, rate)
        How those of them that are lease rates move together, in their order.
    failures : tuple of Counted
        Failure rates among the inputs, whose failures are counted.
    failure_spread_share : float
        How much more they scatter than a count.
    paths : Paths or None
        Prices in time, where any contract is followed by a market.
    """

    seed: int
    inputs: tuple[Input, ...]
    loadings: Array
    failures: tuple[Counted, ...]
    failure_spread_share: float
    paths: Paths | None

    def values(self, chunk: int) -> Array:
        """The numbers of a chunk of trials, ``(trial, input)`` in the order of ``inputs``."""
        together = iter(np.moveaxis(self._rates(chunk), -1, 0))
        columns = [self._column(one, chunk, next(together) if one.is_rate else None) for one in self.inputs]
        found = np.stack(columns, axis=-1) if columns else np.empty((CHUNK, 0))
        for one in self.failures:
            found[:, self._places[one.path]] = self._counted(one, chunk, found[:, self._places[one.path]])
        return found

    def of_pools(self, price_factor: Array) -> Array | None:
        """Prices by GPU type as those of each pool, ``(trial, pool, month)``; None without a market."""
        return None if self.paths is None else price_factor[:, list(self.paths.gpu_of_pool), :]

    def price_paths(self, chunk: int) -> Array:
        """The market's prices of a chunk over what is expected, ``(trial, gpu, month)``; no GPU without a market."""
        paths = self.paths
        if paths is None:
            return np.empty((CHUNK, 0, 0))
        shape = (CHUNK, paths.month_count)
        alone = [self._stream(chunk, f"market {gpu}").standard_normal(shape) for gpu in paths.gpus]
        draws = correlated_factor(normal_factor=np.stack(alone, axis=-1), loading_factor=paths.loadings)
        return price_factor(
            normal_factor=np.moveaxis(draws, -1, -2),
            volatility_share_per_yr=paths.volatility_share_per_yr,
            reversion_per_yr=paths.reversion_per_yr,
        )

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {one.path: place for place, one in enumerate(self.inputs)}

    def _rates(self, chunk: int) -> Array:
        """Normals of the lease rates, which move together, ``(trial, rate)``."""
        alone = [self._stream(chunk, one.path).standard_normal(CHUNK) for one in self.inputs if one.is_rate]
        if not alone:
            return np.empty((CHUNK, 0))
        return correlated_factor(normal_factor=np.stack(alone, axis=-1), loading_factor=self.loadings)

    def _column(self, one: Input, chunk: int, normal: Array | None) -> Array:
        ends = {"low": one.low, "value": one.value, "high": one.high}
        if one.shape == "lognormal":
            drawn = self._stream(chunk, one.path).standard_normal(CHUNK) if normal is None else normal
            return split_lognormal(**ends, tail_share=one.tail_share, normal_factor=drawn)
        found = triangular(**ends, uniform_share=self._stream(chunk, one.path).random(CHUNK))
        return np.rint(found) if one.is_whole else found

    def _counted(self, one: Counted, chunk: int, rate: Array) -> Array:
        """The failure rate that comes of as many failures as happen to be in the horizon."""
        stream = self._stream(chunk, f"failures {one.path}")
        expected = rate * one.exposure_gpu_day / GPU_DAYS_PER_RATE_UNIT
        if self.failure_spread_share > 0.0:
            shape = self.failure_spread_share**-2
            expected = expected * stream.gamma(shape, 1.0 / shape, CHUNK)
        # Beyond this a count is normal to all digits that matter, and too large for whole numbers.
        count = np.where(expected < _LARGEST_COUNT, stream.poisson(np.minimum(expected, _LARGEST_COUNT)), expected)
        return count * GPU_DAYS_PER_RATE_UNIT / one.exposure_gpu_day

    def _stream(self, chunk: int, name: str) -> np.random.Generator:
        key = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=(chunk, key))))


_LARGEST_COUNT = 1e15


@dataclass(frozen=True, eq=False)
class Trials:
    """Trials of a fleet: what an engine evaluates; it can be sent to another process.

    Attributes
    ----------
    surface : Surface
        The fleet over the numbers drawn.
    draws : Draws
        What is drawn.
    varied : tuple of int
        Places of the inputs that the surface has.
    names : tuple of str
        Metric ids.
    rows : int
        Trials of a chunk computed at once: fewer where a fleet has many pools, so that memory stays small.
    """

    surface: Surface
    draws: Draws
    varied: tuple[int, ...]
    names: tuple[str, ...]
    rows: int

    def __call__(self, block: Block) -> dict[str, Array]:
        """The metrics of a block of trials, each ``(trial,)``."""
        parts = [self._chunk(chunk, *within) for chunk, *within in chunks_of(block)]
        return {name: np.concatenate([part[name] for part in parts]) for name in self.names}

    def _chunk(self, chunk: int, start: int, stop: int) -> dict[str, Array]:
        values, prices = self.draws.values(chunk)[:, list(self.varied)], self.draws.price_paths(chunk)

        def metrics(part: Block) -> dict[str, Array]:
            own = slice(part.start, part.stop)
            return self.surface.metrics(values[own], self.names, market_factor=self.draws.of_pools(prices[own]))

        if not isinstance(self.surface, PlaneSurface):  # each trial is lowered by itself, so others are not needed
            return by_chunk(Block(start, stop, 0), self.rows, metrics)
        # A whole chunk otherwise: what is computed together then never depends on the cut into blocks.
        found = by_chunk(Block(0, CHUNK, 0), self.rows, metrics)
        return {name: found[name][start:stop] for name in self.names}


def chunks_of(block: Block) -> list[tuple[int, int, int]]:
    """The chunks that hold a block's trials, each with its first trial of the block and the one after its last."""
    numbers = range(block.start // CHUNK, -(-block.stop // CHUNK))
    return [
        (number, max(block.start - number * CHUNK, 0), min(block.stop - number * CHUNK, CHUNK)) for number in numbers
    ]


def inputs_of(draws: Draws, block: Block) -> Array:
    """The numbers drawn for a block of trials, ``(trial, input)``."""
    return np.concatenate([draws.values(chunk)[start:stop] for chunk, start, stop in chunks_of(block)])


def mean_prices(draws: Draws, block: Block) -> Array:
    """The mean over its months of each market price path of a block of trials that has some, ``(trial, gpu)``."""
    parts = [draws.price_paths(chunk)[start:stop] for chunk, start, stop in chunks_of(block)]
    return np.concatenate([np.mean(part, axis=-1) for part in parts])
