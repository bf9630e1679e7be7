"""Finance functions by the names that spreadsheets and numpy-financial give them.

Reference cases call them by name and by position, so they take positional arguments in the order, with the signs and
with the defaults of numpy-financial and, where it has no such function, of Excel: the one exception to keyword-only
parameters, unit suffixes and no numeric defaults. Flows and periods are the last axis; any axes may stand in front.
"""

from colocalc.lease.annuity import fv, nper, pmt, pv, rate
from colocalc.lease.dates import xirr, xnpv
from colocalc.lease.depreciation import db, ddb, macrs, sln, syd, vdb
from colocalc.lease.loan import cumipmt, cumprinc, ipmt, ppmt
from colocalc.lease.returns import (
    discounted_payback,
    irr,
    irr_roots,
    mirr,
    moic,
    npv,
    npv_excel,
    npv_mid_year,
    payback,
)
from colocalc.lease.sizing import crf, debt_from_dscr, levelized_cost, llcr, plcr

__all__ = [
    "crf",
    "cumipmt",
    "cumprinc",
    "db",
    "ddb",
    "debt_from_dscr",
    "discounted_payback",
    "fv",
    "ipmt",
    "irr",
    "irr_roots",
    "levelized_cost",
    "llcr",
    "macrs",
    "mirr",
    "moic",
    "nper",
    "npv",
    "npv_excel",
    "npv_mid_year",
    "payback",
    "plcr",
    "pmt",
    "ppmt",
    "pv",
    "rate",
    "sln",
    "syd",
    "vdb",
    "xirr",
    "xnpv",
]
