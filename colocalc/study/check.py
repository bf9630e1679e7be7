"""The expectations of a fleet judged on what was evaluated."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from colocalc.errors import ColocalcError, quoted
from colocalc.expect import Outcome, judge, parse, unknown_metrics
from colocalc.metrics import METRICS, is_metric
from colocalc.study.evaluate import Result


@dataclass(frozen=True)
class Checked:
    """Each expectation with its outcome, and the scenarios of the file that were validated."""

    outcomes: tuple[tuple[str, Outcome], ...]
    scenarios: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether every expectation holds."""
        return all(outcome.holds for _, outcome in self.outcomes)


def judged(
    result: Result, expectations: Sequence[str], *, pools: Sequence[str], scenarios: Sequence[str] = ()
) -> Checked:
    """Every expectation with whether it holds and why.

    Parameters
    ----------
    result : Result
        One scenario evaluated.
    expectations : sequence of str
        Lines of the grammar of ``colocalc.expect``.
    pools : sequence of str
        Names of the pools, for ``pools.<name>.<metric>``.
    scenarios : sequence of str
        What else of the file was validated.

    Raises
    ------
    ColocalcError
        When an expectation cannot be read or names no metric.
    """
    known = partial(is_metric, pools=pools)
    metrics = {name: float(value) for name, value in result.metrics.items()}
    outcomes = []
    for text in expectations:
        parsed = parse(text)
        problems = unknown_metrics(parsed, known, tuple(METRICS))
        if problems:
            raise ColocalcError(problems[0], where=f"expectation {quoted(text)}")
        outcomes.append((text, judge(parsed, metrics=metrics, undefined=result.undefined)))
    return Checked(tuple(outcomes), tuple(scenarios))
