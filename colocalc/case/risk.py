"""What trials draw: numbers with a range and their shapes, how rates move together, and the market's price in time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from colocalc.arrays import Array
from colocalc.case.ledger import Assumption, Ledger
from colocalc.case.pools import Pools
from colocalc.catalog import Catalog
from colocalc.chance.shapes import loading_factor
from colocalc.errors import ColocalcError
from colocalc.fleet import Fleet
from colocalc.risk import Risk
from colocalc.units import WHOLE, unit_of

Shape = Literal["triangular", "lognormal"]

_TOPIC: Final = "lease"
_RATE = "usd_per_gpu_h"
_FAILURES = "failures_per_1000_gpu_day"
_MODEL = (".model_error_factor", "calibration.")


@dataclass(frozen=True)
class Input:
    """A number that trials draw.

    Attributes
    ----------
    path, unit : str
        Its path among the assumptions and its unit.
    shape : str
        ``lognormal`` has low and high as quantiles; ``triangular`` never leaves them.
    low, value, high : float
        The range; an end that is not given is the value.
    tail_share : float
        Probability below the low, and above the high; 0 for a triangle.
    is_whole : bool
        Whether only whole numbers are drawn.
    is_rate : bool
        Whether it is a lease rate, which moves with the others.
    """

    path: str
    unit: str | None
    shape: Shape
    low: float
    value: float
    high: float
    tail_share: float
    is_whole: bool
    is_rate: bool


@dataclass(frozen=True, eq=False)
class Chances:
    """What a fleet says of chance, or the catalog where it says nothing.

    Attributes
    ----------
    tail_share, model_error_tail_share : float
        What low and high are read as.
    rate_correlation_share : float
        Between the rates of any two GPU types.
    correlations : mapping of frozenset to float
        Likewise, of two GPU types in particular.
    volatility_share_per_yr, reversion_per_yr : float
        Of the market's price.
    failure_spread_share : float
        Scatter of the failure rate from one horizon to the next, beyond that of a count.
    horizon_months : float
        Over which failures are counted where no contract says how long it runs.
    assumptions : tuple of Assumption
        All of that, with sources.
    """

    tail_share: float
    model_error_tail_share: float
    rate_correlation_share: float
    correlations: Mapping[frozenset[str], float]
    volatility_share_per_yr: float
    reversion_per_yr: float
    failure_spread_share: float
    horizon_months: float
    assumptions: tuple[Assumption, ...]


def lower_chances(fleet: Fleet, catalog: Catalog) -> Chances:
    """The ``risk`` block of a fleet whose references have been checked, with the catalog's defaults."""
    ledger, given = Ledger(catalog, {}), fleet.risk or Risk()

    def number(name: str) -> float:
        return ledger.number(f"risk.{name}", getattr(given, name), _TOPIC, default=f"risk.{name}")

    pairs = {}
    for place, pair in enumerate(given.correlations):
        key = f"risk.correlations.{place}.correlation_share"
        pairs[frozenset(catalog.gpu(gpu).gpu.id for gpu in pair.gpus)] = ledger.number(
            key, pair.correlation_share, _TOPIC
        )
    names = ("tail_share", "model_error_tail_share", "rate_correlation_share", "failure_spread_share", "horizon_months")
    numbers = {name: number(name) for name in (*names, "volatility_share_per_yr", "reversion_per_yr")}
    return Chances(**numbers, correlations=pairs, assumptions=ledger.assumptions)


def input_of(row: Assumption, chances: Chances) -> Input:
    """What is drawn for an assumption: money, rates and the model's error are lognormal where they are above zero.

    Shares, counts, times and other factors are triangular: they have ends that nothing passes.
    """
    value = float(row.value)  # type: ignore[arg-type]
    low, high = (value if end is None else float(end) for end in (row.low, row.high))
    unit = row.unit or _inherited_unit(row.path)
    is_error = any(part in row.path for part in _MODEL)
    scales = unit is not None and (unit.startswith(("usd", "per_")) or (is_error and unit == "factor"))
    shape: Shape = "lognormal" if scales and low > 0.0 else "triangular"
    tail = chances.model_error_tail_share if is_error else chances.tail_share
    whole = unit in WHOLE and all(each == round(each) for each in (low, value, high))
    is_rent = "lease" in row.topics or row.path.startswith("finance.")  # the others are what owning costs
    is_rate = shape == "lognormal" and unit == _RATE and is_rent
    return Input(row.path, unit, shape, low, value, high, tail if shape == "lognormal" else 0.0, whole, is_rate)


def _inherited_unit(path: str) -> str | None:
    """The unit of a number by GPU type, whose path ends in the type: ``costs.capital_usd_per_gpu.h100-sxm``."""
    unit = unit_of(path.rpartition(".")[0])
    return unit.suffix if unit else None


def rate_loadings(rates: Sequence[Input], chances: Chances) -> Array:
    """How much of each independent draw goes into each rate, ``(rate, rate)``.

    Raises
    ------
    ColocalcError
        When no rates can move together so.
    """
    return _loadings([_gpus_in(one.path, chances) for one in rates], chances)


def path_loadings(gpus: Sequence[str], chances: Chances) -> Array:
    """Likewise for the market's prices of GPU types, ``(gpu, gpu)``."""
    return _loadings([frozenset({gpu}) for gpu in gpus], chances)


def _gpus_in(path: str, chances: Chances) -> frozenset[str]:
    named = {gpu for pair in chances.correlations for gpu in pair}
    return frozenset(gpu for gpu in named if f".{gpu}." in path)


def _loadings(gpus: Sequence[frozenset[str]], chances: Chances) -> Array:
    matrix = np.full((len(gpus), len(gpus)), chances.rate_correlation_share)
    for row, one in enumerate(gpus):
        for column, other in enumerate(gpus):
            matrix[row, column] = chances.correlations.get(one | other, matrix[row, column])
    np.fill_diagonal(matrix, 1.0)
    found = loading_factor(correlation_share=matrix)
    if bool(np.isnan(found).any()):
        message = "no rates can move together so: two that move with a third cannot move against each other"
        raise ColocalcError(message, where="risk.correlations")
    return found


@dataclass(frozen=True)
class Counted:
    """Failures that are counted: the rate they come at, and the GPU-days over which."""

    path: str
    exposure_gpu_day: float


def counted(paths: Iterable[str], pools: Pools, days: float) -> tuple[Counted, ...]:
    """The failure rates of a fleet with the GPU-days that each holds for: a pool's own, the fleet's for the rest."""
    gpus = dict(zip(pools.names, np.ravel(pools.gpu_count).tolist(), strict=False))
    own = {f"pools.{name}.reliability.{_FAILURES}": name for name in gpus}
    listed = [path for path in paths if path.endswith(_FAILURES)]
    rest = sum(count for name, count in gpus.items() if f"pools.{name}.reliability.{_FAILURES}" not in listed)
    held = {path: gpus[own[path]] if path in own else rest for path in listed}
    return tuple(Counted(path, days * count) for path, count in held.items() if count > 0.0)
