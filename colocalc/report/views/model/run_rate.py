"""The sheet of a year at full ramp: megawatts, power, operations, capital and what is left."""

from dataclasses import dataclass

import numpy as np

from colocalc.report.formula import Term, added, ratio, term, when
from colocalc.report.views.model.build import Build, Fleet, known, one
from colocalc.report.views.model.grid import Grid
from colocalc.study import leasing
from colocalc.units import HOURS_PER_YEAR, KW_PER_MW, MONTHS_PER_YEAR, WATTS_PER_MW

NAME = "Run rate"


@dataclass(frozen=True)
class RunRate:
    """Costs of a year, each a cell.

    Attributes
    ----------
    power_usd_per_yr : list of Term
        By pool.
    total_power_usd_per_yr, fixed_usd_per_yr, colocation_usd_per_yr : Term
        Power, operations without colocation, and colocation.
    hardware_usd, building_usd : Term
        Capital, 0 where it is not known.
    """

    power_usd_per_yr: list[Term]
    total_power_usd_per_yr: Term
    fixed_usd_per_yr: Term
    colocation_usd_per_yr: Term
    hardware_usd: Term
    building_usd: Term


def write(build: Build, fleet: Fleet) -> RunRate | None:
    """Costs of a year; None where the power bill or what operations cost is not known."""
    lease = build.result.lease
    if lease is None or not known(lease.power_cost_usd_per_yr) or not known(lease.operations_cost_usd_per_yr):
        return None
    grid = build.grid(NAME)
    grid.widths = {0: 44.0, 1: 20.0, 2: 18.0, 3: 60.0}
    grid.has_units = True
    grid.title("A year at full ramp, of 8,760 hours")
    return _Year(build, fleet, grid).written()


class _Year:
    """The rows of the sheet while they are written."""

    def __init__(self, build: Build, fleet: Fleet, grid: Grid) -> None:
        self.build, self.fleet, self.grid = build, fleet, grid
        self.case, self.inputs = build.case, build.inputs
        self.held = [1.0 if fleet.contract_of(pool) else 0.0 for pool in range(len(self.case.pools.names))]

    def row(self, label: str, content: Term, unit: str, note: str = "") -> Term:
        """A labelled cell."""
        place = self.grid.row()
        self.grid.words(place, [label, None, unit, note])
        return self.grid.put((place, 1), content, unit=unit, role="formula")

    def written(self) -> RunRate:
        """Sites, then capital, costs and the contribution."""
        self.grid.heading("Sites")
        sites = [self._site(number) for number in range(len(self.case.sites.names))]
        facility = self.row("Power at the meters", added([site.facility_mw for site in sites]), "mw")
        self.grid.heading("Capital")
        hardware = self.row("Servers, network, storage and spares", added(self._owned()), "usd")
        building = self.row("Data centre", self._building(sites), "usd", "by each site's share under contract")
        self.grid.heading("Costs of a year")
        power = [
            self.row(
                f"Power of pool {place + 1}", self._power(sites, place), "usd_per_yr", "in the order of the rate card"
            )
            for place in range(len(self.held))
        ]
        bill = self.row("Power", added(power), "usd_per_yr", "energy and demand charge of what is under contract")
        fixed = self.row("Operations and shares of capital", self._fixed(hardware, building), "usd_per_yr")
        colocation = self.row("Colocation", self._colocation(sites), "usd_per_yr")
        self._left(facility, bill, fixed + colocation)
        return RunRate(power, bill, fixed, colocation, hardware, building)

    def _left(self, facility: Term, bill: Term, running: Term) -> None:
        metrics, revenue = self.build.metrics, self.fleet.revenue_usd_per_yr
        self.grid.heading("What is left")
        shown = self.row("Revenue", revenue, "usd_per_yr")
        operations = self.row("Operations and colocation", running, "usd_per_yr")
        metrics |= {
            "lease.power_cost_usd_per_yr": bill,
            "lease.operations_cost_usd_per_yr": operations,
            "lease.contribution_usd_per_yr": self.row("Contribution", shown - bill - operations, "usd_per_yr"),
            "lease.facility_power_mw": facility,
            "lease.revenue_usd_per_mw_yr": self.row(
                "Revenue per megawatt at the meter", ratio(shown, facility), "usd_per_mw_yr"
            ),
        }

    def _owned(self) -> list[Term]:
        capital = self.fleet.capital_usd
        return [capital[pool] for pool, held in enumerate(self.held) if held] or [term(0.0)]

    def _site(self, number: int) -> "_Site":
        sites, name = self.case.sites, self.case.sites.names[number]
        path, label = f"sites.{name}", f"Site {number + 1}"
        pue = self.inputs.number(f"{path}.pue_factor", sites.pue_factor[number])
        given, critical = sites.facility_power_mw[number], sites.it_power_mw[number]
        servers = self._servers_mw(number)
        if known(given):
            facility = self.inputs.number(f"{path}.facility_power_mw", given)
        elif known(critical):
            facility = self.inputs.number(f"{path}.it_power_mw", critical) * pue
        else:
            facility = servers * pue
        if known(critical):
            inside = self.inputs.number(f"{path}.it_power_mw", critical)
        else:
            inside = facility / pue if known(given) else servers
        meter = self.row(f"{label}: at the meter", facility, "mw")
        return _Site(
            facility_mw=meter,
            critical_mw=self.row(f"{label}: of IT", inside, "mw"),
            contracted_share=self.row(f"{label}: under contract", self._contracted(name), "share", "by nameplate"),
            bill_usd_per_yr=self.row(f"{label}: power bill", self._bill(number, meter), "usd_per_yr"),
        )

    def _servers_mw(self, number: int) -> Term:
        """The draw of a site's servers; what is not known is not asked for."""
        sites, pools = self.case.sites, self.case.pools
        here = [pool for pool, site in enumerate(pools.site_names) if site == sites.names[number]]
        if known(sites.facility_power_mw[number]) or known(sites.it_power_mw[number]) or not here:
            return term(0.0)
        share = one(sites.draw_share[number])
        draw = (
            self.inputs.number(f"sites.{sites.names[number]}.typical_draw_share", share) if share < 1.0 else term(1.0)
        )
        return added([self.fleet.site_weight[pool] for pool in here]) / WATTS_PER_MW * draw

    def _contracted(self, site: str | None) -> Term:
        names = self.case.pools.site_names
        shares = self.fleet.share_of_site
        return added([shares[pool] for pool, held in enumerate(self.held) if held and names[pool] == site])

    def _bill(self, number: int, meter: Term) -> Term:
        sites, demand = self.case.sites, self.case.costs.demand_charge_usd_per_kw_month
        price = self.inputs.number(
            f"sites.{sites.names[number]}.energy_price_usd_per_mwh", sites.energy_price_usd_per_mwh[number]
        )
        energy = meter * HOURS_PER_YEAR * price
        charge = self.inputs.number("costs.demand_charge_usd_per_kw_month", demand)
        return energy + charge * meter * (KW_PER_MW * MONTHS_PER_YEAR)

    def _power(self, sites: list["_Site"], pool: int) -> Term:
        name = self.case.pools.site_names[pool]
        if not self.held[pool] or name is None:
            return term(0.0)
        return self.fleet.share_of_site[pool] * sites[self.case.sites.names.index(name)].bill_usd_per_yr

    def _building(self, sites: list["_Site"]) -> Term:
        project = self.case.project
        if project is None or not known(project.data_centre_usd_per_mw):
            return term(0.0)
        rate = self.inputs.number("costs.data_centre_usd_per_mw", project.data_centre_usd_per_mw)
        return rate * added([site.contracted_share * site.facility_mw for site in sites])

    def _fixed(self, hardware: Term, building: Term) -> Term:
        costs = self.case.costs
        parts = []
        if known(costs.operations_usd_per_yr):
            parts.append(
                self.inputs.number("costs.operations_usd_per_yr", costs.operations_usd_per_yr) * self._all_contracted()
            )
        if known(self._capital_known()):
            upkeep = self.inputs.number("costs.maintenance_share_per_yr", costs.maintenance_share_per_yr)
            upkeep += self.inputs.number("costs.replacement_share_per_yr", costs.replacement_share_per_yr)
            parts.append(upkeep * hardware)
            insured = self.inputs.number("costs.insurance_share_per_yr", costs.insurance_share_per_yr)
            parts.append(insured * (hardware + building))
        return added(parts)

    def _capital_known(self) -> object:
        return leasing.pool_hardware_usd(self.case, leasing.contracted(self.case))

    def _all_contracted(self) -> Term:
        """Share of the nameplate of all sites that is under contract."""
        weights = self.fleet.site_weight
        whole = added(weights)
        under = added([weight for weight, held in zip(weights, self.held, strict=True) if held])
        return when(whole.above(0.0), under / whole, 0.0)

    def _colocation(self, sites: list["_Site"]) -> Term:
        rate = self.case.costs.colocation_usd_per_kw_month
        if bool(np.isnan(rate).all()):
            return term(0.0)
        critical = added([site.contracted_share * site.critical_mw for site in sites])
        return self.inputs.number("costs.colocation_usd_per_kw_month", rate) * critical * (KW_PER_MW * MONTHS_PER_YEAR)


@dataclass(frozen=True)
class _Site:
    """A site in the model."""

    facility_mw: Term
    critical_mw: Term
    contracted_share: Term
    bill_usd_per_yr: Term
