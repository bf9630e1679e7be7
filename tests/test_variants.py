"""A fleet with one thing changed: the same whether it is set in the file, on the command line, or by a study."""

import re
from collections.abc import Mapping
from copy import copy
from dataclasses import fields, is_dataclass

import numpy as np
import pytest

from colocalc.case import lower, numbers, varied
from colocalc.case.ledger import Ledger
from colocalc.catalog import fleet_names, load_catalog
from colocalc.errors import ColocalcError
from colocalc.figure import Figure
from colocalc.study.evaluate import evaluate
from colocalc.variants import Variants

CATALOG = load_catalog()
SMALL = b"""
name: small
pools: [{name: a, gpu: h100-sxm, count: {value: 1_024, low: 1_000, source: mirae-2026-05}}, {name: b, gpu: h200-sxm, count: 512}]
site: {facility_power_mw: 2, energy_price_usd_per_mwh: 50}
training: {model: llama-3.1-8b, sequence_tokens: 8192, global_batch_tokens: 16_777_216, layout: {tp: 2, pp: 2, vpp: 2}}
lease: {rate_card: story-2026-05, billed_share: 0.9}
finance: {loss_usd: 20e6, loss_months: 12}
scenarios:
  half: {set: {pools.a.count: 512}}
"""
# Told of a case, and computes nothing.
TELLING = {
    "assumptions",
    "remarks",
    "read_by",
    "made",
    "title",
    "scenario",
    "rate_sources",
    "card_notes",
    "definitions",
    "gpus",
}


def small(*sets, **options):
    return Variants("-", CATALOG, stdin=SMALL, sets=sets, **options)


def parts(of, path="case"):
    """Everything in a case that is computed with, by where it stands."""
    if is_dataclass(of) and not isinstance(of, type):
        for field in fields(of):
            if field.name not in TELLING:
                yield from parts(getattr(of, field.name), f"{path}.{field.name}")
    elif isinstance(of, Mapping):
        for key in of:
            yield from parts(of[key], f"{path}.{key}")
    elif isinstance(of, tuple):
        for place, inner in enumerate(of):
            yield from parts(inner, f"{path}.{place}")
    else:
        yield path, (of.shape, of.tobytes()) if isinstance(of, np.ndarray) else of


def unlike(one, other):
    """Where two cases differ in what is computed from them, to the bit."""
    ours, theirs = dict(parts(one)), dict(parts(other))
    return [path for path in {**ours, **theirs} if ours.get(path) != theirs.get(path)]


def another(row):
    """A value that the number may have and has not."""
    if row.unit == "share":
        return 0.7 * row.value + 0.1
    if row.unit in {"count", "tokens", "months", "steps"} or ".layout." in row.path:
        return 2.0 * row.value or 8.0
    return 1.25 * row.value or 0.01


# A study's shortcut


@pytest.mark.parametrize("name", fleet_names())
def test_a_case_with_one_number_varied_is_the_fleet_lowered_with_it(name):
    fleet = Variants(name, CATALOG)
    rows = numbers(fleet.case)

    assert rows
    for path, row in rows.items():
        value = another(row)
        quick = varied(fleet.case, fleet.fleet, fleet.loaded.catalog, {path: value})
        whole = lower(fleet.fleet, fleet.loaded.catalog, instead={path: value})
        assert not unlike(quick, whole), path


@pytest.mark.parametrize("sets", [("training.split=partitions",), ("training.layout=auto",), ("training=null",)])
def test_whatever_else_is_set(sets):
    fleet = small(*sets)
    for path, row in numbers(fleet.case).items():
        quick = varied(fleet.case, fleet.fleet, fleet.loaded.catalog, {path: another(row)})
        whole = lower(fleet.fleet, fleet.loaded.catalog, instead={path: another(row)}, like=fleet.case)
        assert not unlike(quick, whole), path


def test_varying_a_number_moves_something_that_is_computed():
    fleet = small()
    still = [path for path, row in numbers(fleet.case).items() if not unlike(fleet.case, fleet.at(path, another(row)))]

    assert still == []


def test_a_number_set_to_what_it_is_changes_nothing():
    fleet = small()
    for path, row in numbers(fleet.case).items():
        assert not unlike(fleet.case, fleet.at(path, row.value)), path


def test_a_case_is_left_as_it_was():
    fleet = small()
    before = float(fleet.case.pools.gpu_count[0])

    assert float(fleet.at("pools.a.count", 8_192.0).pools.gpu_count[0]) == 8_192.0
    assert float(fleet.case.pools.gpu_count[0]) == before == 1_024.0


def test_numbers_are_those_that_are_not_computed():
    fleet = small("training.layout=auto")
    found = numbers(fleet.case)

    assert "training.parameter_count" not in found
    assert "training.layout.tp" not in found  # by the rule
    assert "training.layout.zero_stage" not in found
    assert found["pools.a.count"].value == 1_024.0
    assert all(isinstance(row.value, float) for row in found.values())


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "calibration.scale_loss_shar",
            'assumptions: no assumption of this fleet is called "calibration.scale_loss_shar"; did you mean calibration.scale_loss_share?',
        ),
        (
            "zzz",
            'assumptions: no assumption of this fleet is called "zzz"; the assumptions of --format json name all of them',
        ),
        (
            "training.parameter_count",
            "assumptions: training.parameter_count: is computed from other numbers: set those",
        ),
        (
            "\x1b[31mx",
            'assumptions: no assumption of this fleet is called "\\x1b[31mx"; the assumptions of --format json name all of them',
        ),
    ],
)
def test_a_number_the_fleet_does_not_have_cannot_be_replaced(path, message):
    fleet = small()
    with pytest.raises(ColocalcError) as caught:
        lower(fleet.fleet, fleet.loaded.catalog, instead={path: 1.0})

    assert str(caught.value) == message


def test_several_numbers_can_be_replaced_at_once():
    fleet = small()
    both = lower(fleet.fleet, fleet.loaded.catalog, instead={"pools.a.count": 8.0, "finance.loss_usd": 1.0})

    assert (float(both.pools.gpu_count[0]), float(both.loss.loss_usd)) == (8.0, 1.0)
    assert lower(fleet.fleet, fleet.loaded.catalog, instead={}).pools.gpu_count.tolist() == [1_024.0, 512.0]


# The same by every way


def file_with(text):
    return Variants("-", CATALOG, stdin=SMALL + text.encode())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("calibration.scale_loss_share", 0.25),
        ("predict.attention.hopper_share", 0.8),
        ("software.megatron_factor", 0.7),
        ("networks.nccl-ethernet.ring_inter_hop_s", 1e-4),
        ("gpus.h100-sxm.best_matmul_bf16_tflop_per_s", 500.0),
        ("gpus.h200-sxm.server_power_w", 2_000.0),
        ("cards.story-2026-05.h100-sxm.rate_usd_per_gpu_h", 9.0),
        ("training.model_error_factor", 1.25),
        ("sites.site.typical_draw_share", 0.5),
        ("claims.tolerance_share", 0.2),
    ],
)
def test_an_assumption_is_the_same_in_the_file_by_option_and_in_a_study(path, value):
    in_file, by_option = file_with(f"assumptions: {{{path}: {value}}}\n").case, small(f"{path}={value}").case
    in_study = small().at(path, value)

    assert not unlike(in_file, by_option)
    assert not unlike(in_file, in_study)
    assert unlike(in_file, small().case)
    row = numbers(in_file)[path]
    assert (row.value, row.origin) == (value, "given")


def edited(catalog, path, value):
    """The catalog with one of its defaults, or one figure of a GPU, written otherwise."""
    other = copy(catalog)
    if path in catalog.defaults:
        other.defaults = {**catalog.defaults, path: catalog.defaults[path].model_copy(update={"value": value})}
    else:
        _, name, field = path.split(".")
        gpu = catalog.gpus[name].model_copy(update={field: Figure(value)})
        other.gpus = {**{key: catalog.gpus[key] for key in ("h100-sxm", "h200-sxm")}, name: gpu}
    return other


def test_an_assumption_replaced_is_the_catalog_edited():
    fleet = small()
    catalog = fleet.loaded.catalog
    gpu_figure = re.compile(r"gpus\.h[12]00-sxm\.(?!measured|peak_|best_)\w+_(w|gbyte|count|s)")
    paths = [
        path
        for path, row in numbers(fleet.case).items()
        if (row.origin == "assumed" and path in catalog.defaults) or gpu_figure.fullmatch(path)
    ]

    assert len(paths) > 25
    for path in paths:
        value = another(numbers(fleet.case)[path])
        assert not unlike(fleet.at(path, value), lower(fleet.fleet, edited(catalog, path, value))), path


def test_every_number_is_the_same_by_option_and_in_a_study():
    fleet = small()
    paths = [path for path in numbers(fleet.case) if path != "finance.reference.mfu_share"]

    for path in paths:
        value = another(numbers(fleet.case)[path])
        written = f"{value:.0f}" if value == round(value) else repr(value)
        assert not unlike(fleet.at(path, value), small(f"{path}={written}").case), path


def test_the_numbers_of_a_gpu_of_the_files_own_can_be_set_as_they_are_listed():
    own = SMALL.replace(b"gpu: h200-sxm", b"gpu: mine") + (
        b"gpus: {mine: {title: Mine, vendor: Me, family: hopper, hbm_gbyte: 80,"
        b" peak_tflop_per_s: {bf16: 500}, best_matmul_tflop_per_s: {bf16: 400}}}\n"
    )
    fleet = Variants("-", CATALOG, stdin=own, sets=("lease.rate_usd_per_gpu_h=1",))
    paths = [path for path in numbers(fleet.case) if path.startswith("gpus.mine.")]

    assert {"gpus.mine.peak_bf16_tflop_per_s", "gpus.mine.hbm_gbyte"} <= set(paths)
    for path in paths:
        assert not unlike(fleet.at(path, 450.0), fleet.with_sets(f"{path}=450").case), path


# Where a key is not there yet


def test_a_key_the_file_does_not_have_can_be_had():
    fleet = small()

    assert fleet.at("lease.rate_usd_per_gpu_h", 3.0).lease.rate_usd_per_gpu_h.tolist() == [3.0, 3.0]
    assert fleet.at("lease.rate_usd_per_gpu_h", 4.0).lease.rate_usd_per_gpu_h.tolist() == [4.0, 4.0]
    assert np.isnan(fleet.case.lease.fee_usd_per_month).all()
    assert float(fleet.at("lease.fee_usd_per_month", 5.0).lease.fee_usd_per_month[0]) == 5.0


def test_a_value_that_is_refused_first_does_not_spoil_the_next():
    fleet = small()
    for _ in range(2):
        with pytest.raises(ColocalcError):
            fleet.at("lease.sold_share", 1.5)

    assert fleet.at("lease.sold_share", 0.5).lease.billed_share.tolist() == [0.5, 0.5]


@pytest.mark.parametrize("key", ["lease.nosuch", "nosuch", "pools.c.count", "lease.rate_card", "", "."])
def test_a_key_that_leads_nowhere_or_to_no_number_is_refused(key):
    with pytest.raises(ColocalcError):
        small().at(key, 5.0)


@pytest.mark.parametrize(("key", "value"), [("training.layout.vpp", 32.0), ("training.layout.tp", 2_048.0)])
def test_degrees_of_a_layout_must_fit_as_they_do_in_a_file(key, value):
    with pytest.raises(ColocalcError):
        small().at(key, value)
    assert float(evaluate(small().at("training.layout.vpp", 4.0)).metrics["mfu.job_share"]) > 0.0


def test_a_fleet_settled_on_a_value_has_its_assumptions():
    fleet = small()

    for key in ("pools.a.count", "lease.rate_usd_per_gpu_h", "calibration.scale_loss_share", "training.layout.vpp"):
        settled = fleet.settled(key, 1.0)
        assert numbers(settled)[key].value == 1.0
        assert not unlike(settled, fleet.at(key, 1.0))


def test_scenarios_and_overrides_are_kept():
    fleet = small("finance.loss_usd=5e6")
    there = fleet.in_scenario("half")

    assert there.case.pools.gpu_count.tolist() == [512.0, 512.0]
    assert float(there.case.loss.loss_usd) == 5e6
    assert there.in_scenario("half") is there
    assert there.in_scenario(None).case.pools.gpu_count.tolist() == [1_024.0, 512.0]
    assert float(there.with_sets("pools.a.count=8").case.pools.gpu_count[0]) == 8.0
    assert fleet.sets == ("finance.loss_usd=5e6",)


def test_a_figure_is_what_the_file_says():
    fleet = small()

    count = fleet.figure("pools.a.count")
    assert (count.value, count.low, count.high, count.source) == (1_024.0, 1_000.0, None, "mirae-2026-05")
    assert fleet.figure("finance.loss_months").value == 12.0
    for key in ("finance.valuation_usd", "finance", "pools", "pools.c.count", "training.model", "lease.x.y", ""):
        assert fleet.figure(key) is None, key


@pytest.mark.parametrize("value", [1e-7, 1e16, 0.1 + 0.2, 123456789.0, 5.0])
def test_a_number_survives_being_written_and_read(value):
    assert small(f"finance.loss_usd={value!r}").case.loss.loss_usd == value
    assert (
        float(
            Variants("-", CATALOG, stdin=b"name: x\npools: [{gpu: h100-sxm, count: 8}]\n")
            .at("finance.loss_usd", value)
            .loss.loss_usd
        )
        == value
    )


# Pieces that are kept


def test_a_piece_is_made_anew_only_where_a_number_it_asks_for_or_what_it_is_made_of_has_moved():
    base = Ledger(CATALOG, {})
    material = object()

    def piece(ledger, of=material):
        return ledger.unmoved("piece", lambda: [ledger.number("a_count", 1.0, "mfu")], of)

    made = piece(base)

    def varied(path):
        return Ledger(CATALOG, {path: Figure(2.0)}, remembers=False, made=base.made, moved=(path,))

    assert made == [1.0]
    assert piece(varied("b_count")) is made
    assert piece(varied("a_count")) == [2.0]
    assert piece(varied("b_count"), object()) is not made
