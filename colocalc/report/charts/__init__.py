"""Charts: which tables of a report are drawn, and how. Plain data that every drawing reads."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from colocalc.report.charts import counts, money, studies, training
from colocalc.report.charts.chart import Chart
from colocalc.report.table import Report, Table

__all__ = ["Chart", "charts_of"]

_BUILDERS: Final[tuple[Callable[[Mapping[str, Table]], Iterator[Chart]], ...]] = (
    training.waterfall,
    training.splits,
    counts.equivalents,
    money.revenue,
    money.cash_flow,
    money.hedge,
    money.train_or_lease,
    studies.histogram,
    studies.tornado,
    studies.bridges,
    studies.courses,
    studies.maps,
)


def charts_of(report: Report) -> tuple[Chart, ...]:
    """The charts of a report, drawn from the rows of its tables and nothing else.

    Parameters
    ----------
    report : Report
        Its tables decide: one whose numbers are all undefined, or that has no rows, has no chart.

    Returns
    -------
    tuple of Chart
        In the order in which their tables are read.
    """
    tables = {table.key: table for table in report.tables}
    found = [chart for build in _BUILDERS for chart in build(tables)]
    found += [_renamed(chart, key, title) for key, title, study in report.studies for chart in charts_of(study)]
    order = list(tables)
    return tuple(sorted(found, key=lambda chart: order.index(chart.table)))


def _renamed(chart: Chart, key: str, title: str) -> Chart:
    """A chart of a study as it stands in a report that holds the study."""
    return replace(chart, key=f"{key}_{chart.key}", title=f"{title}: {chart.title}", table=f"{key}_{chart.table}")
