"""The sheet of pools: counts, rates, hours billed, revenue of a year, and each pool's part of power and capital."""

from collections.abc import Sequence

import numpy as np

from colocalc.report.formula import Span, Term, added, most, ratio, term, total, when
from colocalc.report.views.model.build import Build, Contract, Fleet, known, one
from colocalc.report.views.model.grid import Grid
from colocalc.report.workbook import Series, SheetChart
from colocalc.units import HOURS_PER_YEAR, MONTHS_PER_YEAR

NAME = "Rate card"
_COLUMNS = (
    ("Pool", None),
    ("GPU", None),
    ("Contract", None),
    ("GPUs", "count"),
    ("Rate", "usd_per_gpu_h"),
    ("Billed", "share"),
    ("Hours billed a year", "gpu_h_per_yr"),
    ("Revenue", "usd_per_yr"),
    ("Of total", "share"),
    ("Earned in an hour", "usd"),
    ("Of the fee", "share"),
    ("At the market, an hour", "usd"),
    ("Weight in its site", "w"),
    ("Of its site", "share"),
    ("Capital", "usd"),
)
_WIDTHS = {"gpu_h_per_yr": 21.0, "count": 11.0, "share": 11.0}
_PLACE = {title: place for place, (title, _) in enumerate(_COLUMNS)}


def write(build: Build) -> Fleet:
    """The pools of the fleet, one to a row, and their total."""
    names = build.case.pools.names
    grid = build.grid(NAME)
    grid.widths = {place: 24.0 if unit is None else _WIDTHS.get(unit, 15.0) for place, (_, unit) in enumerate(_COLUMNS)}
    grid.title("Rate card: what each pool earns in a year of 8,760 hours", (_CAPTION,))
    grid.words(grid.row(), [title for title, _ in _COLUMNS], "heading")
    grid.frozen = (grid.next_row, 1)
    sheet = _Pools(build, grid, _contracts(build), grid.row(len(names)))
    fleet = sheet.written()
    sheet.charted()
    if build.result.lease is not None:
        build.metrics.update(
            {
                "lease.run_rate_revenue_usd_per_yr": fleet.revenue_usd_per_yr,
                "lease.billed_gpu_h_per_yr": fleet.billed_gpu_h,
                "lease.mean_rate_usd_per_gpu_h": grid.put(
                    (sheet.last + 1, _PLACE["Rate"]),
                    ratio(fleet.revenue_usd_per_yr, fleet.billed_gpu_h),
                    unit="usd_per_gpu_h",
                    role="total",
                ),
            }
        )
    build.metrics["fleet.gpu_count"] = grid.put(
        (sheet.last + 1, _PLACE["GPUs"]), total(sheet.column("GPUs")), unit="count", role="total"
    )
    return fleet


_CAPTION = "Revenue = GPUs x billed share x 8,760 h x rate, or twelve fees. A weight is nameplate watts of servers."


def _contracts(build: Build) -> tuple[Contract, ...]:
    lease = build.case.lease
    if lease is None:
        return ()
    found = []
    for number, terms in enumerate(build.case.terms):
        path = "lease" if terms.name == "lease" and build.inputs.has("lease.available_share") else None
        path = path or f"contracts.{terms.name}"
        fee = lease.fee_usd_per_month[number]
        found.append(
            Contract(
                name=terms.name,
                path=path,
                pools=terms.pools,
                terms=terms,
                billed_share=_billed(build, path, one(lease.billed_share[terms.pools[0]])),
                fee_usd_per_month=build.inputs.number(f"{path}.fee_usd_per_month", fee) if known(fee) else None,
            )
        )
    return tuple(found)


def _billed(build: Build, path: str, held: float) -> Term:
    """The share of hours billed from what the file says of it."""
    rows = {row.path: one(row.value) for row in build.case.assumptions if isinstance(row.value, float)}

    def given(name: str) -> Term:
        return build.inputs.number(f"{path}.{name}", rows[f"{path}.{name}"])

    offered = given("available_share")
    if build.inputs.has(f"{path}.sold_share"):
        found = offered * most(given("sold_share"), given("take_or_pay_share"))
    else:
        found = offered * given("billed_share")
    return found if np.isclose(one(found.value), held) else build.inputs.number(f"{path}.hours_billed_share", held)


class _Pools:
    """The rows of the sheet while they are written."""

    def __init__(self, build: Build, grid: Grid, contracts: tuple[Contract, ...], first: int) -> None:
        self.build, self.grid, self.contracts = build, grid, contracts
        self.pools = build.case.pools
        self.first = first
        self.last = first + len(self.pools.names) - 1

    def put(self, pool: int, title: str, content: Term | str) -> Term:
        """A cell of a pool."""
        unit = dict(_COLUMNS)[title]
        place = (self.first + pool, _PLACE[title])
        return self.grid.put(place, content, unit=unit, role="text" if isinstance(content, str) else "formula")

    def column(self, title: str) -> Span:
        """All cells of pools under a heading."""
        return self.grid.span((self.first, _PLACE[title]), (self.last, _PLACE[title]))

    def written(self) -> Fleet:
        """All columns, and their sums."""
        every = range(len(self.pools.names))
        held = [next((one for one in self.contracts if pool in one.pools), None) for pool in every]
        for pool, contract in enumerate(held):
            self.put(pool, "Pool", self.pools.names[pool])
            self.put(pool, "GPU", self.pools.gpus[pool].id)
            self.put(pool, "Contract", contract.name if contract else "none")
        counts = [self.put(pool, "GPUs", self._count(pool)) for pool in every]
        rates = [self._rate(pool, contract) for pool, contract in enumerate(held)]
        billed = [self.put(pool, "Billed", c.billed_share if c else term(0.0)) for pool, c in enumerate(held)]
        hours = [self.put(pool, "Hours billed a year", counts[pool] * billed[pool] * HOURS_PER_YEAR) for pool in every]
        hour = [self._hour(pool, rates[pool], counts[pool] * billed[pool]) for pool in every]
        weights = [self._fee_weight(pool, held[pool], hours, counts) for pool in every]
        revenue = [self.put(pool, "Revenue", self._revenue(held[pool], hour[pool], weights[pool])) for pool in every]
        sums = [self._total(title) for title in ("Hours billed a year", "Revenue")]
        for pool in every:
            self.put(pool, "Of total", ratio(revenue[pool], sums[1]))
        shares, weight = self._site_shares(counts)
        return Fleet(
            contracts=self.contracts,
            gpu_count=counts,
            share_of_site=shares,
            site_weight=weight,
            capital_usd=[self._capital(pool, held[pool], counts[pool]) for pool in every],
            hour_usd=hour,
            fee_weight=weights,
            market_hour_usd=[self._market(pool, held[pool], counts[pool]) for pool in every],
            billed_gpu_h=sums[0],
            revenue_usd_per_yr=sums[1],
        )

    def _total(self, title: str) -> Term:
        self.grid.put((self.last + 1, 0), "total", role="total")
        place = (self.last + 1, _PLACE[title])
        return self.grid.put(place, total(self.column(title)), unit=dict(_COLUMNS)[title], role="total")

    def _count(self, pool: int) -> Term:
        name, definition = self.pools.names[pool], self.pools.definitions[pool]
        held = one(self.pools.gpu_count[pool])
        inputs, rows = self.build.inputs, self.build.case.assumptions
        values = {row.path: row.value for row in rows}
        counted = values.get(f"pools.{name}.count")
        per_path = f"gpus.{self.pools.gpus[pool].id}.{definition.counted_as}_gpu_count"
        per = values.get(per_path)
        if counted == held:
            return inputs.number(f"pools.{name}.count", held)
        if isinstance(counted, float) and isinstance(per, float) and counted * per == held:
            return inputs.number(f"pools.{name}.count", counted) * inputs.number(per_path, per)
        return inputs.number(f"pools.{name}.gpu_count", held)

    def _rate(self, pool: int, contract: Contract | None) -> Term | None:
        lease = self.build.case.lease
        if contract is None or lease is None or not known(lease.rate_usd_per_gpu_h[pool]):
            return None
        held, paths = one(lease.rate_usd_per_gpu_h[pool]), lease.rate_paths[pool]
        values = {row.path: row.value for row in self.build.case.assumptions}
        if len(paths) == 1 and values.get(paths[0]) == held:
            return self.put(pool, "Rate", self.build.inputs.number(paths[0], held))
        if paths[-1].endswith(".discount_share"):
            base, off = (self.build.inputs.number(path, values[path]) for path in paths)
            return self.put(pool, "Rate", base * (1.0 - off))
        note = f"frozen: {lease.rate_sources[pool]}"
        own = f"pools.{self.pools.names[pool]}.rate_usd_per_gpu_h"
        return self.put(pool, "Rate", self.build.inputs.number(own, held, note))

    def _hour(self, pool: int, rate: Term | None, gpus: Term) -> Term:
        return self.put(pool, "Earned in an hour", term(0.0) if rate is None else gpus * rate)

    def _fee_weight(self, pool: int, contract: Contract | None, hours: Sequence[Term], counts: Sequence[Term]) -> Term:
        if contract is None or contract.fee_usd_per_month is None:
            return self.put(pool, "Of the fee", term(0.0))
        billed, gpus = (added([values[each] for each in contract.pools]) for values in (hours, counts))
        alike = term(1.0 / len(contract.pools))
        by_count = when(gpus.above(0.0), counts[pool] / gpus, alike)
        return self.put(pool, "Of the fee", when(billed.above(0.0), hours[pool] / billed, by_count))

    @staticmethod
    def _revenue(contract: Contract | None, hour: Term, weight: Term) -> Term:
        if contract is not None and contract.fee_usd_per_month is not None:
            return contract.fee_usd_per_month * MONTHS_PER_YEAR * weight
        return hour * HOURS_PER_YEAR

    def _market(self, pool: int, contract: Contract | None, count: Term) -> Term:
        if contract is None or not known(contract.terms.market_rate_usd_per_gpu_h[pool]):
            return self.put(pool, "At the market, an hour", term(0.0))
        inputs, held = self.build.inputs, one(contract.terms.market_rate_usd_per_gpu_h[pool])
        gpu = self.pools.gpus[pool].id
        path = f"{contract.path}.market.rate_usd_per_gpu_h"
        if not inputs.has(path):
            cards = [row.path for row in self.build.case.assumptions if row.path.startswith("cards.")]
            priced = [each for each in cards if f".{gpu}." in each and each.endswith("rate_usd_per_gpu_h")]
            values = {row.path: row.value for row in self.build.case.assumptions}
            path = next((each for each in reversed(priced) if values[each] == held), path)
        sold = inputs.number(f"{contract.path}.market.sold_share", contract.terms.market_sold_share)
        return self.put(pool, "At the market, an hour", count * sold * inputs.number(path, held))

    def _site_shares(self, counts: Sequence[Term]) -> tuple[list[Term], list[Term]]:
        watts = self.pools.server_power_w
        all_known = known(watts)
        weights = []
        for pool, count in enumerate(counts):
            gpu = self.pools.gpus[pool].id
            each = self.build.inputs.number(f"gpus.{gpu}.server_power_w", watts[pool]) if all_known else term(1.0)
            weights.append(self.put(pool, "Weight in its site", count * each))
        shares = []
        for pool, site in enumerate(self.pools.site_names):
            here = [weights[other] for other, name in enumerate(self.pools.site_names) if name == site]
            whole = added(here)
            share = when(whole.above(0.0), weights[pool] / whole, 0.0) if site else term(0.0)
            shares.append(self.put(pool, "Of its site", share))
        return shares, weights

    def _capital(self, pool: int, contract: Contract | None, count: Term) -> Term:
        project = self.build.case.project
        if contract is None or project is None or not known(project.capital_usd_per_gpu[pool]):
            return self.put(pool, "Capital", term(0.0))
        return self.put(pool, "Capital", count * self._hardware(pool, one(project.capital_usd_per_gpu[pool])))

    def _hardware(self, pool: int, held: float) -> Term:
        """Server, network and storage of one GPU, spares included."""
        inputs, catalog = self.build.inputs, self.build.catalog
        start = "costs.capital_usd_per_gpu."
        values = {row.path: row.value for row in self.build.case.assumptions}
        gpu = self.pools.gpus[pool].id
        path = next(
            (p for p in values if p.startswith(start) and catalog.resolve_gpu(p.removeprefix(start)) == gpu), ""
        )
        names = (path, "costs.network_usd_per_gpu", "costs.storage_usd_per_gpu", "costs.spares_share")
        if not all(isinstance(values.get(name), float) for name in names):
            return inputs.number(f"pools.{self.pools.names[pool]}.capital_usd_per_gpu", held)
        server, network, storage, spares = (inputs.number(name, values[name]) for name in names)
        return (server + network + storage) * (1.0 + spares)

    def charted(self) -> None:
        """The revenue of pools as bars."""
        names, values = (((self.first, column), (self.last, column)) for column in (0, _PLACE["Revenue"]))
        series = (Series("Revenue", names, values),)
        at = (self.last + 4, 0)
        self.grid.charts.append(SheetChart("Revenue of a year by pool", "bar", series, at=at, unit="usd_per_yr"))
