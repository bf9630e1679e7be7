"""Training evaluated: power on each site, the step of each job, one waterfall over all jobs, and the alternatives."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from colocalc.arrays import Array
from colocalc.case import Case, Sites, TrainingCase
from colocalc.errors import ColocalcError
from colocalc.mfu import exchange, power
from colocalc.mfu.job import ISOLATIONS, SPLITS, Job, Step, on_job_axis, partitioned
from colocalc.mfu.step import Worked, evaluate_step, worked
from colocalc.mfu.waterfall import Waterfall, compose
from colocalc.units import WATTS_PER_MW

ALTERNATIVES = {"split": SPLITS, "algorithm": exchange.ALGORITHMS, "isolation": ISOLATIONS}


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """The waterfall of a fleet and the steps behind it.

    Attributes
    ----------
    waterfall : Waterfall
        Over all jobs.
    steps : tuple of (str, Step)
        By job. The arrays of a step end in a job axis: one entry, or one per pool for a job split into partitions.
    fleet_peak_flop_per_s : ndarray (...)
        Dense peak of every GPU of the fleet.
    gpu_power_share : ndarray (..., pool)
        Share of their power the GPUs of each pool can draw; infinite where no limit is given.
    """

    waterfall: Waterfall
    steps: tuple[tuple[str, Step], ...]
    fleet_peak_flop_per_s: Array
    gpu_power_share: Array


@dataclass(frozen=True, eq=False)
class Alternative:
    """The same fleet with one choice made otherwise; ``result`` is None where the choice does not exist."""

    kind: str
    name: str
    chosen: bool
    result: TrainingResult | None
    why_not: str = ""


def evaluate_training(
    case: Case, *, known: dict[tuple[str, str], Worked] | None = None, **changes: object
) -> TrainingResult | None:
    """The training side of a case; None when it has no job.

    Parameters
    ----------
    case : Case
        The case.
    known : dict of (str, str) to Worked, optional
        What was worked out for the jobs of this case, by name and split; what is not there is put there.
    **changes : object
        Fields of ``colocalc.mfu.job.Job`` to set in every job: how alternatives are computed.

    Returns
    -------
    TrainingResult or None

    Raises
    ------
    ColocalcError
        When no replica is whole, or the algorithm asked for does not exist for the collectives of a job.
    """
    if not case.jobs:
        return None
    shares = gpu_power_share(case, case.sites)
    known = {} if known is None else known
    steps = tuple((job.name, _step(job, case, shares, changes, known)) for job in case.jobs)
    fleet_peak = _fleet_peak(case)
    found = [columns(job, step) for job, (_, step) in zip(case.jobs, steps, strict=True)]
    # A number varied in one job alone gives only that job a leading axis.
    shape = np.broadcast_shapes(*(column["peak_flop_per_s"].shape[:-1] for column in found))
    joined = {
        name: np.concatenate([np.broadcast_to(column[name], (*shape, column[name].shape[-1])) for column in found], -1)
        for name in found[0]
    }
    waterfall = compose(
        peak_flop_per_s=joined.pop("peak_flop_per_s"),
        allocation_share=joined.pop("allocation_share"),
        factors=joined,
        fleet_peak_flop_per_s=fleet_peak,
    )
    return TrainingResult(_known(waterfall, steps), steps, fleet_peak, shares)


def _known(waterfall: Waterfall, steps: Sequence[tuple[str, Step]]) -> Waterfall:
    """The waterfall without MFU in those scenarios of many that alone would be refused: some job has no replica."""
    none = [np.all(np.isnan(step.replica_count), axis=-1) for _, step in steps]
    refused = np.any(np.stack(np.broadcast_arrays(*none)), axis=0)
    return replace(
        waterfall,
        step_share=np.where(refused, np.nan, waterfall.step_share),
        job_share=np.where(refused, np.nan, waterfall.job_share),
        fleet_share=np.where(refused, np.nan, waterfall.fleet_share),
    )


def columns(job: TrainingCase, step: Step) -> dict[str, Array]:
    """What one job adds to the waterfall, every array ending in its job axis."""
    allocation, measured = job.arrays.allocation_share, job.arrays.measured.get("allocation")
    if measured is not None:
        allocation = np.where(np.isnan(measured), allocation, measured)
    found = {
        **step.factors,
        "peak_flop_per_s": step.peak_flop_per_s,
        "allocation_share": allocation[..., None],
    }
    shape = np.broadcast_shapes(*(value.shape for value in found.values()))
    return {name: np.broadcast_to(value, shape) for name, value in found.items()}


def alternatives(case: Case, own: TrainingResult | None) -> Iterator[Alternative]:
    """Every split, algorithm and recovery policy on the same fleet, one choice changed at a time.

    Parameters
    ----------
    case : Case
        The fleet.
    own : TrainingResult or None
        What ``evaluate_training`` returns for it: the choices that were made.

    Yields
    ------
    Alternative
        The choices in the order of ``ALTERNATIVES``.
    """
    known: dict[tuple[str, str], Worked] = {}
    for kind, names in ALTERNATIVES.items():
        for name in names:
            chosen = all(getattr(job.arrays, kind) == name for job in case.jobs)
            if kind == "algorithm" and any(job.arrays.flat for job in case.jobs) and name != "ring":
                yield Alternative(kind, name, chosen, None, "a flat communicator is a ring")
                continue
            try:
                result = own if chosen else evaluate_training(_unmeasured(case, kind), known=known, **{kind: name})
            except ColocalcError as error:
                yield Alternative(kind, name, chosen, None, error.message)
            else:
                yield _checked(Alternative(kind, name, chosen, result))


# The stage each choice decides: what was measured there holds for the choice made, not for another.
_DECIDES = {"split": "mixed_generations", "algorithm": "data_parallel", "isolation": "goodput"}


def _unmeasured(case: Case, kind: str) -> Case:
    jobs = []
    for job in case.jobs:
        kept = {name: value for name, value in job.arrays.measured.items() if name != _DECIDES[kind]}
        jobs.append(replace(job, arrays=replace(job.arrays, measured=kept)))
    return replace(case, jobs=tuple(jobs))


def _checked(found: Alternative) -> Alternative:
    """An alternative whose stage came out NaN has no result, and says why."""
    if found.result is None or _DECIDES[found.kind] not in found.result.waterfall.unmodelled:
        return found
    return replace(found, result=None, why_not=_NO_RESULT.get(found.name, "needs training.model and a batch"))


_NO_RESULT = {
    "stages": "needs training.model, and at least as many pipeline stages as pools",
    "memory": "needs training.model, a batch and the memory of every GPU",
}


def gpu_power_share(case: Case, sites: Sites) -> Array:
    """The share of their power that each pool's GPUs can draw on its site; infinite without a limit.

    Only the GPUs can be capped: hosts and switches take their part first.
    """
    pools = case.pools
    shares = np.full(pools.gpu_count.shape, np.inf)
    for number, name in enumerate(sites.names):
        here = np.asarray([site == name for site in pools.site_names])
        megawatts = it_power_mw(sites, number)
        share = power.gpu_power_share(
            it_power_w=megawatts * WATTS_PER_MW,
            gpu_count=np.where(here, pools.gpu_count, 0.0),
            gpu_power_w=np.where(here, pools.gpu_power_w, 0.0),
            host_power_w=np.where(here, pools.server_power_w - pools.gpu_power_w, 0.0),
            draw_share=sites.draw_share[..., number, None],
        )
        # Without megawatts there is no limit; with megawatts and unknown watts the limit is unknown.
        limit = np.where(np.isnan(megawatts), np.inf, share)
        shares = np.where(here, limit[..., None], shares)
    return shares


def it_power_mw(sites: Sites, number: int) -> Array:
    """IT megawatts of a site: given, or facility megawatts over PUE; NaN when neither is given."""
    through_pue = power.it_power_w(
        facility_power_w=sites.facility_power_mw[..., number] * WATTS_PER_MW, pue_factor=sites.pue_factor[..., number]
    )
    given = sites.it_power_mw[..., number]
    return np.where(np.isnan(given), through_pue / WATTS_PER_MW, given)


def with_power(job: TrainingCase, case: Case, shares: Array) -> Job:
    """The arrays of a job with what the sites of its pools leave of their power."""
    index = list(job.pool_index)
    smoothing = np.ones(case.pools.gpu_count.shape)
    for number, name in enumerate(case.sites.names):
        here = np.asarray([site == name for site in case.pools.site_names])
        smoothing = np.where(here, case.sites.smoothing_factor[..., number, None], smoothing)
    return replace(job.arrays, gpu_power_share=shares[..., index], smoothing_factor=smoothing[..., index])


def _step(
    job: TrainingCase,
    case: Case,
    shares: Array,
    changes: Mapping[str, object],
    known: dict[tuple[str, str], Worked],
) -> Step:
    """The step of one job, its arrays ending in a job axis."""
    arrays = replace(with_power(job, case, shares), **changes)  # type: ignore[arg-type]
    place = (job.name, arrays.split)
    arrays = partitioned(arrays) if arrays.split == "partitions" else on_job_axis(arrays)
    if place not in known:
        known[place] = worked(arrays)
    step = evaluate_step(arrays, known[place])
    if bool(np.all(np.isnan(step.replica_count))):
        raise ColocalcError(
            _NO_REPLICA.get(arrays.split, "no whole replica: tp x pp x cp GPUs fit in no pool"),
            where=f"{job.name}: layout",
            hint="give a smaller layout or a smaller model",
        )
    _refuse_missing_algorithm(arrays.algorithm, arrays.links, step)
    return step


_NO_REPLICA = {"stages": "no whole pipeline: each pool takes at least one of its pp stages, each of tp x cp GPUs"}


def _refuse_missing_algorithm(algorithm: str, links: exchange.Links, step: Step) -> None:
    """A forced algorithm must exist for every part of the job: without it the exchange would cost nothing."""
    if algorithm == "auto" or not bool(np.any(np.isnan(step.exchange_s[step.algorithm]) & (step.step_flop > 0.0))):
        return
    known = [name for name, time in step.exchange_s.items() if not bool(np.any(np.isnan(time)))]
    if bool(np.isnan(getattr(links, exchange.OFFERED_BY[algorithm])).all()):
        reason = f"the network has no {algorithm} algorithm"
    else:
        reason = exchange.WHY_NOT[algorithm] if known else "the GPUs' links are not known"
    raise ColocalcError(reason, where=f"network.algorithm: {algorithm}")


_WAITING = ("tensor_context_expert", "bubble", "stage_imbalance", "data_parallel", "jitter", "mixed_generations")


def smoothing_rows(case: Case, training: TrainingResult) -> list[tuple[str, float, float, float, float, float]]:
    """Sites with a floor under their draw: the floor, how long GPUs wait, their draw then, extra energy, throughput."""
    rows = []
    factors = [training.waterfall.factors[stage] for stage in _WAITING if stage not in training.waterfall.unmodelled]
    waits = 1.0 - float(np.prod([float(one) for one in factors]))
    for number, name in enumerate(case.sites.names):
        floor, low, factor = (
            float(values[number])
            for values in (
                case.sites.smoothing_floor_share,
                case.sites.waiting_power_share,
                case.sites.smoothing_factor,
            )
        )
        if not np.isnan(floor):
            extra = power.smoothing_energy_share(waiting_share=waits, waiting_power_share=low, floor_share=floor)
            rows.append((name, floor, waits, low, float(extra), factor))
    return rows


def _fleet_peak(case: Case) -> Array:
    """Peak of every GPU, in a job or not."""
    peak: Array = np.sum(case.pools.gpu_count * case.peak_flop_per_s, axis=-1)
    return peak


def power_readings(case: Case) -> list[tuple[str, float, str, str, float, float, bool]]:
    """The power stage of each site under each reading: facility or IT megawatts, typical or nameplate draw.

    Returns
    -------
    list of tuple
        Site, megawatts, what they are read as, draw, share of their power that the GPUs get, power factor, and
        whether it is the reading used. Empty where no site gives megawatts or no job gives the exponent.
    """
    rows = []
    for number, name in enumerate(case.sites.names):
        # In orbit there is no meter, and so no other reading.
        for reading in ("it",) if case.sites.kinds[number] == "orbital" else ("facility", "it"):
            for draw in ("typical", "nameplate"):
                row = _power_reading(case, number, reading, draw)
                if row is not None:
                    rows.append(
                        (name, row[0], f"{reading} power", draw, row[1], row[2], _is_used(case, number, reading, draw))
                    )
    return rows


def _is_used(case: Case, number: int, reading: str, draw: str) -> bool:
    """Whether the waterfall uses this reading."""
    sites = case.sites
    as_facility = bool(np.isnan(sites.it_power_mw[..., number]).all())
    as_typical = bool(np.all(sites.draw_share[..., number] == sites.typical_draw_share[..., number]))
    return (reading == "facility") == as_facility and (draw == "typical") == as_typical


def _power_reading(case: Case, number: int, reading: str, draw: str) -> tuple[float, float, float] | None:
    sites = case.sites
    given = np.where(np.isnan(sites.facility_power_mw), sites.it_power_mw, sites.facility_power_mw)
    if not case.jobs or bool(np.isnan(given[..., number]).any()):
        return None
    missing = np.full(given.shape, np.nan)
    read = replace(
        sites,
        facility_power_mw=given if reading == "facility" else missing,
        it_power_mw=given if reading == "it" else missing,
        draw_share=sites.typical_draw_share if draw == "typical" else np.ones(given.shape),
    )
    here = np.asarray([site == sites.names[number] for site in case.pools.site_names])
    share = np.min(np.where(here, gpu_power_share(case, read), np.inf), axis=-1)
    factor = power.power_factor(gpu_power_share=share, power_exponent_factor=case.jobs[0].arrays.power_exponent_factor)
    return float(given[..., number]), float(share), float(factor)
