"""What a fleet refers to, checked: pools, sites, GPUs, models, cards, sources, metrics; each fault with its line."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from colocalc.catalog import Catalog
from colocalc.deal import Contract
from colocalc.errors import Fault, quoted
from colocalc.faults import MOST_FAULTS, fault_at, in_order
from colocalc.figure import Definition, Figure
from colocalc.fleet import Fleet, Job, Layout, NetworkUse, Pool, Training
from colocalc.hardware import GpuType
from colocalc.metrics import STAGES
from colocalc.references.cards import card_problems
from colocalc.references.money import leases, money_problems
from colocalc.references.problems import Path, Problem, near
from colocalc.references.statements import statement_problems

# What a number may be in size: nothing that is computed from a few of them overflows or vanishes.
_SMALLEST, _LARGEST = 1e-18, 1e18
# What a job can run at besides BF16 and FP16, each standing in for the narrower ones above it.
_NARROW = {"fp8": {"fp8"}, "mxfp8": {"fp8"}, "nvfp4": {"fp4", "fp8"}}


def reference_faults(fleet: Fleet, catalog: Catalog, tree: Any) -> list[Fault]:
    """Every reference of a fleet that leads nowhere, and every rule that needs two parts of the file.

    Parameters
    ----------
    fleet : Fleet
        A valid definition.
    catalog : Catalog
        What ships, with the fleet's own additions.
    tree : Map
        The raw data with its marks.

    Returns
    -------
    list of Fault
        In the order of the file; a thousand of them at most.
    """
    problems = chain(
        _pools(fleet, catalog),
        _training(fleet, catalog),
        _network(fleet, catalog),
        _orbital_sites(fleet, catalog),
        _leases(fleet, catalog),
        money_problems(fleet, catalog),
        _finance(fleet, catalog),
        _inference(fleet, catalog),
        _risk(fleet, catalog),
        statement_problems(fleet, catalog, pool_labels(fleet, catalog)),
        _numbers_and_sources(fleet, catalog),
    )
    return in_order(
        fault_at(tree, problem.path, problem.message, hint=problem.hint, key=problem.at_key)
        for problem in islice(problems, MOST_FAULTS)
    )


def pool_labels(fleet: Fleet, catalog: Catalog) -> list[str]:
    """The name of each pool: given, else the id of its GPU."""
    return [pool.name or catalog.resolve_gpu(pool.gpu) or pool.gpu for pool in fleet.pools]


def _pools(fleet: Fleet, catalog: Catalog) -> Iterator[Problem]:
    sites = fleet.named_sites
    first: dict[str, int] = {}
    for number, (pool, label) in enumerate(zip(fleet.pools, pool_labels(fleet, catalog), strict=True)):
        key = catalog.resolve_gpu(pool.gpu)
        if key is None:
            yield _unknown_gpu(("pools", number, "gpu"), pool.gpu, catalog)
        elif pool.counted_as in {"superchip", "rack"} and not _comes_as(catalog.gpus[key], pool.counted_as):
            yield Problem(("pools", number, "counted_as"), f"{key} does not come as a {pool.counted_as}")
        yield from _site(number, pool.site, list(sites))
        twin = fleet.pools[first.setdefault(label, number)]
        if twin is not pool and _merges_by(twin, fleet, catalog) != _merges_by(pool, fleet, catalog):
            yield Problem(("pools", number), f"a second pool is named {quoted(label)}; give it a name of its own")
    if not any(pool.count.value for pool in fleet.pools):
        yield Problem(("pools",), "the fleet holds no GPUs")


def _merges_by(pool: Pool, fleet: Fleet, catalog: Catalog) -> tuple[Any, ...]:
    """What two pools of one name must share to be one pool."""
    only_site = next(iter(fleet.named_sites)) if len(fleet.named_sites) == 1 else None
    return (catalog.resolve_gpu(pool.gpu), pool.site or only_site, pool.counted_as, pool.reliability)


def _unknown_gpu(path: Path, gpu: str, catalog: Catalog, *, at_key: bool = False) -> Problem:
    return Problem(path, f"unknown GPU {quoted(gpu)}", near(gpu, catalog.gpu_names(), "gpus"), at_key)


def _comes_as(gpu: GpuType, package: str) -> bool:
    return getattr(gpu, f"{package}_gpu_count") is not None


def _site(number: int, site: str | None, sites: list[str]) -> Iterator[Problem]:
    if site is not None and site not in sites:
        yield Problem(("pools", number, "site"), f"no site {quoted(site)}", near(site, sites))
    if site is None and len(sites) > 1:
        yield Problem(("pools", number), f"needs site: one of {', '.join(sites)}")


@dataclass(frozen=True)
class _Job:
    """A training job with the types of the GPUs it runs on, and how many GPUs each of its pools holds."""

    path: Path
    training: Training
    gpus: list[GpuType]
    counts: list[float]


def _jobs(fleet: Fleet, catalog: Catalog) -> list[_Job]:
    if fleet.training is not None:
        return [_job(("training",), fleet.training, fleet.pools, catalog)]
    labels = pool_labels(fleet, catalog)
    jobs = []
    for number, job in enumerate(fleet.jobs):
        names = set(job.pools)
        pools = [pool for pool, label in zip(fleet.pools, labels, strict=True) if label in names]
        jobs.append(_job(("jobs", number), job, pools, catalog))
    return jobs


def _job(path: Path, training: Training, pools: Iterable[Pool], catalog: Catalog) -> _Job:
    known = [(pool, catalog.gpus[key]) for pool in pools if (key := catalog.resolve_gpu(pool.gpu)) is not None]
    counts: dict[tuple[str | None, str, str | None], float] = {}
    for pool, gpu in known:
        package = getattr(gpu, f"{pool.counted_as}_gpu_count") if pool.counted_as in {"superchip", "rack"} else None
        place = (pool.name, gpu.id, pool.site)  # identical pools are one
        counts[place] = counts.get(place, 0.0) + pool.count.value * (package.value if package else 1.0)
    return _Job(path, training, [gpu for _, gpu in known], list(counts.values()))


def _training(fleet: Fleet, catalog: Catalog) -> Iterator[Problem]:
    for job in _jobs(fleet, catalog):
        yield from _job_problems(job, catalog)
    yield from _twice(fleet.jobs, "jobs")
    yield from _unknown_pools(fleet.jobs, "jobs", pool_labels(fleet, catalog))


def _job_problems(job: _Job, catalog: Catalog) -> Iterator[Problem]:
    model, precision = job.training.model, job.training.precision
    if isinstance(model, str) and model not in catalog.models:
        yield Problem((*job.path, "model"), f"unknown model {quoted(model)}", near(model, catalog.models, "models"))
    stages = [f"{stage}_factor" for stage in STAGES]
    for key in job.training.measured:
        if key not in stages:
            yield Problem((*job.path, "measured", key), "is no stage of the waterfall", near(key, stages), at_key=True)
    wanted = precision or str(catalog.default("training.precision").value)
    usable = {"bf16", "fp16"} | _NARROW.get(wanted, set())
    for name in dict.fromkeys(gpu.id for gpu in job.gpus if not usable & set(gpu.peak_tflop_per_s)):
        yield Problem((*job.path, "precision"), f"{name} has no peak at {wanted}, nor at a wider precision")
    if isinstance(job.training.layout, Layout):
        yield from _layout(job, job.training.layout, catalog)


def _layout(job: _Job, layout: Layout, catalog: Catalog) -> Iterator[Problem]:
    replica = (layout.tp or 1.0) * (layout.pp or 1.0) * (layout.cp or 1.0)
    joint = job.training.split == "stages"  # a replica takes its stages from every pool
    most = sum(job.counts) if joint else max(job.counts, default=0.0)
    if replica > most > 0.0:
        holder = "its pools hold" if joint else "any of its pools holds"
        yield Problem((*job.path, "layout"), f"tp x pp x cp is {replica:,.0f} GPUs, more than {holder} ({most:,.0f})")
    model = job.training.model
    if isinstance(model, str):
        model = catalog.models.get(model)
    stages = (layout.pp or 1.0) * (layout.vpp or 1.0)
    if model is not None and stages > model.layer_count + 2.0:
        message = f"pp x vpp is {stages:,.0f} stages, more than {model.layer_count:,.0f} layers, embedding and head"
        yield Problem((*job.path, "layout"), message)


def _network(fleet: Fleet, catalog: Catalog) -> Iterator[Problem]:
    use = fleet.network
    if use is None:
        return
    if use.fabric is not None and use.fabric not in catalog.networks:
        hint = near(use.fabric, catalog.networks, "networks")
        yield Problem(("network", "fabric"), f"unknown network {quoted(use.fabric)}", hint)
        return
    if use.flat and use.algorithm not in {None, "auto", "ring"}:
        yield Problem(("network", "flat"), f"is a ring by definition; algorithm is {use.algorithm}")
    jobs = _jobs(fleet, catalog) or [_job((), Training(), fleet.pools, catalog)]
    missing = [message for job in jobs if (message := _lacks(use, job, catalog)) is not None]
    if missing:
        yield Problem(("network", "algorithm"), missing[0])
    elif use.algorithm == "tree" and not use.flat:
        yield from _tree_of_shards(jobs)


def _lacks(use: NetworkUse, job: _Job, catalog: Catalog) -> str | None:
    """Why the network under a job has no algorithm of the kind asked for; None when it has."""
    on_torus = bool(job.gpus) and all(gpu.link_kind == "torus" for gpu in job.gpus)
    name = use.fabric or str(catalog.default("network.torus" if on_torus else "network.switched").value)
    has = [word for word in catalog.networks[name].algorithms if on_torus or word != "torus"]
    if use.algorithm in {None, "auto", *has}:
        return None
    here = " for these GPUs" if use.algorithm == "torus" else ""
    return f"{name} has no {use.algorithm} algorithm{here}; it has {', '.join(has)}"


def _tree_of_shards(jobs: Iterable[_Job]) -> Iterator[Problem]:
    for job in jobs:
        layout = job.training.layout if isinstance(job.training.layout, Layout) else Layout()
        zero = 1 if layout.zero_stage is None else layout.zero_stage
        if job.path and zero >= 1 and layout.dp_shard_count is None:
            yield Problem(
                ("network", "algorithm"),
                f"tree cannot reduce-scatter or all-gather, as {_dotted(job.path)} does with zero_stage {zero}",
                "use hierarchical, zero_stage 0, or HSDP (layout.dp_shard_count)",
            )


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))


def _orbital_sites(fleet: Fleet, catalog: Catalog) -> Iterator[Problem]:
    """Chips too cold to radiate against the sink that is assumed; a sink that is given is checked where it is read."""
    sink = float(catalog.default("sites.orbital.sink_temperature_k").value)
    for name, site in fleet.named_sites.items():
        chip, drop = site.chip_temperature_k, site.chip_to_radiator_drop_k
        if chip and drop and site.sink_temperature_k is None and chip.value - drop.value <= sink:
            path: Path = ("site",) if fleet.site else ("sites", name)
            message = f"should be above chip_to_radiator_drop_k plus the assumed sink_temperature_k of {sink:g} K"
            hint = "kelvin is degrees Celsius plus 273.15"
            yield Problem((*path, "chip_temperature_k"), message, hint)


def _leases(fleet: Fleet, catalog: Catalog) -> Iterator[Problem]:
    labels = pool_labels(fleet, catalog)
    for path, lease in leases(fleet):
        covered = set(lease.pools if isinstance(lease, Contract) else labels)
        yield from card_problems(path, lease, fleet, [label if label in covered else None for label in labels], catalog)
    yield from _twice(fleet.contracts, "contracts")
    yield from _unknown_pools(fleet.contracts, "contracts", pool_labels(fleet, catalog))


def _twice(entries: Iterable[Job | Contract], block: str) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for number, entry in enumerate(entries):
        if (taken := first.setdefault(entry.name, number)) != number:
            yield Problem((block, number, "name"), f"{quoted(entry.name)} is the name of {block}.{taken} already")


def _unknown_pools(entries: Iterable[Job | Contract], block: str, labels: list[str]) -> Iterator[Problem]:
    names = dict.fromkeys(labels)
    holder: dict[str, str] = {}
    for number, entry in enumerate(entries):
        for place, name in enumerate(entry.pools):
            path = (block, number, "pools", place)
            if name not in names:
                yield Problem(path, f"no pool {quoted(name)}", near(name, names))
            elif name in holder:
                yield Problem(path, f"pool {quoted(name)} is in {holder[name]} already")
            holder.setdefault(name, f"{block}.{number}")


def _finance(fleet: Fleet, catalog: Catalog) -> Iterator[Problem]:
    for gpu in fleet.costs.capital_usd_per_gpu if fleet.costs else ():
        if catalog.resolve_gpu(gpu) is None:
            yield _unknown_gpu(("costs", "capital_usd_per_gpu", gpu), gpu, catalog, at_key=True)
    reference = fleet.finance.reference if fleet.finance else None
    if reference is not None and catalog.resolve_gpu(reference.gpu) is None:
        yield _unknown_gpu(("finance", "reference", "gpu"), reference.gpu, catalog)


def _risk(fleet: Fleet, catalog: Catalog) -> Iterator[Problem]:
    for number, pair in enumerate(fleet.risk.correlations if fleet.risk else ()):
        path = ("risk", "correlations", number, "gpus")
        named = [catalog.resolve_gpu(gpu) for gpu in pair.gpus]
        for place, gpu in enumerate(pair.gpus):
            if named[place] is None:
                yield _unknown_gpu((*path, place), gpu, catalog)
        if named[0] is not None and named[0] == named[1]:
            yield Problem(path, f"both are {named[0]}, and a rate moves with itself", "name two GPU types")


def _inference(fleet: Fleet, catalog: Catalog) -> Iterator[Problem]:
    served = fleet.inference
    if served is None:
        return
    if isinstance(served.model, str) and served.model not in catalog.models:
        hint = near(served.model, catalog.models, "models")
        yield Problem(("inference", "model"), f"unknown model {quoted(served.model)}", hint)
    job = _job((), Training(), fleet.pools, catalog)
    wanted = served.precision or str(catalog.default("inference.precision").value)
    usable = {"bf16", "fp16"} | _NARROW.get(wanted, set())
    for name in dict.fromkeys(gpu.id for gpu in job.gpus if not usable & set(gpu.peak_tflop_per_s)):
        yield Problem(("inference", "precision"), f"{name} has no peak at {wanted}, nor at a wider precision")
    replica, most = served.replica_gpu_count, max(job.counts, default=0.0)
    if isinstance(replica, Figure) and replica.value > most > 0.0:
        message = f"is {replica.value:,.0f} GPUs, more than any pool holds ({most:,.0f})"
        yield Problem(("inference", "replica_gpu_count"), message)


def _numbers_and_sources(fleet: Fleet, catalog: Catalog) -> Iterator[Problem]:
    for path, value in _walk(fleet, ()):
        if isinstance(value, float):
            yield Problem(path, f"should be 0 or between 1e-18 and 1e18 in size, not {value:g}")
        elif value not in catalog.sources:
            yield Problem((*path, "source"), f"unknown source {quoted(value)}", near(value, catalog.sources, "sources"))


def _walk(value: Any, path: Path) -> Iterator[tuple[Path, float | str]]:
    """Every source a definition cites and every number too large or too small, with the path of what holds it."""
    for key, inner in _parts(value):
        if isinstance(inner, float):
            if _is_out_of_reach(inner):
                yield (*path, key), inner
        elif isinstance(inner, Figure):
            for found in _in_figure(inner):
                yield (*path, key), found
        elif isinstance(inner, Definition | Mapping | tuple):
            yield from _walk(inner, (*path, key))
        elif key == "source" and isinstance(inner, str) and isinstance(value, Definition):
            yield path, inner


def _in_figure(figure: Figure[float]) -> list[float | str]:
    numbers = (figure.value, figure.low, figure.high)
    found: list[float | str] = [number for number in numbers if number is not None and _is_out_of_reach(number)]
    return found if figure.source is None else [*found, figure.source]


def _is_out_of_reach(number: float) -> bool:
    return number != 0.0 and not _SMALLEST <= abs(number) <= _LARGEST


def _parts(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, Definition):
        return [(key, getattr(value, key)) for key in value.model_fields_set]
    return value.items() if isinstance(value, Mapping) else enumerate(value)
