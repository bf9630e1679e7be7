"""Every number of a lease varied alone: a grid says of it what the fleet says with that value, of every metric."""

import numpy as np
import pytest

from colocalc.case import numbers
from colocalc.catalog import load_catalog
from colocalc.errors import ColocalcError
from colocalc.study.engine import Engine
from colocalc.study.evaluate import evaluate, values
from colocalc.study.over import Axis
from colocalc.study.sweep import sweep
from colocalc.variants import Variants

FLEET = b"""
name: rich
as_of: 2026-05-01
pools: [{name: a, gpu: h100-sxm, count: 1_024, site: s}, {name: b, gpu: h200-sxm, count: 512, site: s}]
sites: {s: {facility_power_mw: 3, energy_price_usd_per_mwh: 50, pue_factor: 1.3}}
contracts:
  - name: one
    pools: [a]
    rate_usd_per_gpu_h: 2
    start: 2026-06-16
    months: 30
    ramp_months: 3
    prepayment: {revenue_share: 0.2}
    notice: {months: 3, after_months: 6, share_per_month: 0.01}
    market: {rate_usd_per_gpu_h: 1.5, months: 6, gap_months: 1, change_share_per_yr: -0.1}
  - name: two
    pools: [b]
    fee_usd_per_month: 900_000
    start: 2026-09-01
    months: 24
    escalator_share_per_yr: 0.02
    sla: {availability_share: 0.98, promised_share: 0.99, credit_share: 0.1}
    power_passthrough_share: 0.5
    market: {rate_usd_per_gpu_h: 1.6, months: 9, gap_months: 2}
costs:
  capital_usd_per_gpu: {h100-sxm: 30_000, h200-sxm: 35_000}
  data_centre_usd_per_mw: 9e6
  operations_usd_per_yr: 1e6
  escalator_share_per_yr: 0.03
depreciation: {book_life_yr: 4, tax_life_yr: 5, book_method: declining-balance, residual_share: 0.1}
debt: {sizing: dscr, target_dscr_factor: 1.3, interest_share: 0.09, tenor_months: 24, reserve_months: 3}
finance: {discount_rate_share: 0.1, tax_rate_share: 0.21, loss_usd: 1e8, loss_months: 12, valuation_usd: 1e9}
"""
BLOCKS = ("contracts.", "sites.", "costs.", "depreciation.", "debt.", "finance.", "pools.")


@pytest.fixture(scope="module")
def rich():
    return Variants("-", load_catalog(), stdin=FLEET)


@pytest.mark.parametrize("block", BLOCKS)
def test_a_grid_over_any_number_says_what_the_fleet_says(rich, block):
    names = tuple(name for name in evaluate(rich.case).metrics if name.startswith(("lease.", "hedge.")))
    keys = [key for key in numbers(rich.case) if key.startswith(block)]
    assert keys
    for key in keys:
        now = float(numbers(rich.case)[key].value)
        more = now + 1.0 if key.endswith(("_months", "_count", "_yr", ".count")) else now * 0.9 or 0.05
        axis = Axis(key, tuple(sorted((now, more))))
        try:
            alone = [values(rich.given({key: value}).case, names) for value in axis.values]
        except ColocalcError:
            continue  # this number is tied to others
        found = sweep(rich, [axis], names, engine=Engine("serial", 1, None), block_size=None)
        for place, one in enumerate(alone):
            for name in names:
                where = f"{name} at {key} {axis.values[place]}"
                np.testing.assert_allclose(found.columns[name][place], one[name], rtol=1e-8, err_msg=where)
