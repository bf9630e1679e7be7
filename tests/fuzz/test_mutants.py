"""Sample fleets with a thing or two deleted, doubled or changed: reported with figures that agree, or refused with places.

Two dozen here; ``COLOCALC_FUZZ_EXAMPLES=2000`` looks at more.
"""

import copy
import json
import os
import random
import re

import pytest

from colocalc import yamlio
from colocalc.catalog import fleet_names, fleets_dir

MANY = int(os.environ.get("COLOCALC_FUZZ_EXAMPLES", "0")) or 24
PLACE = re.compile(r"<stdin>:\d+:\d+: .+|\.\.\. and \d+ more")
NUMBERS = (0, 1, -1, 0.5, 5e-324, 1e-9, 0.01, 1.0000001, 12, 1e6, 1e15, 1e308)
WORDS = (
    "",
    "x",
    "auto",
    "none",
    "h100-sxm",
    "9999-12-31",
    "2024-02-29",
    "=1+1",
    "\x1b[31m",
    "\u202e",
    "\U0001f600",
    "../x",
)
FACTORS = (0.001, 0.5, 0.9, 1.1, 2, 1000)


@pytest.fixture(scope="module")
def samples():
    trees = [yamlio.read_file(fleets_dir() / f"{name}.yaml") for name in fleet_names()]
    kept = ("name", "pools", "sites", "site", "network", "training", "reliability", "lease", "costs", "finance", "debt")
    return [json.loads(json.dumps({key: value for key, value in tree.items() if key in kept})) for tree in trees]


def places(tree):
    """Every key or item, with what holds it."""
    for key, value in list(tree.items() if isinstance(tree, dict) else enumerate(tree)):
        yield tree, key
        if isinstance(value, dict | list):
            yield from places(value)


def mutated(tree, chance):
    holder, key = chance.choice(list(places(tree)))
    value = holder[key]
    if chance.random() < 0.15:
        del holder[key]
    elif isinstance(holder, list) and chance.random() < 0.3:
        holder.insert(key, copy.deepcopy(value))
    elif isinstance(value, int | float) and chance.random() < 0.8:
        holder[key] = chance.choice([*NUMBERS, *(value * factor for factor in FACTORS)])
    else:
        holder[key] = chance.choice([*WORDS, None, True, [], {}, chance.choice(NUMBERS)])


def finite(value):
    raise AssertionError(f"{value} is no figure")


@pytest.mark.parametrize("seed", range(MANY))
def test_a_mutant_is_reported_with_figures_that_agree_or_refused_with_places(colocalc, samples, seed):
    chance = random.Random(seed)  # noqa: S311 - the same mutants each time
    tree = copy.deepcopy(chance.choice(samples))
    for _ in range(chance.choice([1, 1, 2])):
        mutated(tree, chance)
    command = chance.choice(["report", "lease", "mfu", "check"])
    run = colocalc(command, "-", "--format", "json", stdin=json.dumps(tree).encode())

    if run.code:
        assert (run.code, run.out) == (3, "")
        assert all(PLACE.fullmatch(line) and line.isprintable() for line in run.err.splitlines()), run.err
        return
    metrics = json.loads(run.out, parse_constant=finite)["metrics"]
    pools = [value for name, value in metrics.items() if re.fullmatch(r"pools\..+\.lease\.contract_revenue_usd", name)]
    if pools:
        assert sum(pools) == pytest.approx(metrics["lease.contract_revenue_usd"], rel=1e-9)
    assert not [name for name, value in metrics.items() if name.startswith("mfu.") and value < 0.0]
