"""Stages of pools that work together: mixed generations, GPUs in no whole replica, and the site's power."""

from collections.abc import Callable, Mapping

import numpy as np

from colocalc.mfu import mixed
from colocalc.study.explain.context import Context, Run
from colocalc.study.explain.formula import Draft
from colocalc.study.explain.rates import job_gpus, peak_paths
from colocalc.study.explain.sites import it_mw
from colocalc.units import FLOPS_PER_TFLOPS, WATTS_PER_MW


class _Counts:
    """Sums over the pools of a job of GPUs times the rate of one of them."""

    def __init__(self, context: Context, run: Run, draft: Draft) -> None:
        self._context, self._run, self._draft = context, run, draft

    def rate(self, place: int) -> str:
        """The symbol for the rate of a GPU of one pool."""
        value = self._run.over(self._run.pace.rate_flop_per_s)[place] / FLOPS_PER_TFLOPS
        pool = self._run.pools[place]
        meaning = "rate of a GPU through the stages of its own pace, its clocks lowered to its site's power"
        paths = (
            *peak_paths(self._context, pool),
            *(p.replace(".peak_", ".best_matmul_") for p in peak_paths(self._context, pool)),
        )
        return self._draft.worked(f"s_{self._context.ends[pool]}", value, "tflop_per_s", meaning, *paths)

    def counts(self, letter: str, values: object, meaning: str) -> dict[int, str]:
        """Symbols for one kind of count, by place of the pool."""
        return {
            place: self._draft.worked(
                f"{letter}_{self._context.ends[self._run.pools[place]]}",
                self._run.over(values)[place],
                "count",
                meaning,
            )
            for place in self._run.used(values)
        }

    def sum(self, counts: Mapping[int, str]) -> str:
        """Throughput of these GPUs."""
        return f"({self._draft.sum([f'{count} * {self.rate(place)}' for place, count in counts.items()])})"


def laid_out(context: Context, run: Run, draft: Draft) -> dict[int, str]:
    """Symbols for the GPUs of each pool that stand in whole replicas."""
    return _Counts(context, run, draft).counts("N", run.cut.laid_out_count, "GPUs in whole replicas")


def active(context: Context, run: Run, draft: Draft) -> dict[int, str]:
    """Symbols for the GPUs of each pool in use: all, or with a split that drops slow pools those it keeps."""
    if run.job.split != "drop-slow":
        return job_gpus(context, run, draft)
    return _Counts(context, run, draft).counts("A", run.cut.active_count, "GPUs of the pools that are kept")


def mixed_generations(context: Context, run: Run, draft: Draft) -> str:
    """How much of the job's throughput the split of its work leaves."""
    counts = _Counts(context, run, draft)
    split = _SPLITS[run.job.split](context, run, draft, counts)
    if run.job.split != "drop-slow":
        return split
    return f"{split} * {counts.sum(active(context, run, draft))} / {counts.sum(job_gpus(context, run, draft))}"


def _equal(_context: Context, run: Run, draft: Draft, counts: _Counts) -> str:
    gpus = counts.counts("N", run.cut.laid_out_count, "GPUs in whole replicas")
    slowest = draft.call("min", [counts.rate(place) for place in gpus])
    return f"{draft.group(list(gpus.values()))} * {slowest} / {counts.sum(gpus)}"


def _proportional(_context: Context, run: Run, draft: Draft, counts: _Counts) -> str:
    units = run.one(run.cut.micro_batch_count * run.cut.replica_count)
    return _whole_units(run, draft, counts, units, "micro-batches of a step", "replicas")


def _stages(_context: Context, run: Run, draft: Draft, counts: _Counts) -> str:
    if len(run.used(run.cut.worker_count)) == 1:
        draft.note = "one pool alone waits for no other"
        return "1"
    return _whole_units(
        run, draft, counts, run.one(run.job.dimensions.layer_count), "layers of the model", "pipeline stages"
    )


def _whole_units(run: Run, draft: Draft, counts: _Counts, units: float, what: str, workers: str) -> str:
    """Whole units over the time until the last worker is done, and over the throughput of all."""
    each = mixed.proportional_units(
        worker_count=np.asarray(run.over(run.cut.worker_count)),
        rate_flop_per_s=np.asarray(run.over(run.pace.rate_flop_per_s)),
        unit_count=np.asarray(units),
    )
    total = draft.worked("U", units, "count", what)
    busy = counts.counts("w", run.cut.worker_count, f"{workers} of the pool")
    done = counts.counts("u", [float(value) for value in each], f"{what}, most that one of its {workers} does")
    last = draft.call("max", [f"{done[place]} / {counts.rate(place)}" for place in busy if place in done])
    return f"{total} / ({last} * {counts.sum(busy)})"


def _memory(context: Context, run: Run, draft: Draft, counts: _Counts) -> str:
    used = run.used(run.cut.laid_out_count)
    memory, gpus = (np.asarray(run.over(values))[used] for values in (run.job.chip.hbm_byte, run.cut.laid_out_count))
    capped = mixed.memory_limited_split_factor(
        gpu_count=gpus,
        rate_flop_per_s=np.asarray(run.over(run.pace.rate_flop_per_s))[used],
        work_cap_factor=memory / np.min(memory),
    )
    paths = (f"gpus.{context.case.pools.gpus[run.pools[place]].id}.hbm_gbyte" for place in used)
    cap = draft.worked("y", capped, "factor", "throughput with work by speed, up to what memory holds", *paths)
    return f"min({cap}, {_proportional(context, run, draft, counts)})"


_SPLITS: Mapping[str, Callable[[Context, Run, Draft, _Counts], str]] = {
    "equal": _equal,
    "drop-slow": _equal,
    "proportional": _proportional,
    "memory": _memory,
    "stages": _stages,
}


def layout_remainder(context: Context, run: Run, draft: Draft) -> str:
    """Throughput of the GPUs in whole replicas over that of all in use."""
    counts = _Counts(context, run, draft)
    inside = counts.counts("N", run.cut.laid_out_count, "GPUs in whole replicas")
    return f"{counts.sum(inside)} / {counts.sum(active(context, run, draft))}"


def power(context: Context, run: Run, draft: Draft) -> str:
    """Throughput with clocks lowered to the power of each site."""
    gpus = job_gpus(context, run, draft)
    limits = {place: _clock(context, run, draft, place) for place in gpus}
    if len(set(limits.values())) == 1:
        draft.note = "" if any(limits.values()) else "no site limits the power of these GPUs"
        return next(iter(limits.values())) or "1"
    rates = {place: f"{n} * {_achieved(context, run, draft, place)}" for place, n in gpus.items()}
    slowed = [f"{rates[place]} * {limit}" if limit else rates[place] for place, limit in limits.items()]
    return f"({draft.sum(slowed)}) / ({draft.sum(list(rates.values()))})"


def _achieved(context: Context, run: Run, draft: Draft, place: int) -> str:
    value = run.over(run.pace.full_rate_flop_per_s)[place] / FLOPS_PER_TFLOPS
    meaning = "rate of a GPU through the stages of its own pace, with all the power it draws"
    return draft.worked(f"a_{context.ends[run.pools[place]]}", value, "tflop_per_s", meaning)


def _clock(context: Context, run: Run, draft: Draft, place: int) -> str:
    """What the power of a pool's site leaves of its clocks; empty where there is no limit."""
    limit = _limit(context, run, draft, place)
    smooth = run.over(np.broadcast_to(run.job.smoothing_factor, run.job.gpu_count.shape))[place]
    if smooth == 1.0:
        return limit
    site = context.case.pools.site_names[run.pools[place]]
    factor = draft.given(
        f"f_{context.ends[run.pools[place]]}",
        smooth,
        "factor",
        "throughput with a floor under the draw",
        f"sites.{site}.smoothing_factor",
    )
    return f"{factor} * {limit}" if limit else factor


def _limit(context: Context, run: Run, draft: Draft, place: int) -> str:
    """What too little power leaves of a pool's clocks; empty where there is no limit."""
    if np.isinf(run.over(run.job.gpu_power_share)[place]):
        return ""
    case = context.case
    number = case.sites.names.index(case.pools.site_names[run.pools[place]] or "")
    here = [pool for pool, site in enumerate(case.pools.site_names) if site == case.sites.names[number]]
    drawn = case.pools.gpu_count[here] * case.sites.draw_share[number] / WATTS_PER_MW
    gpu_w, server_w = case.pools.gpu_power_w[here], case.pools.server_power_w[here]
    site, end = f"sites.{case.sites.names[number]}", context.site_ends[number]
    paths = (
        *dict.fromkeys(f"gpus.{case.pools.gpus[pool].id}.{name}" for pool in here for name in _WATTS),
        f"{site}.typical_draw_share" if case.sites.draw_share[number] != 1.0 else f"{site}.draw",
    )
    hosts = draft.worked(f"H_{end}", np.sum(drawn * (server_w - gpu_w)), "mw", "draw of hosts and switches", *paths)
    need = draft.worked(f"G_{end}", np.sum(drawn * gpu_w), "mw", "what the GPUs would draw", *paths)
    gamma = draft.given(
        "gamma",
        run.one(run.job.power_exponent_factor),
        "factor",
        "exponent of throughput over power",
        "mfu.power_exponent_factor",
    )
    return f"min(1, max({it_mw(context, draft, number)} - {hosts}, 0) / {need}) ** {gamma}"


_WATTS = ("gpu_power_w", "server_power_w")
