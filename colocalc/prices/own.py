"""A rate card of one's own as CSV: gpu, term, rate_usd_per_gpu_h, and region and as_of where they are known."""

from dataclasses import dataclass
from typing import Final, get_args

from colocalc.card import Term
from colocalc.errors import did_you_mean, quoted
from colocalc.prices import is_date
from colocalc.prices.rows import Rows

_REQUIRED: Final = ("gpu", "term", "rate_usd_per_gpu_h")
_COLUMNS: Final = (*_REQUIRED, "region", "as_of")
_TERMS: Final[tuple[str, ...]] = get_args(Term)
_MAX_NAME = 500


@dataclass(frozen=True)
class OwnRate:
    """One price as the file has it; region and date are empty where the file does not tell them."""

    gpu: str
    term: str
    region: str
    rate_usd_per_gpu_h: float
    as_of: str


def read_own(source: bytes, name: str) -> list[OwnRate]:
    """The prices of a file in the order they stand.

    Raises
    ------
    InputError
        With every fault of the file, up to a thousand.
    """
    rows = Rows(source, name, _REQUIRED)
    for column in rows.header:
        if column not in _COLUMNS:
            rows.fault(f"unknown column {quoted(column)}", hint=did_you_mean(column, _COLUMNS), line=1)
    first: dict[tuple[str, str, str], int] = {}
    found = []
    for cells in rows:
        rate = _rate(rows, dict(zip(rows.header, map(str.strip, cells), strict=True)))
        if rate is None:
            continue
        earlier = first.setdefault((rate.gpu, rate.term, rate.region), rows.line)
        if earlier != rows.line:
            rows.fault(f"prices {quoted(rate.gpu)} {rate.term} a second time; line {earlier} has it already")
        found.append(rate)
    rows.finish()
    if not found:
        rows.fault("no rows behind the header", line=1)
        rows.finish()
    return found


def _rate(rows: Rows, cells: dict[str, str]) -> OwnRate | None:
    gpu, term, region, as_of = (cells.get(column, "") for column in ("gpu", "term", "region", "as_of"))
    before = len(rows.faults)
    for column, text in (("gpu", gpu), ("region", region)):
        if len(text) > _MAX_NAME:
            rows.fault(f"longer than {_MAX_NAME} characters", column)
    if not gpu:
        rows.fault("should not be empty", "gpu")
    if term not in _TERMS:
        hint = did_you_mean(term, _TERMS)
        rows.fault(f"should be one of {', '.join(_TERMS)}, not {quoted(term)}", "term", hint=hint)
    if as_of and not is_date(as_of):
        rows.fault(f"should be a date such as 2026-05-08, not {quoted(as_of)}", "as_of")
    usd = rows.number(cells["rate_usd_per_gpu_h"], "rate_usd_per_gpu_h")
    return OwnRate(gpu, term, region, usd, as_of) if usd is not None and len(rows.faults) == before else None
