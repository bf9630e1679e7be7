"""The only place where definitions become arrays.

``lower`` turns a fleet and the catalog into a ``Case``: structs of read-only float64 arrays for the kernels, and the
list of every number that went in, with its source and origin.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

from colocalc.arrays import Array
from colocalc.case.equivalents import EquivalentsCase, lower_equivalents
from colocalc.case.leases import CostCase, LeaseCase, LossCase, lower_costs, lower_lease, lower_loss
from colocalc.case.ledger import Assumption, Ledger, Remark, scalar
from colocalc.case.pools import Pools, Sites, lower_pools, lower_sites
from colocalc.case.training import TrainingCase, lower_jobs, pool_peaks
from colocalc.catalog import Catalog
from colocalc.errors import ColocalcError, did_you_mean, quoted
from colocalc.figure import Figure
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
    "numbers",
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
    claim_tolerance_share : ndarray (...)
        How far a number may lie from what a claim says in one number, relative.
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
    claim_tolerance_share: Array
    assumptions: tuple[Assumption, ...]
    remarks: tuple[Remark, ...]


def lower(
    fleet: Fleet, catalog: Catalog, *, scenario: str | None = None, instead: Mapping[str, float] | None = None
) -> Case:
    """A fleet as arrays.

    Parameters
    ----------
    fleet : Fleet
        A validated definition whose references have been checked (``colocalc.loading.load_fleet``).
    catalog : Catalog
        GPU types, models, networks, cards and defaults, with the fleet's own additions.
    scenario : str, optional
        The scenario that was applied, for the title.
    instead : mapping of str to float, optional
        Numbers that take the place of those of these assumptions, by path: how studies vary a fleet.

    Returns
    -------
    Case

    Raises
    ------
    ColocalcError
        When a card has no rate for a pool's GPU, naming both, or when a number that is to be replaced is none of this
        fleet's.
    """
    varied = {path: Figure(float(value)) for path, value in (instead or {}).items()}
    ledger = Ledger(catalog, {**fleet.assumptions, **varied})
    pools = lower_pools(fleet, ledger)
    sites = lower_sites(fleet, ledger)
    jobs = lower_jobs(fleet, pools, ledger)
    lease = lower_lease(fleet, pools, ledger)
    costs = lower_costs(fleet, ledger)
    loss = lower_loss(fleet, ledger)
    equivalents = lower_equivalents(fleet, pools, ledger)
    peaks = pool_peaks(pools, jobs, ledger)
    tolerance = ledger.number("claims.tolerance_share", None, "claims", default="claims.tolerance_share")
    _refuse_unknown(ledger)
    unused = unused_keys(fleet)
    if unused:
        ledger.remark(f"read and checked, not used yet: {', '.join(unused)}", "mfu", "lease", "hedge", "h100e")
    return Case(
        name=fleet.name,
        title=fleet.title,
        scenario=scenario,
        pools=pools,
        sites=sites,
        peak_flop_per_s=peaks,
        jobs=jobs,
        lease=lease,
        costs=costs,
        loss=loss,
        equivalents=equivalents,
        claim_tolerance_share=scalar(tolerance),
        assumptions=ledger.assumptions,
        remarks=ledger.remarks,
    )


def numbers(case: Case) -> dict[str, Assumption]:
    """The numbers behind a case that may be varied, by path: not those computed from others, nor ZeRO's stage."""
    return {
        row.path: row
        for row in case.assumptions
        if isinstance(row.value, float)
        and row.value == row.value  # no NaN
        and row.origin != "derived"
        and not row.path.endswith(".zero_stage")
    }


def _refuse_unknown(ledger: Ledger) -> None:
    """A number that is to be replaced must be one that is used."""
    for path in ledger.unused:
        numbers = {row.path: row.origin for row in ledger.assumptions if not isinstance(row.value, str)}
        if numbers.get(path) == "derived":
            raise ColocalcError("is computed from other numbers: set those", where=f"assumptions: {path}")
        raise ColocalcError(
            f"no assumption of this fleet is called {quoted(path)}",
            where="assumptions",
            hint=did_you_mean(path, numbers) or "the assumptions of --format json name all of them",
        )


def unused_keys(fleet: Fleet) -> tuple[str, ...]:
    """Keys of a fleet that are validated and have no model yet."""
    found = []
    for block, key in _NOT_USED_YET:
        for path, given in _blocks(fleet, block):
            value = reduce(lambda part, name: getattr(part, name, None), key.split(".") if key else (), given)
            if value not in (None, (), {}, False):
                found.append(path if key is None else f"{path}.{key}")
    return tuple(found)


def _blocks(fleet: Fleet, block: str) -> list[tuple[str, Any]]:
    """A block of a fleet and, where there may be several of its kind, each of them under its name."""
    several = _SEVERAL.get(block)
    named = [(f"{several}.{one.name}", one) for one in getattr(fleet, several)] if several else []
    return [(block, getattr(fleet, block)), *named]
