"""What a fleet refers to, checked: pools, sites, GPUs, models, cards, sources, metrics; each fault with its line."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from colocalc.card import Term, find_rate, offered
from colocalc.catalog import Catalog
from colocalc.errors import Fault, did_you_mean, quoted
from colocalc.expect import parse, unknown_metrics
from colocalc.faults import fault_at, fields_at, in_order
from colocalc.figure import Definition, Figure
from colocalc.fleet import Contract, Fleet, Job, Layout, Lease, NetworkUse, Pool, Training
from colocalc.hardware import GpuType
from colocalc.metrics import LATER, METRICS, STAGES, is_metric

Path = tuple[str | int, ...]

# What a number may be in size: nothing that is computed from a few of them overflows or vanishes.
_SMALLEST, _LARGEST = 1e-18, 1e18
# What a job can run at besides BF16 and FP16, each standing in for the narrower ones above it.
_NARROW = {"fp8": {"fp8"}, "mxfp8": {"fp8"}, "nvfp4": {"fp4", "fp8"}}
_SHOWN_NAMES = 8


@dataclass(frozen=True)
class _Problem:
    path: Path
    message: str
    hint: str | None = None
    at_key: bool = False


def _near(word: str, known: Iterable[str], kind: str = "") -> str:
    """The nearest known word, else the known ones if they are few, else the command that lists them."""
    names = list(known)
    if near := did_you_mean(word, names):
        return near
    if kind:
        return f"see: colocalc catalog {kind}"
    return f"there is {', '.join(names[:_SHOWN_NAMES]) or 'none'}{', ...' if len(names) > _SHOWN_NAMES else ''}"


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
        In the order of the file.
    """
    problems = [
        *_pools(fleet, catalog),
        *_training(fleet, catalog),
        *_network(fleet, catalog),
        *_leases(fleet, catalog),
        *_finance(fleet, catalog),
        *_claims(fleet, pool_labels(fleet, catalog)),
        *_numbers_and_sources(fleet, catalog),
    ]
    return in_order(
        fault_at(tree, problem.path, problem.message, hint=problem.hint, key=problem.at_key) for problem in problems
    )


def pool_labels(fleet: Fleet, catalog: Catalog) -> list[str]:
    """The name of each pool: given, else the id of its GPU."""
    return [pool.name or catalog.resolve_gpu(pool.gpu) or pool.gpu for pool in fleet.pools]


def _pools(fleet: Fleet, catalog: Catalog) -> Iterator[_Problem]:
    sites = fleet.named_sites
    first: dict[str, int] = {}
    for number, (pool, label) in enumerate(zip(fleet.pools, pool_labels(fleet, catalog), strict=True)):
        key = catalog.resolve_gpu(pool.gpu)
        if key is None:
            yield _unknown_gpu(("pools", number, "gpu"), pool.gpu, catalog)
        elif pool.counted_as in {"superchip", "rack"} and not _comes_as(catalog.gpus[key], pool.counted_as):
            yield _Problem(("pools", number, "counted_as"), f"{key} does not come as a {pool.counted_as}")
        yield from _site(number, pool.site, list(sites))
        twin = fleet.pools[first.setdefault(label, number)]
        if twin is not pool and _merges_by(twin, fleet, catalog) != _merges_by(pool, fleet, catalog):
            yield _Problem(("pools", number), f"a second pool is named {quoted(label)}; give it a name of its own")
    if not any(pool.count.value for pool in fleet.pools):
        yield _Problem(("pools",), "the fleet holds no GPUs")


def _merges_by(pool: Pool, fleet: Fleet, catalog: Catalog) -> tuple[Any, ...]:
    """What two pools of one name must share to be one pool."""
    only_site = next(iter(fleet.named_sites)) if len(fleet.named_sites) == 1 else None
    return (catalog.resolve_gpu(pool.gpu), pool.site or only_site, pool.counted_as, pool.reliability)


def _unknown_gpu(path: Path, gpu: str, catalog: Catalog, *, at_key: bool = False) -> _Problem:
    return _Problem(path, f"unknown GPU {quoted(gpu)}", _near(gpu, catalog.gpu_names(), "gpus"), at_key)


def _comes_as(gpu: GpuType, package: str) -> bool:
    return getattr(gpu, f"{package}_gpu_count") is not None


def _site(number: int, site: str | None, sites: list[str]) -> Iterator[_Problem]:
    if site is not None and site not in sites:
        yield _Problem(("pools", number, "site"), f"no site {quoted(site)}", _near(site, sites))
    if site is None and len(sites) > 1:
        yield _Problem(("pools", number), f"needs site: one of {', '.join(sites)}")


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
        package = getattr(gpu, f"{pool.counted_as}_gpu_count", None)
        place = (pool.name, gpu.id, pool.site)  # identical pools are one
        counts[place] = counts.get(place, 0.0) + pool.count.value * (package.value if package else 1.0)
    return _Job(path, training, [gpu for _, gpu in known], list(counts.values()))


def _training(fleet: Fleet, catalog: Catalog) -> Iterator[_Problem]:
    for job in _jobs(fleet, catalog):
        yield from _job_problems(job, catalog)
    yield from _twice(fleet.jobs, "jobs")
    yield from _unknown_pools(fleet.jobs, "jobs", pool_labels(fleet, catalog))


def _job_problems(job: _Job, catalog: Catalog) -> Iterator[_Problem]:
    model, precision = job.training.model, job.training.precision
    if isinstance(model, str) and model not in catalog.models:
        yield _Problem((*job.path, "model"), f"unknown model {quoted(model)}", _near(model, catalog.models, "models"))
    stages = [f"{stage}_factor" for stage in STAGES]
    for key in job.training.measured:
        if key not in stages:
            yield _Problem(
                (*job.path, "measured", key), "is no stage of the waterfall", _near(key, stages), at_key=True
            )
    wanted = precision or str(catalog.default("training.precision").value)
    usable = {"bf16", "fp16"} | _NARROW.get(wanted, set())
    for name in dict.fromkeys(gpu.id for gpu in job.gpus if not usable & set(gpu.peak_tflop_per_s)):
        yield _Problem((*job.path, "precision"), f"{name} has no peak at {wanted}, nor at a wider precision")
    if isinstance(job.training.layout, Layout):
        yield from _layout(job, job.training.layout, catalog)


def _layout(job: _Job, layout: Layout, catalog: Catalog) -> Iterator[_Problem]:
    replica = (layout.tp or 1.0) * (layout.pp or 1.0) * (layout.cp or 1.0)
    joint = job.training.split == "stages"  # a replica takes its stages from every pool
    most = sum(job.counts) if joint else max(job.counts, default=0.0)
    if replica > most > 0.0:
        holder = "its pools hold" if joint else "any of its pools holds"
        yield _Problem((*job.path, "layout"), f"tp x pp x cp is {replica:,.0f} GPUs, more than {holder} ({most:,.0f})")
    model = job.training.model
    if isinstance(model, str):
        model = catalog.models.get(model)
    stages = (layout.pp or 1.0) * (layout.vpp or 1.0)
    if model is not None and stages > model.layer_count + 2.0:
        message = f"pp x vpp is {stages:,.0f} stages, more than {model.layer_count:,.0f} layers, embedding and head"
        yield _Problem((*job.path, "layout"), message)


def _network(fleet: Fleet, catalog: Catalog) -> Iterator[_Problem]:
    use = fleet.network
    if use is None:
        return
    if use.fabric is not None and use.fabric not in catalog.networks:
        hint = _near(use.fabric, catalog.networks, "networks")
        yield _Problem(("network", "fabric"), f"unknown network {quoted(use.fabric)}", hint)
        return
    if use.flat and use.algorithm not in {None, "auto", "ring"}:
        yield _Problem(("network", "flat"), f"is a ring by definition; algorithm is {use.algorithm}")
    jobs = _jobs(fleet, catalog) or [_job((), Training(), fleet.pools, catalog)]
    missing = [message for job in jobs if (message := _lacks(use, job, catalog)) is not None]
    if missing:
        yield _Problem(("network", "algorithm"), missing[0])
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


def _tree_of_shards(jobs: Iterable[_Job]) -> Iterator[_Problem]:
    for job in jobs:
        layout = job.training.layout if isinstance(job.training.layout, Layout) else Layout()
        zero = 1 if layout.zero_stage is None else layout.zero_stage
        if job.path and zero >= 1 and layout.dp_shard_count is None:
            yield _Problem(
                ("network", "algorithm"),
                f"tree cannot reduce-scatter or all-gather, as {_dotted(job.path)} does with zero_stage {zero}",
                "use hierarchical, zero_stage 0, or HSDP (layout.dp_shard_count)",
            )


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))


def _leases(fleet: Fleet, catalog: Catalog) -> Iterator[_Problem]:
    leases: list[tuple[Path, Lease]] = [(("lease",), fleet.lease)] if fleet.lease else []
    leases += [(("contracts", number), contract) for number, contract in enumerate(fleet.contracts)]
    labels = pool_labels(fleet, catalog)
    for path, lease in leases:
        covered = set(lease.pools if isinstance(lease, Contract) else labels)
        found = list(_card(path, lease, catalog))
        yield from found or _rates(fleet, [label if label in covered else None for label in labels], lease, catalog)
    yield from _twice(fleet.contracts, "contracts")
    yield from _unknown_pools(fleet.contracts, "contracts", pool_labels(fleet, catalog))


def _card(path: Path, lease: Lease, catalog: Catalog) -> Iterator[_Problem]:
    if lease.rate_usd_per_gpu_h or lease.fee_usd_per_month:
        return
    name = lease.rate_card or str(catalog.default("lease.rate_card").value)
    if name not in catalog.card_names():
        hint = _near(name, catalog.card_names(), "cards")
        yield _Problem((*path, "rate_card"), f"unknown rate card {quoted(name)}", hint)
        return
    rates = catalog.card(name).rates
    regions = list(dict.fromkeys(rate.region for rate in rates if rate.region))
    if not rates:
        yield _Problem((*path, "rate_card"), f"card {name} has no rates")
    elif lease.region and lease.region not in regions and all(rate.region for rate in rates):
        message = f"card {name} has no region {quoted(lease.region)}"
        yield _Problem((*path, "region"), message, _near(lease.region, regions))


def _rates(fleet: Fleet, labels: Iterable[str | None], lease: Lease, catalog: Catalog) -> Iterator[_Problem]:
    """The pools under a lease, by label, whose GPU its card does not price."""
    if lease.rate_usd_per_gpu_h or lease.fee_usd_per_month:
        return
    card = catalog.card(lease.rate_card or str(catalog.default("lease.rate_card").value))
    term = lease.term or cast("Term", catalog.default("lease.term").value)
    missing: dict[str | None, bool] = {None: False}
    for number, (pool, label) in enumerate(zip(fleet.pools, labels, strict=True)):
        gpu = catalog.resolve_gpu(pool.gpu) if label is not None else None
        if gpu not in missing:
            missing[gpu] = find_rate(card, gpu_id=str(gpu), term=term, region=lease.region) is None
        if missing[gpu]:
            where = f" in {lease.region}" if lease.region else ""
            message = f"pool {label}: card {card.name} has no {term} rate for {gpu}{where}"
            hint = f"it has {offered(card, str(gpu))}; give rate_usd_per_gpu_h or another card"
            yield _Problem(("pools", number, "gpu"), message, hint)


def _twice(entries: Iterable[Job | Contract], block: str) -> Iterator[_Problem]:
    first: dict[str, int] = {}
    for number, entry in enumerate(entries):
        if (taken := first.setdefault(entry.name, number)) != number:
            yield _Problem((block, number, "name"), f"{quoted(entry.name)} is the name of {block}.{taken} already")


def _unknown_pools(entries: Iterable[Job | Contract], block: str, labels: list[str]) -> Iterator[_Problem]:
    names = dict.fromkeys(labels)
    holder: dict[str, str] = {}
    for number, entry in enumerate(entries):
        for place, name in enumerate(entry.pools):
            path = (block, number, "pools", place)
            if name not in names:
                yield _Problem(path, f"no pool {quoted(name)}", _near(name, names))
            elif name in holder:
                yield _Problem(path, f"pool {quoted(name)} is in {holder[name]} already")
            holder.setdefault(name, f"{block}.{number}")


def _finance(fleet: Fleet, catalog: Catalog) -> Iterator[_Problem]:
    for gpu in fleet.costs.capital_usd_per_gpu if fleet.costs else ():
        if catalog.resolve_gpu(gpu) is None:
            yield _unknown_gpu(("costs", "capital_usd_per_gpu", gpu), gpu, catalog, at_key=True)
    reference = fleet.finance.reference if fleet.finance else None
    if reference is not None and catalog.resolve_gpu(reference.gpu) is None:
        yield _unknown_gpu(("finance", "reference", "gpu"), reference.gpu, catalog)


def _claims(fleet: Fleet, pools: list[str]) -> Iterator[_Problem]:
    names = [*METRICS, *LATER]

    def known(metric: str) -> bool:
        return is_metric(metric, pools) or metric in LATER

    for number, text in enumerate(fleet.expect):
        for message in unknown_metrics(parse(text), known, names):
            yield _Problem(("expect", number), message)
    for number, claim in enumerate(fleet.claims):
        path: Path = ("claims", number)
        if claim.metric is not None and not known(claim.metric):
            hint = did_you_mean(claim.metric, names)
            yield _Problem((*path, "metric"), f"unknown metric {quoted(claim.metric)}", hint)
        if claim.cause is not None and claim.cause not in STAGES:
            message = f"{quoted(claim.cause)} is no stage of the waterfall"
            yield _Problem((*path, "cause"), message, _near(claim.cause, STAGES))
        if claim.input is not None:
            yield from _input((*path, "input"), claim.input, pools, list(fleet.named_sites))


def _input(path: Path, key: str, pools: list[str], sites: list[str]) -> Iterator[_Problem]:
    """Whether a key leads to a number a fleet file may hold."""
    parts: list[str | int] = [*key.split(".")]
    for depth, part in enumerate(parts):
        named = {"pools": pools, "sites": sites}.get(str(parts[0])) if depth == 1 else None
        known = named if named is not None else fields_at(Fleet, _typed(parts[:depth]))
        if part not in known and (known or named is not None):
            hint = did_you_mean(part, known)
            yield _Problem(path, f"no key {quoted(key)} in a fleet file: nothing is named {quoted(part)}", hint)
            return


def _typed(parts: list[str | int]) -> list[str | int]:
    """A key as types see it: an entry of a list is a number, whatever its name."""
    return [0 if place == 1 and parts[0] in _LISTS else part for place, part in enumerate(parts)]


_LISTS = {name for name, field in Fleet.model_fields.items() if getattr(field.annotation, "__origin__", None) is tuple}


def _numbers_and_sources(fleet: Fleet, catalog: Catalog) -> Iterator[_Problem]:
    for path, value in _walk(fleet, ()):
        if isinstance(value, float):
            yield _Problem(path, f"should be 0 or between 1e-18 and 1e18 in size, not {value:g}")
        elif value not in catalog.sources:
            yield _Problem(
                (*path, "source"), f"unknown source {quoted(value)}", _near(value, catalog.sources, "sources")
            )


def _walk(value: Any, path: Path) -> Iterator[tuple[Path, float | str]]:
    """Every source a definition cites and every number too large or too small, with the path of what holds it."""
    if isinstance(value, Figure):
        numbers: Iterable[tuple[Path, Any]] = [(path, value.value), (path, value.low), (path, value.high)]
    else:
        numbers = [((*path, key), inner) for key, inner in _parts(value) if isinstance(inner, float)]
    for place, number in numbers:
        if number and not _SMALLEST <= abs(number) <= _LARGEST:
            yield place, number
    cited = getattr(value, "source", None)
    if isinstance(value, Figure | Definition) and isinstance(cited, str):
        yield path, cited
    for key, inner in _parts(value):
        if isinstance(inner, Figure | Definition | Mapping | tuple):
            yield from _walk(inner, (*path, key))


def _parts(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, Definition):
        return [(key, getattr(value, key)) for key in value.model_fields_set]
    if isinstance(value, Mapping):
        return value.items()
    return enumerate(value) if isinstance(value, tuple) else ()
