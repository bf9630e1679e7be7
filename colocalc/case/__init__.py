"""The only place where definitions become arrays.

``lower`` turns a fleet and the catalog into a ``Case``: structs of read-only float64 arrays for the kernels, and the
list of every number that went in, with its source and origin.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from colocalc.arrays import Array
from colocalc.case.choice import ChoiceCase, lower_choice
from colocalc.case.equivalents import EquivalentsCase, lower_equivalents
from colocalc.case.horizon import Horizon, lower_horizon
from colocalc.case.layout_rule import BY_SEARCH
from colocalc.case.leases import CostCase, LeaseCase, LossCase, lower_costs, lower_lease, lower_loss
from colocalc.case.ledger import Assumption, Ledger, Made, Remark, scalar
from colocalc.case.pools import Pools, Sites, lower_pools, lower_sites
from colocalc.case.price_paths import no_months
from colocalc.case.project import DebtCase, ProjectCase, lower_project
from colocalc.case.serving import InferenceCase, lower_inference
from colocalc.case.terms import Terms, is_dated, lower_terms
from colocalc.case.training import TrainingCase, lower_jobs, pool_peaks
from colocalc.catalog import Catalog
from colocalc.errors import ColocalcError, did_you_mean, quoted
from colocalc.figure import Figure
from colocalc.fleet import Fleet

__all__ = [
    "Assumption",
    "Case",
    "ChoiceCase",
    "CostCase",
    "DebtCase",
    "EquivalentsCase",
    "Horizon",
    "InferenceCase",
    "LeaseCase",
    "LossCase",
    "Pools",
    "ProjectCase",
    "Remark",
    "Sites",
    "Terms",
    "TrainingCase",
    "lower",
    "moves_layout",
    "numbers",
    "searched_layout",
    "varied",
]


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
    terms : tuple of Terms
        The contracts' calendars and clauses, in the order of ``lease.contract_names``.
    leap_day_count : ndarray (...)
        1 where a contract has a start, so that leap years have their day; 0 for years of 8,760 hours.
    project : ProjectCase or None
        Capital, lives, tax and debt; None without a contract.
    horizon : Horizon or None
        When the last contract of a project ends; None without capital, or where one does not say how long it runs.
    costs : CostCase
        Yearly cash costs.
    loss : LossCase or None
        The stated loss; None when ``finance.loss_usd`` is missing.
    equivalents : EquivalentsCase
        Measures of every H100-equivalent basis.
    choice : ChoiceCase
        Prices of compute bought elsewhere, and costs of owning.
    inference : InferenceCase or None
        What a tenant serves; None when the file does not say.
    market_factor : ndarray (..., pool, month)
        The market's price over what the file says of it, by month from the first start; no months without a path.
    claim_tolerance_share : ndarray (...)
        How far a number may lie from what a claim says in one number, relative.
    assumptions : tuple of Assumption
        Every number taken, with source and origin.
    remarks : tuple of Remark
        What a reader should know.
    read_by : mapping of str to frozenset of str
        The parts of the case that each assumption goes into, by path.
    made : mapping of str to Made
        Pieces of its parts, which a case with other numbers has as well where it can.
    """

    name: str
    title: str | None
    scenario: str | None
    pools: Pools
    sites: Sites
    peak_flop_per_s: Array
    jobs: tuple[TrainingCase, ...]
    lease: LeaseCase | None
    terms: tuple[Terms, ...]
    leap_day_count: Array
    project: ProjectCase | None
    horizon: Horizon | None
    costs: CostCase
    loss: LossCase | None
    equivalents: EquivalentsCase
    choice: ChoiceCase
    inference: InferenceCase | None
    market_factor: Array
    claim_tolerance_share: Array
    assumptions: tuple[Assumption, ...]
    remarks: tuple[Remark, ...]
    read_by: Mapping[str, frozenset[str]]
    made: Mapping[str, Made]


def lower(
    fleet: Fleet,
    catalog: Catalog,
    *,
    scenario: str | None = None,
    instead: Mapping[str, float] | None = None,
    like: Case | None = None,
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
    like : Case, optional
        The fleet as it is: a layout that was searched for it is kept, so that what changes is the number alone.

    Returns
    -------
    Case

    Raises
    ------
    ColocalcError
        When a card has no rate for a pool's GPU, naming both, or when a number that is to be replaced is none of this
        fleet's.
    """
    figures = {path: Figure(float(value)) for path, value in (instead or {}).items()}
    ledger = Ledger(catalog, {**fleet.assumptions, **figures}, searched=searched_layout(like))
    parts: dict[str, Any] = {}
    for part, lowered in _PARTS.items():
        ledger.part = part
        parts[part] = lowered(fleet, parts, ledger)
    _refuse_unknown(ledger)
    return Case(
        name=fleet.name,
        title=fleet.title,
        scenario=scenario,
        **parts,
        assumptions=ledger.assumptions,
        remarks=ledger.remarks,
        read_by=ledger.read_by,
        made=ledger.made,
    )


def varied(
    case: Case, fleet: Fleet, catalog: Catalog, instead: Mapping[str, float], *, keeps_layout: bool = True
) -> Case:
    """A case with some of its numbers changed; only the parts those numbers go into are lowered anew.

    The arrays are those of ``lower`` with the numbers in place; the assumptions are still those of ``case``.

    Parameters
    ----------
    case : Case
        What the fleet was lowered to.
    fleet, catalog : Fleet, Catalog
        What it was lowered from.
    instead : mapping of str to float
        What numbers are instead, by path, each one of ``numbers(case)``.
    keeps_layout : bool
        Whether a layout that was searched for the case is kept, or searched anew.

    Raises
    ------
    ColocalcError
        When there is no case with those values.
    """
    figures = {path: Figure(float(value)) for path, value in instead.items()}
    ledger = Ledger(
        catalog,
        {**fleet.assumptions, **figures},
        remembers=False,
        searched=searched_layout(case) if keeps_layout else None,
        made=case.made,
        moved=instead,
    )
    parts: dict[str, Any] = {name: getattr(case, name) for name in _PARTS}
    stale = {part for path in instead for part in case.read_by[path]}
    for part, lowered in _PARTS.items():
        if part in stale or stale & _BUILDS_ON.get(part, frozenset()):
            stale.add(part)
            parts[part] = lowered(fleet, parts, ledger)
    return replace(case, **parts)


@lru_cache(maxsize=64)
def searched_layout(case: Case | None) -> dict[str, Assumption]:
    """The parts of layouts that a search found for a case, by path; none where the file gives its layouts."""
    rows = () if case is None else case.assumptions
    return {row.path: row for row in rows if (row.note or "").startswith(BY_SEARCH)}


def moves_layout(case: Case, path: str) -> bool:
    """Whether another search may find another layout where this number changes: it goes into pools or jobs."""
    return bool(case.read_by.get(path, frozenset()) & {"pools", "jobs"})


_Lowering = Callable[[Fleet, Mapping[str, Any], Ledger], Any]


def _tolerance(_fleet: Fleet, _parts: Mapping[str, Any], ledger: Ledger) -> Array:
    key = "claims.tolerance_share"
    return scalar(ledger.number(key, None, "claims", default=key))


# The parts of a case in the order they are lowered, and the parts that each builds on.
_PARTS: dict[str, _Lowering] = {
    "pools": lambda fleet, _, ledger: lower_pools(fleet, ledger),
    "sites": lambda fleet, _, ledger: lower_sites(fleet, ledger),
    "jobs": lambda fleet, parts, ledger: lower_jobs(fleet, parts["pools"], ledger),
    "lease": lambda fleet, parts, ledger: lower_lease(fleet, parts["pools"], ledger),
    "terms": lambda fleet, parts, ledger: lower_terms(fleet, parts["pools"], parts["lease"], ledger),
    "leap_day_count": lambda fleet, _, __: scalar(float(is_dated(fleet))),
    "project": lambda fleet, parts, ledger: lower_project(fleet, parts["pools"], ledger),
    "horizon": lambda _, parts, __: lower_horizon(parts["terms"], parts["project"]),
    "costs": lambda fleet, _, ledger: lower_costs(fleet, ledger),
    "loss": lambda fleet, _, ledger: lower_loss(fleet, ledger),
    "equivalents": lambda fleet, parts, ledger: lower_equivalents(fleet, parts["pools"], ledger),
    "peak_flop_per_s": lambda _, parts, ledger: pool_peaks(parts["pools"], parts["jobs"], ledger),
    "choice": lambda fleet, parts, ledger: lower_choice(fleet, parts["pools"], parts["jobs"], ledger),
    "inference": lambda fleet, parts, ledger: lower_inference(fleet, parts["pools"], ledger),
    "market_factor": lambda _, parts, __: no_months(parts["pools"]),
    "claim_tolerance_share": _tolerance,
}
_BUILDS_ON = {
    "jobs": frozenset({"pools"}),
    "lease": frozenset({"pools"}),
    "terms": frozenset({"pools", "lease"}),
    "project": frozenset({"pools"}),
    "horizon": frozenset({"terms", "project"}),
    "equivalents": frozenset({"pools"}),
    "peak_flop_per_s": frozenset({"pools", "jobs"}),
    "choice": frozenset({"pools"}),  # of jobs it takes words alone, which no number moves
    "inference": frozenset({"pools"}),
    "market_factor": frozenset({"pools"}),
}


# ZeRO's stage is structure; the others widen a band or hold back a warning.
_NO_AXES = (
    ".zero_stage",
    ".tax_life_yr",
    ".band.dense_share",
    ".band.experts_share",
    ".band_widening_factor",
    ".memory_slack_factor",
)


@lru_cache(maxsize=64)
def numbers(case: Case) -> dict[str, Assumption]:
    """The numbers behind a case that may be varied, by path.

    Not those computed from others, nor those of no array, nor how far a layout is searched: that was done before.
    """
    return {
        row.path: row
        for row in case.assumptions
        if isinstance(row.value, float)
        and row.value == row.value  # no NaN
        and row.origin != "derived"
        and not row.path.endswith(_NO_AXES)
        and not row.path.startswith("search.")
    }


def _refuse_unknown(ledger: Ledger) -> None:
    """A number that is to be replaced must be one that is used."""
    for path in ledger.unused:
        origins = {row.path: row.origin for row in ledger.assumptions if not isinstance(row.value, str)}
        if origins.get(path) == "derived":
            raise ColocalcError("is computed from other numbers: set those", where=f"assumptions: {path}")
        raise ColocalcError(
            f"no assumption of this fleet is called {quoted(path)}",
            where="assumptions",
            hint=did_you_mean(path, origins) or "the assumptions of --format json name all of them",
        )
