"""The only place where definitions become arrays.

``lower`` turns a fleet and the catalog into a ``Case``: structs of read-only float64 arrays for the kernels, and the
list of every number that went in, with its source and origin.
"""

from dataclasses import dataclass
from functools import reduce
from typing import Any

from colocalc.arrays import Array
from colocalc.case.equivalents import EquivalentsCase, lower_equivalents
from colocalc.case.leases import CostCase, LeaseCase, LossCase, lower_costs, lower_lease, lower_loss
from colocalc.case.ledger import Assumption, Ledger, Remark
from colocalc.case.pools import Pools, Sites, lower_pools, lower_sites
from colocalc.case.training import TrainingCase, lower_jobs, pool_peaks
from colocalc.catalog import Catalog
from colocalc.fleet import Fleet

__all__ = [
    "Assumption",
    "Case",
    "CostCase",
    "EquivalentsCase",
    "LeaseCase",
    "LossCase",
    "Pools",
    "Remark",
    "Sites",
    "TrainingCase",
    "lower",
]

# Keys that are read and checked, and whose model comes later.
_NOT_USED_YET = (
    ("lease", "start"),
    ("lease", "months"),
    ("lease", "tenancy"),
    ("costs", "capital_usd_per_gpu"),
    ("costs", "data_centre_usd_per_mw"),
    ("depreciation", None),
    ("debt", None),
    ("finance", "discount_rate_share"),
    ("finance", "tax_rate_share"),
    ("finance", "tax_losses"),
    ("finance", "valuation_usd"),
    ("finance", "reference.gpu"),
    ("finance", "reference.rate_usd_per_gpu_h"),
    ("claims", None),
    ("training", "calibration"),
    ("training", "outer_sync_bits"),
)
_SEVERAL = {"lease": "contracts", "training": "jobs"}


@dataclass(frozen=True, eq=False)
class Case:
    """One fleet as the kernels see it, and everything that went into it.

    Attributes
    ----------
    name, title, scenario : str or None
        What it is called.
    pools, sites : Pools, Sites
        GPUs and power.
    peak_flop_per_s : ndarray (..., pool)
        Dense peak of one GPU of each pool, in a job or not.
    jobs : tuple of TrainingCase
        Training jobs; empty when the file has no ``training`` or ``jobs``.
    lease : LeaseCase or None
        Contracts; None when the file has no ``lease`` or ``contracts``.
    costs : CostCase
        Yearly cash costs.
    loss : LossCase or None
        The stated loss; None when ``finance.loss_usd`` is missing.
    equivalents : EquivalentsCase
        Measures of every H100-equivalent basis.
    assumptions : tuple of Assumption
        Every number taken, with source and origin.
    remarks : tuple of Remark
        What a reader should know.
    """

    name: str
    title: str | None
    scenario: str | None
    pools: Pools
    sites: Sites
    peak_flop_per_s: Array
    jobs: tuple[TrainingCase, ...]
    lease: LeaseCase | None
    costs: CostCase
    loss: LossCase | None
    equivalents: EquivalentsCase
    assumptions: tuple[Assumption, ...]
    remarks: tuple[Remark, ...]


def lower(fleet: Fleet, catalog: Catalog, *, scenario: str | None = None) -> Case:
    """A fleet as arrays.

    Parameters
    ----------
    fleet : Fleet
        A validated definition whose references have been checked (``colocalc.loading.load_fleet``).
    catalog : Catalog
        GPU types, models, networks, cards and defaults, with the fleet's own additions.
    scenario : str, optional
        The scenario that was applied, for the title.

    Returns
    -------
    Case

    Raises
    ------
    ColocalcError
        When a card has no rate for a pool's GPU, naming both.
    """
    ledger = Ledger(catalog)
    pools = lower_pools(fleet, ledger)
    sites = lower_sites(fleet, ledger)
    jobs = lower_jobs(fleet, pools, ledger)
    lease = lower_lease(fleet, pools, ledger)
    costs = lower_costs(fleet, ledger)
    loss = lower_loss(fleet, ledger)
    equivalents = lower_equivalents(fleet, pools, ledger)
    unused = unused_keys(fleet)
    if unused:
        ledger.remark(f"read and checked, not used yet: {', '.join(unused)}", "mfu", "lease", "hedge", "h100e")
    return Case(
        name=fleet.name,
        title=fleet.title,
        scenario=scenario,
        pools=pools,
        sites=sites,
        peak_flop_per_s=pool_peaks(pools, jobs, ledger),
        jobs=jobs,
        lease=lease,
        costs=costs,
        loss=loss,
        equivalents=equivalents,
        assumptions=ledger.assumptions,
        remarks=ledger.remarks,
    )


def unused_keys(fleet: Fleet) -> tuple[str, ...]:
    """Keys of a fleet that are validated and have no model yet."""
    found = []
    for block, key in _NOT_USED_YET:
        for path, given in _blocks(fleet, block):
            value = reduce(lambda part, name: getattr(part, name, None), key.split(".") if key else (), given)
            if value not in (None, (), {}, False):
                found.append(path if key is None else f"{path}.{key}")
    if any(site.kind == "orbital" for site in fleet.named_sites.values()):
        found.append("sites.*.kind: orbital")
    return tuple(found)


def _blocks(fleet: Fleet, block: str) -> list[tuple[str, Any]]:
    """A block of a fleet and, where there may be several of its kind, each of them under its name."""
    several = _SEVERAL.get(block)
    named = [(f"{several}.{one.name}", one) for one in getattr(fleet, several)] if several else []
    return [(block, getattr(fleet, block)), *named]
