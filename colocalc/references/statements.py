"""What a fleet file says about itself, checked: expectations, claims, and assumptions it replaces."""

from collections.abc import Container, Iterator, Mapping, Sequence
from functools import partial

from colocalc.catalog import Catalog
from colocalc.claim import BASE, Claim
from colocalc.errors import did_you_mean, quoted
from colocalc.expect import parse, unknown_metrics
from colocalc.fleet import Fleet
from colocalc.keys import is_assumption, unknown_part
from colocalc.metrics import METRICS, STAGES, is_metric
from colocalc.references.problems import Path, Problem, near
from colocalc.units import unit_of


def statement_problems(fleet: Fleet, catalog: Catalog, pools: Sequence[str]) -> Iterator[Problem]:
    """What is wrong with the expectations, claims and assumptions of a fleet."""
    names = list(METRICS)

    known = partial(is_metric, pools=pools)
    for number, text in enumerate(fleet.expect):
        for message in unknown_metrics(parse(text), known, names):
            yield Problem(("expect", number), message)
    keys = {"pools": list(pools), "sites": list(fleet.named_sites)}
    first: dict[str, int] = {}
    for number, claim in enumerate(fleet.claims):
        path: Path = ("claims", number)
        if claim.metric is not None and not known(claim.metric):
            yield Problem(
                (*path, "metric"), f"unknown metric {quoted(claim.metric)}", did_you_mean(claim.metric, names)
            )
        if claim.cause is not None and claim.cause not in STAGES:
            message = f"{quoted(claim.cause)} is no stage of the waterfall"
            yield Problem((*path, "cause"), message, near(claim.cause, STAGES))
        if claim.id is not None and (taken := first.setdefault(claim.id, number)) != number:
            yield Problem((*path, "id"), f"{quoted(claim.id)} is the id of claims.{taken} already")
        yield from _keys(path, claim, fleet, catalog, keys)
        yield from _scenarios(path, claim, list(fleet.scenarios))
    yield from _assumptions(fleet, catalog)


def _keys(
    path: Path, claim: Claim, fleet: Fleet, catalog: Catalog, names: Mapping[str, Sequence[str]]
) -> Iterator[Problem]:
    """Whether the keys a claim names lead to numbers a fleet file may hold, or to assumptions."""
    own: dict[str, Container[str]] = {"gpus": fleet.gpus, "cards": fleet.cards}
    for name in ("input", "by"):
        key = getattr(claim, name)
        if key is None or is_assumption(key, catalog, own):
            continue
        wrong = unknown_part(key, names)
        if wrong is not None:
            part, known = wrong
            message = f"no key {quoted(key)} in a fleet file: nothing is named {quoted(part)}"
            yield Problem((*path, name), message, did_you_mean(part, known))


def _scenarios(path: Path, claim: Claim, scenarios: list[str]) -> Iterator[Problem]:
    for name, known in (("scenario", scenarios), ("relative_to", [BASE, *scenarios])):
        wanted = getattr(claim, name)
        if wanted is not None and wanted not in known:
            yield Problem((*path, name), f"no scenario {quoted(wanted)} in this fleet", near(wanted, known))


def _assumptions(fleet: Fleet, catalog: Catalog) -> Iterator[Problem]:
    """Whether ``assumptions`` replaces numbers that have no key in the file, by what their unit allows."""
    own: dict[str, Container[str]] = {"gpus": fleet.gpus, "cards": fleet.cards}
    for key, figure in fleet.assumptions.items():
        if not is_assumption(key, catalog, own):
            is_key = unknown_part(key, {}) is None
            message = "is a key of the file itself: write it there" if is_key else "no assumption is called so"
            hint = None if is_key else did_you_mean(key, catalog.defaults)
            yield Problem(("assumptions", key), message, hint, at_key=True)
            continue
        unit = unit_of(key)
        for number in (figure.value, figure.low, figure.high):
            if number is None:
                continue
            if unit is not None and unit.suffix == "share" and not 0.0 <= number <= 1.0:
                yield Problem(("assumptions", key), f"should be between 0 and 1, not {number:g}")
            elif number < 0.0 and (unit is None or unit.suffix != "usd"):
                yield Problem(("assumptions", key), f"should be at least 0, not {number:g}")
            elif number == 0.0 and key.startswith(("gpus.", "networks.")) and unit is not None and unit.suffix != "s":
                yield Problem(("assumptions", key), "should be above 0: what the catalog has there is divided by")
