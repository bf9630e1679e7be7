import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc import units

LAW = settings(max_examples=60, deadline=None, derandomize=True)


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (5_010_720_000.0, "usd_per_yr", "$5.011B/yr"),
        (1.75e12, "usd", "$1.750T"),
        (240e6, "usd_per_month", "$240.000M/month"),
        (-1.5e9, "usd", "-$1.500B"),
        (999_960.0, "usd", "$999,960"),
        (999_999.6, "usd", "$1.000M"),
        (float("inf"), "usd", "infinite"),
        (-0.0, "usd", "$0.00"),
        (33_000.0, "usd_per_gpu", "$33,000/GPU"),
        (999.5, "usd", "$999.50"),
        (2.2, "usd_per_gpu_h", "$2.20/GPU-h"),
        (0.0, "usd", "$0.00"),
    ],
)
def test_money_scales_to_millions_billions_and_trillions(value, unit, shown):
    assert units.text(value, unit) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.1098, "11.0%"),
        (1.0, "100.0%"),
        (0.0, "0.0%"),
        (0.005, "0.50%"),
        (0.00001, "0.0010%"),
        (-0.25, "-25.0%"),
        (12.5, "1,250.0%"),
    ],
)
def test_a_share_is_shown_as_percent_with_digits_that_matter(value, shown):
    assert units.text(value, "share") == shown


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (220_000.0, "count", "220,000"),
        (3.0, "count", "3"),
        (3.25, "count", "3.2"),
        (1234.56, "count", "1,235"),
        (8192.0, "dim", "8,192"),
        (200e6, "tokens", "200,000,000 tokens"),
        (1.9272e9, "gpu_h_per_yr", "1,927,200,000 GPU-h/yr"),
        (-4.0, "count", "-4"),
    ],
)
def test_a_count_is_whole_when_it_is_whole_or_large(value, unit, shown):
    assert units.text(value, unit) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0 s"),
        (2.5e-6, "2.5 µs"),
        (0.0199, "19.9 ms"),
        (1.0, "1 s"),
        (90.0, "90 s"),
        (600.0, "10 min"),
        (7_200.0, "2 h"),
        (-90.0, "-90 s"),
    ],
)
def test_a_time_in_seconds_is_shown_in_the_unit_people_would_use(value, shown):
    assert units.text(value, "s") == shown


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (1.25, "factor", "1.2500"),
        (-0.5, "factor", "-0.5000"),
        (12.34, "factor", "12.3"),
        (300.0, "mw", "300 MW"),
        (989.4, "tflop_per_s", "989.4 TFLOP/s"),
        (4_500.0, "tflop_per_s", "4,500 TFLOP/s"),
        (36.0, "months", "36 months"),
        (0.8, "per_1000_gpu_day", "0.8 per 1,000 GPU-days"),
        (1.5, None, "1.5"),
        (1.5, "no_such_unit", "1.5"),
    ],
)
def test_factors_and_plain_numbers_keep_four_places(value, unit, shown):
    assert units.text(value, unit) == shown


@pytest.mark.parametrize("unit", [None, *units.UNITS])
@pytest.mark.parametrize("missing", [None, float("nan")])
def test_no_value_is_a_dash_in_every_unit(unit, missing):
    assert units.text(missing, unit) == "—"


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("price_usd_per_mwh", "usd_per_mwh"),
        ("lease.run_rate_revenue_usd_per_yr", "usd_per_yr"),
        ("pools.gb200.lease.mean_rate_usd_per_gpu_h", "usd_per_gpu_h"),
        ("pools.usd.gpu_count", "count"),
        ("failures_per_1000_gpu_day", "per_1000_gpu_day"),
        ("revenue_usd_per_mw_yr", "usd_per_mw_yr"),
        ("share", "share"),
    ],
)
def test_the_unit_of_a_name_is_its_longest_known_ending(name, suffix):
    assert units.unit_of(name) is units.UNITS[suffix]


@pytest.mark.parametrize("name", ["", "title", "usd.name", "shares", "microsecond"])
def test_a_name_without_a_known_ending_has_no_unit(name):
    assert units.unit_of(name) is None


def test_every_unit_is_listed_once_under_its_suffix():
    assert len(units.UNITS) == len(units._ALL)
    assert all(suffix == unit.suffix for suffix, unit in units.UNITS.items())


@pytest.mark.parametrize("unit", units.UNITS.values(), ids=lambda unit: unit.suffix)
def test_every_unit_has_a_meaning_and_stands_behind_its_number(unit):
    assert unit.meaning
    shown = units.text(3.0, unit.suffix)
    assert shown.endswith({"share": "%", "time": "s"}.get(unit.style, unit.symbol))


def test_a_billing_year_has_365_days():
    assert units.HOURS_PER_YEAR * units.SECONDS_PER_HOUR == 365 * units.SECONDS_PER_DAY


@LAW
@given(st.floats(min_value=0.01, max_value=9e14), st.sampled_from(["usd", "usd_per_yr", "count", "share", "mw"]))
def test_the_sign_is_all_that_changes_for_a_negative_number(value, unit):
    assert units.text(-value, unit) == "-" + units.text(value, unit)


@LAW
@given(st.floats(min_value=1.0, max_value=9e14))
def test_money_reads_back_to_within_what_is_shown(value):
    digits, letter = re.fullmatch(r"\$([0-9,.]+)([MBT]?)", units.text(value, "usd")).groups()
    scale = {"": 1.0, "M": 1e6, "B": 1e9, "T": 1e12}[letter]
    assert float(digits.replace(",", "")) * scale == pytest.approx(value, rel=6e-4, abs=0.005)
