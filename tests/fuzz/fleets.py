"""Whole fleet files made up: sound ones from what the catalog has, broken ones from those, and any the schema takes."""

import json
from functools import cache

from hypothesis import strategies as st

from colocalc.catalog import load_catalog
from colocalc.schema import fleet_schema

GPUS = ("h100-sxm", "h200-sxm", "gb200-nvl72")  # the default rate card prices them
TERMS = ("spot", "on-demand", "1-month", "1-year", "2-year", "3-year", "5-year")
UNKNOWN = "zzz_unknown"


def _number(low, high):
    """A number as files have it: six decimals at most, bare or with its band."""
    bare = st.floats(low, high, allow_nan=False).map(lambda value: min(max(round(value, 6), low), high))
    return st.one_of(bare, bare.map(lambda value: {"value": value, "low": low, "high": high}))


def _some(required, optional):
    return st.fixed_dictionaries(required, optional=optional)


_WORDS = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co", "Zl", "Zp"), exclude_characters="\ufeff"),
    min_size=1,
    max_size=30,
)
_SITE = _some(
    {"facility_power_mw": _number(1.0, 1000.0), "pue_factor": _number(1.0, 2.0)},
    {"energy_price_usd_per_mwh": _number(0.0, 300.0), "draw": st.sampled_from(["typical", "nameplate"])},
)
_TRAINING = _some(
    {
        "model": st.sampled_from(["llama-3.1-8b", "llama-3.1-405b"]),
        "sequence_tokens": st.sampled_from([2048, 8192]),
        "global_batch_tokens": st.sampled_from([4_000_000, 2_097_152 * 8, 200_000_000]),
    },
    {
        "precision": st.sampled_from(["bf16", "fp8"]),
        "split": st.sampled_from(["equal", "proportional", "partitions", "drop-slow"]),
        "software": st.sampled_from(["megatron", "fsdp"]),
        "attention_flops": st.sampled_from(["causal", "full", "none"]),
        "allocation_share": _number(0.0, 1.0),
        "ignore_memory": st.just(True),
    },
)
_RELIABILITY = _some(
    {"failures_per_1000_gpu_day": _number(0.0, 5.0)},
    {"restart_s": _number(0.0, 3600.0), "isolation": st.sampled_from(["job", "replica", "hot-spare"])},
)
_LEASE = st.one_of(
    _some({"rate_card": st.just("story-2026-05")}, {"term": st.sampled_from(TERMS)}),
    _some(
        {"rate_usd_per_gpu_h": _number(0.0, 20.0)},
        {"start": st.dates().map(str), "months": st.integers(1, 120), "billed_share": _number(0.0, 1.0)},
    ),
)
_COSTS = _some({}, {"operations_usd_per_yr": _number(0.0, 1e9), "data_centre_usd_per_mw": _number(0.0, 2e7)})
_FINANCE = _some(
    {"discount_rate_share": _number(0.0, 0.5)}, {"loss_usd": _number(0.0, 1e11), "tax_rate_share": _number(0.0, 0.9)}
)
_EXPECT = st.lists(
    st.builds(
        "{} {} {:g}".format,
        st.sampled_from(["lease.run_rate_revenue_usd_per_yr", "mfu.fleet_share", "h100e.raw_count"]),
        st.sampled_from(["<", "<=", ">", ">=", "=", "!="]),
        st.floats(-1e12, 1e12),
    ),
    max_size=3,
)


@st.composite
def sound(draw):
    """The tree of a fleet that every command takes."""
    pools = [
        {"name": f"p{place}", "gpu": gpu, "count": draw(st.integers(0 if place else 1, 200_000))}
        for place, gpu in enumerate(draw(st.lists(st.sampled_from(GPUS), min_size=1, max_size=4)))
    ]
    tree = {"name": draw(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,20}", fullmatch=True)), "pools": pools}
    blocks = {
        "title": _WORDS,
        "site": _SITE,
        "training": _TRAINING,
        "reliability": _RELIABILITY,
        "lease": _LEASE,
        "costs": _COSTS,
        "finance": _FINANCE,
        "expect": _EXPECT,
        "scenarios": st.just({"twice": {"set": {"pools.p0.count": 2 * pools[0]["count"]}}}),
    }
    return tree | draw(_some({}, blocks))


def text_of(tree):
    """A tree as a file with a line for every entry, its characters as they are."""
    return json.dumps(tree, indent=1, ensure_ascii=False)


def _with_unknown_key(draw, tree):
    blocks = [tree, *tree["pools"], *(tree[key] for key in ("site", "training", "lease", "finance") if key in tree)]
    draw(st.sampled_from(blocks))[UNKNOWN] = 1
    return text_of(tree)


def _with_a_wrong_pool(draw, tree):
    junk = [True, -1, 0.5, "8", None, [], {}, float("nan"), float("inf"), 10**30]
    count = st.sampled_from([("count", value) for value in junk])
    gpu = st.sampled_from([("gpu", value) for value in ("", None, 7, "h100-sxmm", "\x1b[31m", "=1+1", "\u202e")])
    key, value = draw(count | gpu)
    draw(st.sampled_from(tree["pools"]))[key] = value
    return text_of(tree)


def _without_a_key(draw, tree):
    block, key = draw(st.sampled_from([(tree, "name"), (tree, "pools"), *((pool, "gpu") for pool in tree["pools"])]))
    del block[key]
    return text_of(tree)


def _with_a_wrong_name(draw, tree):
    return text_of(tree | {"name": draw(st.sampled_from([None, "", 1, True, "x" * 501, [], {}]))})


def _with_a_wrong_scenario(draw, tree):
    key = draw(st.sampled_from(["pools.nobody.count", "pools.p0.count.value.x.y", UNKNOWN, "name.first"]))
    return text_of(tree | {"scenarios": {"bad": {"set": {key: 1}}}})


def _with_a_key_twice(draw, tree):
    return text_of(tree).replace("{", '{"name": "twice",', 1)


def _cut_off(draw, tree):
    text = text_of(tree)
    return text[: draw(st.integers(1, len(text) - 1))]


def _with_a_control_character(draw, tree):
    text = text_of(tree)
    place = draw(st.integers(1, len(text) - 1))
    return text[:place] + draw(st.sampled_from("\x00\x07\x1b\x7f\x85\u2028\ufeff")) + text[place:]


_BREAKING = (
    _with_unknown_key,
    _with_a_wrong_pool,
    _without_a_key,
    _with_a_wrong_name,
    _with_a_wrong_scenario,
    _with_a_key_twice,
    _cut_off,
    _with_a_control_character,
)


@st.composite
def broken(draw):
    """The text of a fleet file in which one thing is certainly wrong."""
    return draw(st.sampled_from(_BREAKING))(draw, draw(sound()))


@cache
def _schema():
    return fleet_schema()


@cache
def _of(definition):
    return _taken(_schema()["definitions"][definition])


def _taken(part):
    """Values that a part of the schema takes, whether or not the rest of the file goes with them."""
    if "$ref" in part:
        return st.deferred(lambda: _of(part["$ref"].rsplit("/", 1)[1]))
    if "const" in part or "enum" in part:
        return st.sampled_from(part.get("enum") or [part["const"]])
    for union in ("anyOf", "oneOf", "allOf"):
        if union in part:
            return st.one_of(*map(_taken, part[union]))
    kind = part.get("type")
    if kind == "object":
        return _object(part)
    if kind == "array":
        return st.lists(_taken(part.get("items", {})), min_size=part.get("minItems", 0), max_size=3)
    return _scalar(kind, part)


def _object(part):
    fields = part.get("properties", {})
    required = {key: _taken(fields[key]) for key in part.get("required", ())}
    optional = {key: _taken(inner) for key, inner in fields.items() if key not in required}
    if fields:
        # A few keys of many: each alone is likely to be right, all together never.
        kept = st.lists(st.sampled_from(sorted(optional)), max_size=4, unique=True) if optional else st.just([])
        return kept.flatmap(lambda keys: st.fixed_dictionaries(required | {key: optional[key] for key in keys}))
    inner = part.get("additionalProperties")
    return st.dictionaries(_names(), _taken(inner) if isinstance(inner, dict) else st.none(), max_size=2)


@cache
def _names():
    catalog = load_catalog()
    return st.sampled_from([*GPUS, "a", "p0", "1", "mfu.fleet_share", "pools.a.count", *catalog.card_names()])


def _scalar(kind, part):
    if kind == "string":
        pattern = part.get("pattern")
        return st.from_regex(pattern, fullmatch=True) if pattern else st.one_of(_names(), _WORDS)
    if kind == "boolean":
        return st.booleans()
    low = part.get("minimum", part.get("exclusiveMinimum", -1e6))
    high = part.get("maximum", 1e6)
    if kind == "integer":
        return st.integers(int(low) + 1, int(high)) | st.just(int(low))
    if kind == "number":
        return st.floats(low, high, allow_nan=False) | st.sampled_from([low, high, 0, 1])
    return st.none()


def by_schema():
    """Trees of which each part is one that the schema takes; few of them are fleets."""
    return _taken(_schema())
