"""What a fleet refers to, checked: pools, sites, GPUs, models, cards, sources, metrics; each fault with its line."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from colocalc import yamlio
from colocalc.catalog import Catalog
from colocalc.errors import Fault, did_you_mean, quoted
from colocalc.expect import parse, unknown_metrics
from colocalc.figure import Definition, Figure
from colocalc.fleet import Claim, Fleet, Layout, Training
from colocalc.hardware import GpuType
from colocalc.metrics import LATER, METRICS, STAGES, is_metric

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class _Problem:
    path: Path
    message: str
    hint: str | None = None


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
        *_claims(fleet),
        *_sources(fleet, catalog),
    ]
    faults = [_fault(problem, tree) for problem in problems]
    return sorted(faults, key=lambda fault: (fault.line or 0, fault.column or 0))


def _fault(problem: _Problem, tree: Any) -> Fault:
    place = yamlio.locate(tree, problem.path)
    file, mark = place or (str(getattr(tree, "file", "")), None)
    path = ".".join(map(str, problem.path))
    return Fault(problem.message, file, mark.line if mark else None, mark.column if mark else None, path, problem.hint)


def pool_labels(fleet: Fleet, catalog: Catalog) -> list[str]:
    """The name of each pool: given, else the id of its GPU."""
    return [pool.name or catalog.resolve_gpu(pool.gpu) or pool.gpu for pool in fleet.pools]


def _pools(fleet: Fleet, catalog: Catalog) -> Iterator[_Problem]:
    sites = fleet.named_sites
    first: dict[str, int] = {}
    for number, (pool, label) in enumerate(zip(fleet.pools, pool_labels(fleet, catalog), strict=True)):
        key = catalog.resolve_gpu(pool.gpu)
        if key is None:
            hint = did_you_mean(pool.gpu, catalog.gpu_names())
            yield _Problem(("pools", number, "gpu"), f"unknown GPU {quoted(pool.gpu)}", hint)
        elif pool.counted_as in {"superchip", "rack"} and not _comes_as(catalog.gpus[key], pool.counted_as):
            yield _Problem(("pools", number, "counted_as"), f"{key} does not come as a {pool.counted_as}")
        yield from _site(number, pool.site, list(sites))
        twin = fleet.pools[first.setdefault(label, number)]
        if (twin.site, key) != (pool.site, catalog.resolve_gpu(twin.gpu)):
            yield _Problem(("pools", number), f"a second pool is named {quoted(label)}; give it a name of its own")
    if not any(pool.count.value for pool in fleet.pools):
        yield _Problem(("pools",), "the fleet holds no GPUs")


def _comes_as(gpu: GpuType, package: str) -> bool:
    return getattr(gpu, f"{package}_gpu_count") is not None


def _site(number: int, site: str | None, sites: list[str]) -> Iterator[_Problem]:
    if site is not None and site not in sites:
        yield _Problem(("pools", number, "site"), f"no site {quoted(site)}", did_you_mean(site, sites))
    if site is None and len(sites) > 1:
        yield _Problem(("pools", number), f"needs site: one of {', '.join(sites)}")


def _jobs(fleet: Fleet) -> list[tuple[Path, Training]]:
    if fleet.training is not None:
        return [(("training",), fleet.training)]
    return [(("jobs", number), job) for number, job in enumerate(fleet.jobs)]


def _training(fleet: Fleet, catalog: Catalog) -> Iterator[_Problem]:
    names = pool_labels(fleet, catalog)
    for path, training in _jobs(fleet):
        if isinstance(training.model, str) and training.model not in catalog.models:
            hint = did_you_mean(training.model, catalog.models)
            yield _Problem((*path, "model"), f"unknown model {quoted(training.model)}", hint)
        stages = [f"{stage}_factor" for stage in STAGES]
        for key in training.measured:
            if key not in stages:
                yield _Problem((*path, "measured", key), "is no stage of the waterfall", did_you_mean(key, stages))
        yield from _fit(path, training, fleet)
    yield from _unknown_pools([(("jobs", i, "pools"), job.pools) for i, job in enumerate(fleet.jobs)], names, "job")


def _fit(path: Path, training: Training, fleet: Fleet) -> Iterator[_Problem]:
    """Whether at least one pool holds a whole replica."""
    layout = training.layout
    if not isinstance(layout, Layout):
        return
    replica = (layout.tp or 1.0) * (layout.pp or 1.0) * (layout.cp or 1.0)
    largest = sum(pool.count.value for pool in fleet.pools)
    if replica > largest * _GPUS_PER_RACK:
        yield _Problem((*path, "layout"), f"tp x pp x cp is {replica:,.0f} GPUs, more than the fleet's {largest:,.0f}")


_GPUS_PER_RACK = 72.0  # counts may be racks; case.lower knows, and an empty layout shows as zero replicas


def _network(fleet: Fleet, catalog: Catalog) -> Iterator[_Problem]:
    network = fleet.network
    if network is None:
        return
    if network.fabric is not None and network.fabric not in catalog.networks:
        hint = did_you_mean(network.fabric, catalog.networks)
        yield _Problem(("network", "fabric"), f"unknown network {quoted(network.fabric)}", hint)
    if network.flat and network.algorithm not in {None, "auto", "ring"}:
        yield _Problem(("network", "flat"), f"is a ring by definition; algorithm is {network.algorithm}")
    for path, training in _jobs(fleet):
        layout = training.layout if isinstance(training.layout, Layout) else Layout()
        zero = 1 if layout.zero_stage is None else layout.zero_stage
        if network.algorithm == "tree" and zero >= 1 and layout.dp_shard_count is None and not network.flat:
            yield _Problem(
                ("network", "algorithm"),
                f"tree cannot reduce-scatter or all-gather, as {'.'.join(map(str, path))} does with zero_stage {zero}",
                "use hierarchical, zero_stage 0, or HSDP (layout.dp_shard_count)",
            )


def _leases(fleet: Fleet, catalog: Catalog) -> Iterator[_Problem]:
    names = pool_labels(fleet, catalog)
    leases: list[tuple[Path, Any]] = [(("lease",), fleet.lease)] if fleet.lease else []
    leases += [(("contracts", number), contract) for number, contract in enumerate(fleet.contracts)]
    for path, lease in leases:
        if lease.rate_card is not None and lease.rate_card not in catalog.card_names():
            hint = did_you_mean(lease.rate_card, catalog.card_names())
            yield _Problem((*path, "rate_card"), f"unknown rate card {quoted(lease.rate_card)}", hint)
    yield from _unknown_pools(
        [(("contracts", i, "pools"), contract.pools) for i, contract in enumerate(fleet.contracts)], names, "contract"
    )


def _unknown_pools(groups: Iterable[tuple[Path, tuple[str, ...]]], names: list[str], noun: str) -> Iterator[_Problem]:
    taken: set[str] = set()
    for path, pools in groups:
        for number, name in enumerate(pools):
            if name not in names:
                yield _Problem((*path, number), f"no pool {quoted(name)}", did_you_mean(name, names))
            elif name in taken:
                yield _Problem((*path, number), f"pool {quoted(name)} is in a second {noun}")
            taken.add(name)


def _finance(fleet: Fleet, catalog: Catalog) -> Iterator[_Problem]:
    for gpu in fleet.costs.capital_usd_per_gpu if fleet.costs else ():
        if catalog.resolve_gpu(gpu) is None:
            hint = did_you_mean(gpu, catalog.gpu_names())
            yield _Problem(("costs", "capital_usd_per_gpu", gpu), f"unknown GPU {quoted(gpu)}", hint)
    reference = fleet.finance.reference if fleet.finance else None
    if reference is not None and catalog.resolve_gpu(reference.gpu) is None:
        hint = did_you_mean(reference.gpu, catalog.gpu_names())
        yield _Problem(("finance", "reference", "gpu"), f"unknown GPU {quoted(reference.gpu)}", hint)


def _claims(fleet: Fleet) -> Iterator[_Problem]:
    pools = [pool.label for pool in fleet.pools]
    names = [*METRICS, *LATER]

    def known(metric: str) -> bool:
        return is_metric(metric, pools) or metric in LATER

    for number, text in enumerate(fleet.expect):
        for message in unknown_metrics(parse(text), known, names):
            yield _Problem(("expect", number), message)
    for number, claim in enumerate(fleet.claims):
        yield from _claim(number, claim, known, names)


def _claim(number: int, claim: Claim, known: Any, names: list[str]) -> Iterator[_Problem]:
    if claim.metric is not None and not known(claim.metric):
        hint = did_you_mean(claim.metric, names)
        yield _Problem(("claims", number, "metric"), f"unknown metric {quoted(claim.metric)}", hint)
    if claim.input is not None:
        block = claim.input.split(".", 1)[0]
        if block not in Fleet.model_fields:
            hint = did_you_mean(block, Fleet.model_fields)
            yield _Problem(("claims", number, "input"), f"no key {quoted(claim.input)} in a fleet file", hint)


def _sources(fleet: Fleet, catalog: Catalog) -> Iterator[_Problem]:
    for path, source in _cited(fleet, ()):
        if source not in catalog.sources:
            yield _Problem((*path, "source"), f"unknown source {quoted(source)}", did_you_mean(source, catalog.sources))


def _cited(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Every source a definition cites, with the path of what cites it."""
    cited = getattr(value, "source", None)
    if isinstance(value, Figure | Definition) and isinstance(cited, str):
        yield path, cited
    for key, inner in _parts(value):
        if isinstance(inner, Figure | Definition | Mapping | tuple):
            yield from _cited(inner, (*path, key))


def _parts(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, Definition):
        return [(key, getattr(value, key)) for key in value.model_fields_set]
    if isinstance(value, Mapping):
        return value.items()
    return enumerate(value) if isinstance(value, tuple) else ()
