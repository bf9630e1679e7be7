"""Exact constants, the units the tool speaks, and the only code that turns a number into text.

A unit is part of a name: a field, a parameter or a metric ends in the suffix of its unit. ``_share`` is 0..1 of a
whole, ``_factor`` a multiplier, ``_count`` a count of things; percent exists only in text. Conversions live here, as
exact ratios, and nowhere else.
"""

from dataclasses import dataclass
from functools import lru_cache

HOURS_PER_YEAR = 8_760.0  # a billing year of 365 days; calendar years count their own days
MONTHS_PER_YEAR = 12.0
HOURS_PER_DAY = 24.0
SECONDS_PER_DAY = 86_400.0
SECONDS_PER_HOUR = 3_600.0
BYTES_PER_GBYTE = 1e9
BYTES_PER_TBYTE = 1e12
BITS_PER_BYTE = 8.0
TOKENS_PER_MTOKEN = 1e6
FLOPS_PER_TFLOPS = 1e12
FLOPS_PER_PFLOPS = 1e15
FLOPS_PER_EFLOPS = 1e18
WATTS_PER_MW = 1e6
KW_PER_MW = 1e3
STEFAN_BOLTZMANN_W_PER_M2_K4 = 5.670374419e-8  # 2 pi^5 k^4 / (15 h^3 c^2), fixed by the SI of 2019; to ten digits
GPU_DAYS_PER_RATE_UNIT = 1_000.0  # failure rates are given per 1,000 GPU-days


@dataclass(frozen=True)
class Unit:
    """A unit of measurement: the suffix names carry, and how a person reads it.

    Attributes
    ----------
    suffix : str
        What a name in this unit ends in, without the underscore.
    symbol : str
        What stands behind a number in text.
    style : str
        How ``text`` writes it: ``money``, ``share``, ``factor``, ``count``, ``time`` or ``plain``.
    meaning : str
        One phrase for the glossary.
    """

    suffix: str
    symbol: str
    style: str
    meaning: str


WHOLE = frozenset({"count", "tokens", "steps", "months", "dim"})  # of which studies take whole numbers only

_ALL = (
    Unit("share", "", "share", "0..1 of a whole, shown as percent"),
    Unit("share_per_yr", "", "share", "share of a year, shown as percent"),
    Unit("share_per_month", "", "share", "share of a month, shown as percent"),
    Unit("factor", "", "factor", "a multiplier"),
    Unit("count", "", "count", "a number of things"),
    Unit("dim", "", "count", "a tensor dimension"),
    Unit("usd", "", "money", "US dollars"),
    Unit("usd_per_yr", "/yr", "money", "US dollars per year of 8,760 hours"),
    Unit("usd_per_month", "/month", "money", "US dollars per month"),
    Unit("usd_per_gpu_h", "/GPU-h", "money", "US dollars per GPU and hour billed"),
    Unit("usd_per_gpu", "/GPU", "money", "US dollars per GPU"),
    Unit("usd_per_mwh", "/MWh", "money", "US dollars per megawatt-hour"),
    Unit("usd_per_mw", "/MW", "money", "US dollars per megawatt"),
    Unit("usd_per_mw_yr", "/MW-yr", "money", "US dollars per megawatt and year"),
    Unit("usd_per_kw_month", "/kW-month", "money", "US dollars per kilowatt and month"),
    Unit("usd_per_pflop_h", "/PFLOP-h", "money", "US dollars per hour of one delivered dense PFLOP/s"),
    Unit("gpu_h", "GPU-h", "count", "GPU-hours"),
    Unit("usd_per_mtoken", "/M tokens", "money", "US dollars per million tokens"),
    Unit("gpu_h_per_yr", "GPU-h/yr", "count", "GPU-hours per year"),
    Unit("mw", "MW", "plain", "megawatts"),
    Unit("kw", "kW", "plain", "kilowatts"),
    Unit("w", "W", "plain", "watts"),
    Unit("k", "K", "plain", "kelvin"),
    Unit("m2", "m²", "plain", "square metres"),
    Unit("w_per_m2", "W/m²", "plain", "watts per square metre"),
    Unit("s", "s", "time", "seconds"),
    Unit("h", "h", "plain", "hours"),
    Unit("month", "months", "plain", "months"),
    Unit("months", "months", "plain", "months"),
    Unit("yr", "yr", "plain", "years"),
    Unit("per_yr", "/yr", "plain", "per year"),
    Unit("tokens", "tokens", "count", "tokens"),
    Unit("tokens_per_s", "tokens/s", "count", "tokens per second"),
    Unit("steps", "steps", "count", "optimizer steps"),
    Unit("bits", "bit", "plain", "bits per number"),
    Unit("bytes", "B", "plain", "bytes per number"),
    Unit("byte", "B", "plain", "bytes"),
    Unit("gbyte", "GB", "plain", "gigabytes of 1e9 bytes"),
    Unit("byte_per_s", "B/s", "plain", "bytes per second"),
    Unit("flop_per_s", "FLOP/s", "plain", "floating-point operations per second"),
    Unit("flop_per_token", "FLOP/token", "plain", "floating-point operations per token"),
    Unit("gbyte_per_s", "GB/s", "plain", "gigabytes per second"),
    Unit("tbyte_per_s", "TB/s", "plain", "terabytes per second"),
    Unit("gbit_per_s", "Gbit/s", "plain", "gigabits per second"),
    Unit("tflop_per_s", "TFLOP/s", "plain", "1e12 floating-point operations per second"),
    Unit("pflop_per_s", "PFLOP/s", "count", "1e15 floating-point operations per second"),
    Unit("tpp", "TPP", "plain", "total processing performance: dense TOPS times bit length"),
    Unit("per_1000_gpu_day", "per 1,000 GPU-days", "plain", "events per 1,000 GPU-days"),
    Unit("per_mw", "/MW", "plain", "per facility megawatt"),
    Unit("gpu_min", "GPU-min", "plain", "GPU-minutes to train"),
    Unit("tokens_per_s_per_gpu", "tokens/s/GPU", "plain", "tokens per second and GPU"),
)
UNITS = {unit.suffix: unit for unit in _ALL}


@lru_cache(maxsize=100_000)
def unit_of(name: str) -> Unit | None:
    """The unit a name ends in: the longest matching suffix; None when the name carries no unit."""
    words = name.rsplit(".", 1)[-1].split("_")
    for start in range(len(words)):
        unit = UNITS.get("_".join(words[start:]))
        if unit is not None:
            return unit
    return None


def text(value: float | None, unit: str | None) -> str:
    """A number as a person reads it, with its unit.

    Parameters
    ----------
    value : float or None
        The number in the stored unit; None or NaN shows as a dash.
    unit : str or None
        A suffix of ``UNITS``; None writes the bare number.

    Returns
    -------
    str
        For example ``text(5_010_720_000, "usd_per_yr")`` is ``$5.011B/yr``, and ``text(0.1098, "share")`` is ``11.0%``.
    """
    if value is None or value != value:  # noqa: PLR0124 - NaN is the one number unlike itself
        return "—"
    known = UNITS.get(unit or "", Unit("", "", "plain", ""))
    if value in (float("inf"), float("-inf")):
        return f"{'-' if value < 0 else ''}infinite"
    shown = _STYLES[known.style](float(value), known.symbol)
    # What rounds to nothing has no sign.
    return shown.removeprefix("-") if not any(digit in shown for digit in "123456789") else shown


def _money(value: float, symbol: str) -> str:
    sign = "-" if value < 0 else ""
    size = abs(value)
    for scale, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M")):
        if size >= scale * 0.9999995:
            return f"{sign}${size / scale:,.3f}{letter}{symbol}"
    if size >= 999.995:
        return f"{sign}${size:,.0f}{symbol}"
    return f"{sign}${size:,.2f}{symbol}" if size >= 0.01 or size == 0.0 else f"{sign}${size:.3g}{symbol}"


def _share(value: float, _: str) -> str:
    size = abs(value) * 100.0
    digits = 1 if size >= 0.95 or size < 0.00005 else 2 if size >= 0.01 else 4
    return f"{value * 100.0:,.{digits}f}%"


def _factor(value: float, _: str) -> str:
    return f"{value:,.4f}" if abs(value) < 10.0 else f"{value:,.1f}"


def _count(value: float, symbol: str) -> str:
    if abs(value) >= 100.0 or value == round(value):
        shown = f"{value:,.0f}"
    else:
        shown = f"{value:,.1f}" if abs(value) >= 1.0 else f"{value:.3g}"
    return f"{shown} {symbol}".rstrip()


# The largest size of each unit of time, how many of it are a second, and its symbol.
_TIMES = (
    (999.5e-6, 1e6, "µs"),
    (0.9995, 1e3, "ms"),
    (119.5, 1.0, "s"),
    (7_170.0, 1.0 / 60.0, "min"),
    (171_000.0, 1.0 / SECONDS_PER_HOUR, "h"),
    (float("inf"), 1.0 / SECONDS_PER_DAY, "days"),
)


def _time(value: float, _: str) -> str:
    size = abs(value)
    if size == 0.0:
        return "0 s"
    scale, symbol = next((scale, symbol) for limit, scale, symbol in _TIMES if size < limit)
    scaled = value * scale
    return f"{scaled:,.3g} {symbol}" if abs(scaled) < 999.5 else f"{scaled:,.0f} {symbol}"


def _plain(value: float, symbol: str) -> str:
    size = abs(value)
    shown = f"{value:,.0f}" if size >= 999.95 else f"{value:.4g}"
    return f"{shown} {symbol}".rstrip()


_STYLES = {"money": _money, "share": _share, "factor": _factor, "count": _count, "time": _time, "plain": _plain}
