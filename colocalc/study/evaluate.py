"""One pure function from a case to every metric: what all studies call, for one scenario or for many."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from colocalc.arrays import Array
from colocalc.case import Case
from colocalc.metrics import H100E_BASES, IN_TABLES, METRICS, STAGES, base_id, family_of
from colocalc.study.choices import choice_values, no_choice, no_inference, pool_choice_values, serving_values
from colocalc.study.columns import Metrics
from colocalc.study.equivalents import EquivalentsResult, evaluate_equivalents
from colocalc.study.leasing import HedgeResult, LeaseResult, evaluate_hedge, evaluate_lease, facility_power_mw
from colocalc.study.opportunity import ChoiceResult, evaluate_choice, pool_peak_pflop_per_s
from colocalc.study.returns import Returns, depreciation_usd_per_yr, evaluate_returns, service_usd_per_yr
from colocalc.study.serving import ServingResult, evaluate_serving
from colocalc.study.sites import all_servers_mw, radiators
from colocalc.study.training import TrainingResult, evaluate_training
from colocalc.study.undefined import gpus_where, why_no_returns
from colocalc.units import FLOPS_PER_PFLOPS

NEEDS = {
    "training": "needs training (a model, a layout, or measured shares)",
    "lease": "needs lease or contracts",
    "loss": "needs finance.loss_usd",
    "power": "needs a site with facility_power_mw or it_power_mw",
    "site": "needs a site",
    "orbital": "needs a site with kind: orbital",
    "no_loss": "the stated loss is zero or less",
    "total": "needs finance.total_h100e_count",
    "jobs": "several jobs: see the table of jobs",
    "stage": "could not be modelled from what is given, and counts as 1",
    "batch": "needs training.model, sequence_tokens and global_batch_tokens",
    "links": "needs the scale-up and NIC rates of every GPU of the job",
    "nothing_left": "a stage before it leaves nothing",
    "billed": "no GPU-hours are billed",
    "delivered": "training delivers nothing",
}


@dataclass(frozen=True, eq=False)
class Result:
    """Everything evaluated.

    Attributes
    ----------
    metrics : mapping of str to ndarray
        By metric id, each ``(...,)``; only those with a value.
    undefined : mapping of str to str
        Why a metric has no value.
    training, lease, returns, hedge, equivalents, choice, serving
        The results behind them; None where the fleet lacks the block.
    """

    metrics: Mapping[str, Array]
    undefined: Mapping[str, str]
    training: TrainingResult | None
    lease: LeaseResult | None
    returns: Returns | None
    hedge: HedgeResult | None
    equivalents: EquivalentsResult
    choice: ChoiceResult
    serving: ServingResult | None


@dataclass(frozen=True, eq=False)
class _Parts:
    """The results that were asked for; None for those that were not, and where the fleet lacks the block."""

    training: TrainingResult | None = None
    lease: LeaseResult | None = None
    returns: Returns | None = None
    hedge: HedgeResult | None = None
    equivalents: EquivalentsResult | None = None
    choice: ChoiceResult | None = None
    serving: ServingResult | None = None


def evaluate(case: Case) -> Result:
    """Every metric of a case.

    Parameters
    ----------
    case : Case
        Arrays without leading axes for one scenario, with them for many.

    Returns
    -------
    Result

    Raises
    ------
    ColocalcError
        When the case asks for a collective algorithm that its job cannot use.
    """
    training = evaluate_training(case)
    lease = evaluate_lease(case)
    returns = evaluate_returns(case, lease)
    hedge = _hedge(case, lease, returns)
    facility_mw = facility_power_mw(case)
    fleet_mfu = training.waterfall.fleet_share if training else None
    equivalents = evaluate_equivalents(case, facility_power_mw=facility_mw, mfu_share=fleet_mfu)
    choice, serving = evaluate_choice(case, training, lease), evaluate_serving(case, lease)
    parts = _Parts(training, lease, returns, hedge, equivalents, choice, serving)
    metrics = Metrics(_fleet_values(case, parts), case.pools.names, _pool_values(case, parts)).defined()
    undefined = {name: _reason(name, case, training, lease, hedge) for name in METRICS if name not in metrics}
    return Result(metrics, undefined, training, lease, returns, hedge, equivalents, choice, serving)


def _hedge(case: Case, lease: LeaseResult | None, returns: Returns | None) -> HedgeResult | None:
    """The hedge, with depreciation and debt service where they are known and the loss does not contain them."""
    if case.loss is None or case.project is None:
        return evaluate_hedge(case, lease)
    contains = case.loss.contains
    service = np.asarray(np.nan)
    if returns is not None and returns.project is not None and case.project.debt is not None:
        interest, principal = service_usd_per_yr(returns.project)
        service = principal + (0.0 if "interest" in contains else interest)
    written = np.zeros(()) if "depreciation" in contains else depreciation_usd_per_yr(case)
    return evaluate_hedge(case, lease, depreciation_usd_per_yr=written, service_usd_per_yr=service)


def values(case: Case, names: Collection[str]) -> dict[str, Array]:
    """Some metrics of a case, without computing what they do not need.

    Parameters
    ----------
    case : Case
        As for ``evaluate``.
    names : collection of str
        Metric ids.

    Returns
    -------
    dict of str to ndarray
        The same arrays as ``evaluate`` has; NaN where a metric is undefined.
    """
    families = {family_of(name) for name in names}
    trains = bool(families & {"mfu", "choice"}) or "h100e.effective_count" in names
    training = evaluate_training(case) if trains else None
    lease = evaluate_lease(case) if families & {"lease", "hedge", "choice", "inference"} else None
    returns = evaluate_returns(case, lease, names) if _needs_returns(names) else None
    hedge = _hedge(case, lease, returns) if "hedge" in families else None
    equivalents = None
    if "h100e" in families:
        fleet_mfu = training.waterfall.fleet_share if training else None
        equivalents = evaluate_equivalents(case, facility_power_mw=facility_power_mw(case), mfu_share=fleet_mfu)
    choice = evaluate_choice(case, training, lease) if "choice" in families else None
    serving = evaluate_serving(case, lease) if "inference" in families else None
    parts = _Parts(training, lease, returns, hedge, equivalents, choice, serving)
    found = Metrics(_fleet_values(case, parts), case.pools.names, _pool_values(case, parts))
    missing = np.asarray(np.nan)
    return {name: found.get(name, missing) for name in names}


def _needs_returns(names: Collection[str]) -> bool:
    return any(base_id(name) in IN_TABLES for name in names)


def _fleet_values(case: Case, parts: _Parts) -> Iterator[tuple[str, Array]]:
    gpu_count = np.sum(case.pools.gpu_count, axis=-1)
    yield "fleet.gpu_count", gpu_count
    yield from _site_values(case)
    of_parts: tuple[tuple[Any, Callable[[Any], Iterator[tuple[str, Array]]]], ...] = (
        (parts.training, _training_values),
        (parts.lease, _lease_values),
        (parts.returns, lambda found: iter(found.values.items())),
        (parts.hedge, _hedge_values),
        (parts.equivalents, lambda found: _equivalents_values(found, gpu_count)),
        (parts.choice, choice_values),
        (parts.serving, serving_values),
    )
    for part, values_of in of_parts:
        if part is not None:
            yield from values_of(part)


def _site_values(case: Case) -> Iterator[tuple[str, Array]]:
    yield "fleet.nameplate_power_mw", all_servers_mw(case, np.ones(()))
    yield "fleet.typical_power_mw", all_servers_mw(case, case.sites.typical_draw_share)
    area, rejected = radiators(case.sites)
    yield "fleet.radiator_area_m2", area
    yield "fleet.radiator_w_per_m2", rejected


def _training_values(training: TrainingResult) -> Iterator[tuple[str, Array]]:
    waterfall = training.waterfall
    yield "mfu.step_share", waterfall.step_share
    yield "mfu.job_share", waterfall.job_share
    yield "mfu.fleet_share", waterfall.fleet_share
    for stage in STAGES:
        if stage not in waterfall.unmodelled:
            yield f"mfu.stage.{stage}_factor", waterfall.factors[stage]
    peak = training.fleet_peak_flop_per_s / FLOPS_PER_PFLOPS
    yield "mfu.peak_pflop_per_s", peak
    yield "mfu.delivered_pflop_per_s", peak * waterfall.fleet_share
    if len(training.steps) == 1 and training.steps[0][1].step_time_s.shape[-1] == 1:
        step = training.steps[0][1]
        yield "mfu.step_time_s", step.step_time_s[..., 0]
        yield "mfu.tokens_per_s", (step.global_batch_tokens / step.step_time_s)[..., 0]
        yield "mfu.replica_count", step.replica_count[..., 0]
        yield "mfu.micro_batch_count", step.micro_batch_count[..., 0]
        yield "mfu.global_batch_tokens", step.global_batch_tokens[..., 0]
        yield "mfu.job_mttf_s", step.mttf_s[..., 0]
        yield "mfu.checkpoint_interval_s", step.checkpoint_interval_s[..., 0]
        yield "mfu.data_parallel_s", step.data_parallel_s[..., 0]


def _lease_values(lease: LeaseResult) -> Iterator[tuple[str, Array]]:
    yield "lease.run_rate_revenue_usd_per_yr", lease.total_usd_per_yr
    yield "lease.mean_rate_usd_per_gpu_h", lease.mean_rate_usd_per_gpu_h
    yield "lease.billed_gpu_h_per_yr", np.sum(lease.billed_gpu_h_per_yr, axis=-1)
    yield "lease.power_cost_usd_per_yr", lease.power_cost_usd_per_yr
    yield "lease.operations_cost_usd_per_yr", lease.operations_cost_usd_per_yr
    yield "lease.contribution_usd_per_yr", lease.contribution_usd_per_yr
    yield "lease.revenue_usd_per_mw_yr", lease.revenue_usd_per_mw_yr
    yield "lease.facility_power_mw", lease.facility_power_mw


def _hedge_values(hedge: HedgeResult) -> Iterator[tuple[str, Array]]:
    yield "hedge.loss_usd_per_yr", hedge.loss_usd_per_yr
    yield "hedge.gross_share", hedge.gross_share
    yield "hedge.contribution_share", hedge.contribution_share
    yield "hedge.ebit_share", hedge.ebit_share
    yield "hedge.cash_share", hedge.cash_share
    yield "hedge.gross_cover_rate_usd_per_gpu_h", hedge.gross_cover_rate_usd_per_gpu_h
    yield "hedge.contribution_cover_rate_usd_per_gpu_h", hedge.contribution_cover_rate_usd_per_gpu_h
    yield "hedge.ebit_cover_rate_usd_per_gpu_h", hedge.ebit_cover_rate_usd_per_gpu_h
    yield "hedge.cash_cover_rate_usd_per_gpu_h", hedge.cash_cover_rate_usd_per_gpu_h


def _equivalents_values(equivalents: EquivalentsResult, gpu_count: Array) -> Iterator[tuple[str, Array]]:
    for basis in H100E_BASES:
        yield f"h100e.{basis}_count", equivalents.count[basis]
        yield f"h100e.{basis}_factor", equivalents.count[basis] / np.where(gpu_count > 0.0, gpu_count, np.nan)
        yield f"h100e.{basis}_total_share", equivalents.total_share[basis]
        yield f"h100e.{basis}_per_mw", equivalents.per_mw[basis]
    yield "h100e.effective_count", equivalents.effective_count


def _pool_values(case: Case, parts: _Parts) -> Iterator[tuple[str, Array]]:
    """What exists per pool, each ``(..., pool)``."""
    yield "fleet.gpu_count", case.pools.gpu_count
    lease, equivalents = parts.lease, parts.equivalents
    if parts.training is not None:
        yield "mfu.peak_pflop_per_s", pool_peak_pflop_per_s(case)
    if lease is not None:
        yield "lease.run_rate_revenue_usd_per_yr", lease.revenue_usd_per_yr
        yield "lease.mean_rate_usd_per_gpu_h", lease.rate_usd_per_gpu_h
        yield "lease.billed_gpu_h_per_yr", lease.billed_gpu_h_per_yr
    if equivalents is not None:
        for basis in H100E_BASES:
            yield f"h100e.{basis}_count", equivalents.pool_count[basis]
            yield f"h100e.{basis}_factor", equivalents.factor[basis]
    yield from pool_choice_values(parts.choice, parts.serving)


def _reason(
    name: str, case: Case, training: TrainingResult | None, lease: LeaseResult | None, hedge: HedgeResult | None
) -> str:
    return {
        "fleet": lambda: _no_power(name, case),
        "mfu": lambda: _no_training(name, training),
        "lease": lambda: _no_lease(name, case, lease),
        "hedge": lambda: NEEDS["lease"] if lease is None else _no_hedge(name, case, lease, hedge),
        "h100e": lambda: _no_equivalents(name, case, training),
        "choice": lambda: no_choice(name, case, NEEDS),
        "inference": lambda: no_inference(name, case, NEEDS),
    }[family_of(name)]()


def _no_power(name: str, case: Case) -> str:
    if name.startswith("fleet.radiator_"):
        return NEEDS["orbital"]
    if not case.sites.names:
        return NEEDS["site"]
    return f"no server power is known for {gpus_where(case, np.isnan(case.pools.server_power_w))}"


def _no_training(name: str, training: TrainingResult | None) -> str:
    if training is None:
        return NEEDS["training"]
    if name.startswith("mfu.stage."):
        stage = name.removeprefix("mfu.stage.").removesuffix("_factor")
        return NEEDS["stage"] if stage in training.waterfall.unmodelled else NEEDS["nothing_left"]
    seconds = training.steps[0][1].step_time_s
    if len(training.steps) > 1 or seconds.shape[-1] > 1:
        return NEEDS["jobs"]
    return NEEDS["batch"] if bool(np.all(np.isnan(seconds))) else NEEDS["links"]


def _no_lease(name: str, case: Case, lease: LeaseResult | None) -> str:
    if lease is None:
        return NEEDS["lease"]
    if name in IN_TABLES:
        return why_no_returns(name, case)
    return NEEDS["billed"] if name == "lease.mean_rate_usd_per_gpu_h" else NEEDS["power"]


def _no_hedge(name: str, case: Case, lease: LeaseResult, hedge: HedgeResult | None) -> str:
    if hedge is None:
        return NEEDS["loss"]
    if not bool(np.any(hedge.loss_usd_per_yr > 0.0)):
        return NEEDS["no_loss"]
    if name in IN_TABLES and not (name.startswith("hedge.ebit") and np.isfinite(hedge.ebit_share).all()):
        return why_no_returns(name, case)
    unbilled = not bool(np.any(lease.billed_gpu_h_per_yr > 0.0))
    return NEEDS["billed"] if unbilled and "cover_rate" in name else NEEDS["power"]


def _no_equivalents(name: str, case: Case, training: TrainingResult | None) -> str:
    if name == "h100e.effective_count" and training is None:
        return NEEDS["training"]
    if name.endswith("_total_share") and bool(np.all(np.isnan(case.equivalents.total_h100e_count))):
        return NEEDS["total"]
    if name.endswith("_per_mw") and not case.sites.names:
        return NEEDS["power"]
    basis = next((basis for basis in case.equivalents.measured if name.startswith(f"h100e.{basis}_")), None)
    if basis is None:
        return NEEDS["power"] if name.endswith("_per_mw") else "a GPU of the fleet has no such figure"
    unmeasured = np.isnan(case.equivalents.measured[basis][..., :-1]) & (case.pools.gpu_count > 0.0)
    missing = gpus_where(case, unmeasured)
    return f"no {basis} row for {missing}" if missing else NEEDS["power"]
