"""How a spreadsheet shows a number of one of our units."""

from typing import Final

from colocalc.units import UNITS

GENERAL: Final = "General"


def number_format(unit: str | None, size: float, *, has_symbol: bool = True) -> str:
    """The format of a cell.

    Parameters
    ----------
    unit : str or None
        A suffix of ``colocalc.units.UNITS``; None for a number without a unit.
    size : float
        The largest number, without its sign, that stands with it: it decides the scale and the digits.
    has_symbol : bool
        Whether the number is followed by its unit, where nothing beside it says it.

    Returns
    -------
    str
        For example ``$#,##0.0,,"M"`` for millions of dollars, with what stands before a negative number.
    """
    known = UNITS.get(unit or "")
    if known is None:
        return GENERAL
    shown = _STYLES[known.style](size, known.symbol if has_symbol else "")
    # Nothing among thousands is a dash.
    return f'{shown};-{shown};"-"' if size >= _THOUSANDS and known.style in {"money", "count"} else f"{shown};-{shown}"


def _money(size: float, symbol: str) -> str:
    if size >= _MILLIONS:
        return f'$#,##0.{"0" if size >= _MANY_MILLIONS else "00"},,"M{symbol}"'
    if size >= _THOUSANDS:
        return f"$#,##0{_quoted(symbol)}"
    return f"${'0.000000' if 0.0 < size < 0.01 else '#,##0.00'}{_quoted(symbol)}"


def _share(size: float, _: str) -> str:
    return "0.0%" if size >= 0.01 or size == 0.0 else "0.00%" if size >= 1e-4 else "0.000000%"


def _factor(size: float, _: str) -> str:
    return "0.0000" if size < 10.0 else "#,##0.0"


def _count(size: float, symbol: str) -> str:
    behind = f" {symbol}".rstrip()
    if size >= _LONG:
        return f'#,##0.0,,"M{behind}"'
    if size >= 100.0 or size == round(size):
        return f"#,##0{_quoted(behind)}"
    return f"{'#,##0.0' if size >= 1.0 else '0.0000'}{_quoted(behind)}"


def _plain(size: float, symbol: str) -> str:
    behind = f" {symbol}".rstrip()
    if size >= _HUGE or 0.0 < size < 1e-3:
        return f"0.000E+00{_quoted(behind)}"
    if size >= _MILLIONS:
        return f'#,##0.0,,"M{behind}"'
    if size >= _THOUSANDS:
        return f"#,##0{_quoted(behind)}"
    digits = "0" if size == round(size) else "0.00" if size >= 1.0 else "0.0000"
    return digits + _quoted(behind)


def _quoted(symbol: str) -> str:
    return f'"{symbol}"' if symbol else ""


_THOUSANDS: Final = 1e3
_MILLIONS: Final = 1e6
_MANY_MILLIONS: Final = 1e8
_LONG: Final = 1e9  # counts below are read in full
_HUGE: Final = 1e12
_STYLES: Final = {
    "money": _money,
    "share": _share,
    "factor": _factor,
    "count": _count,
    "time": _plain,
    "plain": _plain,
}
