"""What the parts of a live model share: the case, its inputs, the sheets so far and the metrics that are formulas."""

from dataclasses import dataclass, field

import numpy as np

from colocalc.case import Case, Terms
from colocalc.catalog import Catalog
from colocalc.report.formula import Term
from colocalc.report.views.model.grid import Grid
from colocalc.report.views.model.inputs import Inputs
from colocalc.study.evaluate import Result


@dataclass(frozen=True)
class Build:
    """A model while it is built.

    Attributes
    ----------
    case, result, catalog : Case, Result, Catalog
        What was evaluated.
    inputs : Inputs
        The named cells.
    grids : list of Grid
        Sheets in order.
    metrics : dict of str to Term
        The cell of each metric that is a formula, by id.
    notes : list of str
        What of the model is frozen.
    """

    case: Case
    result: Result
    catalog: Catalog
    inputs: Inputs
    grids: list[Grid] = field(default_factory=list)
    metrics: dict[str, Term] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def grid(self, name: str, first_column: int = 0) -> Grid:
        """A new sheet behind the others."""
        found = Grid(name, first_column)
        self.grids.append(found)
        return found


@dataclass(frozen=True)
class Contract:
    """A contract in the model: what its months multiply.

    Attributes
    ----------
    name, path : str
        What it is called, and where its keys are.
    pools : tuple of int
        Places of its pools.
    terms : Terms
        What the case holds.
    billed_share : Term
        Share of all hours that is billed.
    fee_usd_per_month : Term or None
        The flat fee, where there is one.
    """

    name: str
    path: str
    pools: tuple[int, ...]
    terms: Terms
    billed_share: Term
    fee_usd_per_month: Term | None


@dataclass(frozen=True)
class Fleet:
    """Pools and contracts at full delivery, each a cell of the sheet of pools.

    Attributes
    ----------
    contracts : tuple of Contract
        In the order of the case.
    gpu_count, share_of_site, site_weight, capital_usd : list of Term
        By pool.
    hour_usd : list of Term
        What each pool under a rate earns in an hour.
    fee_weight : list of Term
        Part of each pool in the fee of its contract.
    market_hour_usd : list of Term
        What each pool would earn in an hour at the market's rate.
    billed_gpu_h, revenue_usd_per_yr : Term
        Sums of a year.
    """

    contracts: tuple[Contract, ...]
    gpu_count: list[Term]
    share_of_site: list[Term]
    site_weight: list[Term]
    capital_usd: list[Term]
    hour_usd: list[Term]
    fee_weight: list[Term]
    market_hour_usd: list[Term]
    billed_gpu_h: Term
    revenue_usd_per_yr: Term

    def contract_of(self, pool: int) -> Contract | None:
        """The contract that covers a pool."""
        return next((one for one in self.contracts if pool in one.pools), None)


def known(value: object) -> bool:
    """Whether a number of one scenario is one."""
    return bool(np.isfinite(np.asarray(value, dtype=np.float64)).all())


def one(value: object) -> float:
    """A number of one scenario."""
    return float(np.asarray(value, dtype=np.float64))
