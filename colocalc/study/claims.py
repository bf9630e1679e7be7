"""What was said of a fleet weighed against the model: a verdict for each claim, and what would make it true.

A claim about a metric holds when what it says and the model's band overlap. The band is what the inputs that nobody
gave (assumed, or of the catalog) leave open. Where they do not overlap, one given input, moved inside its own range,
may make it true; a claim that equals a ratio of two different kinds of count mixes units; everything else does not
hold, and the numbers that would make it true are told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from colocalc.arrays import Array
from colocalc.case import Case, numbers
from colocalc.claim import BASE, Claim, Range
from colocalc.errors import ColocalcError
from colocalc.expect import EQUAL_WITHIN_SHARE
from colocalc.metrics import STAGES, unit_suffix
from colocalc.mfu.waterfall import attribution_share
from colocalc.study import mixed_units
from colocalc.study.evaluate import Result, evaluate, values
from colocalc.study.levers import Need, inside_ranges, levers, needed_of
from colocalc.study.ranges import Ranged, Varied, band, ranged
from colocalc.units import text, unit_of

Word = Literal["holds", "holds if", "mixes units", "does not hold", "not covered"]

_LAST_STAGE = {"mfu.step_share": "software", "mfu.job_share": "goodput", "mfu.fleet_share": "allocation"}
_ABOUT = 0.3  # width of a range that still is one number, relative to its middle
_HALF = 0.5  # a cause explains a fall when it is at least half of it, on a logarithmic scale


@dataclass(frozen=True)
class Verdict:
    """A claim and what the model makes of it.

    Attributes
    ----------
    claim : Claim
        What was said.
    word : str
        ``holds``, ``holds if``, ``mixes units``, ``does not hold`` or ``not covered``.
    because : str
        The numbers behind it in a sentence.
    unit : str or None
        Unit of the numbers below.
    value, low, high : float or None
        What the model finds, and its band.
    says_low, says_high : float or None
        What the claim allows; infinite where it is open.
    needs : tuple of Need
        Numbers that would make it true, each alone; the likeliest first.
    """

    claim: Claim
    word: Word
    because: str
    unit: str | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    says_low: float | None = None
    says_high: float | None = None
    needs: tuple[Need, ...] = ()


def weigh(claims: Sequence[Claim], fleet: Varied) -> tuple[Verdict, ...]:
    """A verdict for each claim, in their order.

    Parameters
    ----------
    claims : sequence of Claim
        What was said.
    fleet : Varied
        The fleet as it was asked for; a claim that names a scenario is weighed in that one.
    """
    grounds: dict[str | None, _Ground] = {}

    def ground(scenario: str | None) -> _Ground:
        if scenario not in grounds:
            there = fleet if scenario is None else fleet.in_scenario(None if scenario == BASE else scenario)
            here = [claim for claim in claims if claim.scenario == scenario]
            grounds[scenario] = _Ground(there, tuple(dict.fromkeys(filter(None, map(_metric_of, here)))))
        return grounds[scenario]

    return tuple(_weighed(claim, ground(claim.scenario), ground(claim.relative_to)) for claim in claims)


def _metric_of(claim: Claim) -> str | None:
    """The metric a claim is judged by: that of its stage, where it names a cause."""
    return claim.metric if claim.cause is None else f"mfu.stage.{claim.cause}_factor"


@dataclass(frozen=True, eq=False)
class _Ground:
    """A fleet in one scenario, evaluated once for all claims."""

    fleet: Varied
    metrics: tuple[str, ...]

    @property
    def case(self) -> Case:
        return self.fleet.case

    @cached_property
    def result(self) -> Result:
        return evaluate(self.case)

    @cached_property
    def _values(self) -> Mapping[str, Array]:
        return values(self.case, self.metrics)

    @cached_property
    def ranged(self) -> tuple[Ranged, ...]:
        return ranged(self.fleet, self.metrics)

    def value(self, metric: str) -> float | None:
        """A metric, computed with the others that are asked for here; None where it is undefined."""
        known = self._values if metric in self.metrics else self.result.metrics
        found = float(known.get(metric, float("nan")))
        return None if np.isnan(found) else found

    def band(self, metric: str) -> tuple[float, float]:
        value = self.value(metric)
        nobody_gave = [one for one in self.ranged if one.row.origin != "given"]
        return band(metric, float("nan") if value is None else value, nobody_gave)


def _weighed(claim: Claim, here: _Ground, there: _Ground) -> Verdict:
    if claim.not_covered is not None:
        return Verdict(claim, "not covered", claim.not_covered)
    try:
        if claim.input is not None:
            return _about_input(claim, claim.input, here)
        if claim.cause is not None:
            return _about_cause(claim, here)
        return _about_metric(claim, str(claim.metric), here, there)
    except ColocalcError as error:
        return Verdict(claim, "not covered", f"this cannot be computed: {error}")


def _says(claim: Claim, case: Case) -> tuple[float, float]:
    """What a claim allows: a bare number stands for itself and what lies within the tolerance of it."""
    says = claim.says
    if isinstance(says, Range):
        low = says.low if says.low is not None else says.at_least
        high = says.high if says.high is not None else says.at_most
        return (-float("inf") if low is None else low), (float("inf") if high is None else high)
    number = float(says or 0.0)
    room = abs(number) * float(case.claim_tolerance_share)
    return number - room, number + room


def _about_metric(claim: Claim, metric: str, here: _Ground, there: _Ground) -> Verdict:
    value = here.value(metric)
    if value is None:
        return Verdict(claim, "not covered", here.result.undefined.get(metric, "it has no value here"))
    low, high = here.band(metric)
    unit: str | None = unit_suffix(metric)
    if claim.relative_to is not None:
        reference = there.value(metric)
        if not reference:
            return Verdict(claim, "not covered", f"{metric} is zero or has no value in {claim.relative_to}")
        # Both move with the same inputs, so that the band of one says nothing of their ratio.
        value, low, high, unit = value / reference, value / reference, value / reference, "factor"
    says = _says(claim, here.case)
    known = Verdict(claim, "holds", "", unit, value, low, high, *says)
    if _meet(known):
        return _told(known, "holds", _overlap(known))
    return _apart(known, metric, here)


def _meet(known: Verdict) -> bool:
    """Whether the band and what is said overlap, ends included: two numbers that ``=`` takes for one are one."""
    low, high, says_low, says_high = (
        float(end or 0.0) for end in (known.low, known.high, known.says_low, known.says_high)
    )
    return low <= says_high + EQUAL_WITHIN_SHARE * abs(says_high) and high >= says_low - EQUAL_WITHIN_SHARE * abs(
        says_low
    )


def _apart(known: Verdict, metric: str, here: _Ground) -> Verdict:
    """A verdict on a claim outside the model's band."""
    claim, says = known.claim, (float(known.says_low or 0.0), float(known.says_high or 0.0))
    if claim.relative_to is not None:
        return _told(known, "does not hold", _outside(known))
    targets = _targets(known, says)
    if claim.by is not None:
        return _by_one_input(known, metric, claim.by, here, targets)
    for target in targets:
        if found := inside_ranges(here.fleet, here.ranged, metric, target):
            return _told(known, "holds if", f"{_outside(known)}; it holds with {found[0].words()}", found)
    if _is_one_number(says) and (ratio := mixed_units.explained(here.case, here.result, metric, says)):
        return _told(known, "mixes units", f"{ratio}; {metric} is {_text(known.value, known.unit)}")
    needs = levers(here.fleet, metric, targets[0])
    found_none = "none of the inputs it answers to here makes it true"
    words = f"; it would take {' or '.join(need.words() for need in needs)}" if needs else f"; {found_none}"
    return _told(known, "does not hold", _outside(known) + words, needs)


def _is_one_number(says: tuple[float, float]) -> bool:
    """Whether what is said is a number, exactly or about: many ratios lie in a wide range or beyond an open end."""
    low, high = says
    return high - low < float("inf") and high - low <= _ABOUT * abs(high + low) / 2.0


def _targets(known: Verdict, says: tuple[float, float]) -> tuple[float, ...]:
    """What the metric would have to be: the number said, if not that what rounds to it; of a range the nearer end."""
    nearer = says[0] if float(known.value or 0.0) < says[0] else says[1]
    said = known.claim.says
    return (nearer,) if said is None or isinstance(said, Range) else (float(said), nearer)


def _by_one_input(known: Verdict, metric: str, key: str, here: _Ground, targets: Sequence[float]) -> Verdict:
    """A claim that says which input brings the metric about."""
    found = [need for target in targets if (need := needed_of(here.fleet, key, metric, target)) is not None]
    need = next((one for one in found if one.is_inside), next(iter(found), None))
    if need is None:
        return _told(known, "does not hold", f"{_outside(known)}; no value of {key} makes it true")
    word: Word = "holds if" if need.is_inside else "does not hold"
    verb = "it holds with" if need.is_inside else "it would take"
    return _told(known, word, f"{_outside(known)}; {verb} {need.words()}", (need,))


def _about_input(claim: Claim, key: str, here: _Ground) -> Verdict:
    row = numbers(here.case).get(key)
    figure = row or here.fleet.figure(key)
    if figure is None or figure.value is None:
        return Verdict(claim, "not covered", f"the file says nothing of {key}")
    unit = unit_of(key)
    value = float(figure.value)
    low, high = (value if end is None else end for end in (figure.low, figure.high))
    known = Verdict(claim, "holds", "", unit.suffix if unit else None, value, low, high, *_says(claim, here.case))
    origin = "the claim's own source" if figure.source and figure.source == claim.source else figure.source
    is_given = row is None or row.origin == "given"
    found = f"the file has {_band_text(known)}" if is_given else f"the file gives none; {_band_text(known)} is taken"
    said = f"{found}, from {origin or 'no source'}"
    if _meet(known):
        return _told(known, "holds", f"{said}: nothing computed here checks it")
    return _told(known, "does not hold", f"{said}; the claim says {_says_text(known)}")


def _about_cause(claim: Claim, here: _Ground) -> Verdict:
    """A cause explains a fall when its stage is at least half of it, on a logarithmic scale."""
    metric = str(_metric_of(claim))
    if not _is_part(str(claim.cause), str(claim.metric)):
        return Verdict(claim, "does not hold", f"the stage {claim.cause} is no part of {claim.metric}")
    factor = here.value(metric)
    if factor is None:
        return Verdict(claim, "not covered", here.result.undefined.get(metric, "the stage has no value here"))
    low, high = here.band(metric)
    before, after = float(claim.reference or 0.0), float(claim.says or 0.0)  # type: ignore[arg-type]
    share, most = (_part(one, before, after) for one in (factor, low))
    fall = f"the fall from {text(before, 'share')} to {text(after, 'share')}"
    explained, most_of_it = ("all" if one == float("inf") else text(one, "share") for one in (share, most))
    at_most = f" (at most {most_of_it})" if most_of_it != explained else ""
    half = (after / before) ** _HALF
    known = Verdict(claim, "holds", "", "factor", factor, low, high, None, half)
    said = f"the stage {claim.cause} at {text(factor, 'factor')} explains {explained}{at_most} of {fall}"
    if most >= _HALF:
        return _told(known, "holds", said)
    return _told(known, "does not hold", f"{said}; half of it takes a factor of {text(half, 'factor')} or less")


def _part(factor: float, before: float, after: float) -> float:
    """What a stage explains of a fall; without end where it leaves nothing."""
    if factor <= 0.0:
        return float("inf")
    return float(attribution_share(before_factor=1.0, after_factor=factor, before_share=before, after_share=after))


def _is_part(stage: str, metric: str) -> bool:
    """Whether a stage is one of those whose product an MFU is: a step knows nothing of failures."""
    order = list(STAGES)
    return metric in _LAST_STAGE and order.index(stage) <= order.index(_LAST_STAGE[metric])


def _told(known: Verdict, word: Word, because: str, needs: tuple[Need, ...] = ()) -> Verdict:
    return Verdict(
        known.claim,
        word,
        because,
        known.unit,
        known.value,
        known.low,
        known.high,
        known.says_low,
        known.says_high,
        needs,
    )


def _overlap(known: Verdict) -> str:
    return f"{known.claim.metric} is {_band_text(known)}; the claim says {_says_text(known)}"


def _outside(known: Verdict) -> str:
    return f"{known.claim.metric} is {_band_text(known)}, not {_says_text(known)}"


def _band_text(known: Verdict) -> str:
    value, low, high = (_text(one, known.unit) for one in (known.value, known.low, known.high))
    of = f" times that of {_place(known.claim.relative_to)}" if known.claim.relative_to else ""
    return f"{value}{of}" if low == value == high else f"{value} ({low} to {high})"


def _place(scenario: str) -> str:
    return "the file as it is" if scenario == BASE else f"scenario {scenario}"


def _says_text(known: Verdict) -> str:
    """What the claim says, as it says it."""
    says = known.claim.says
    if not isinstance(says, Range):
        return _text(None if says is None else float(says), known.unit)
    if says.at_least is not None:
        return f"at least {_text(says.at_least, known.unit)}"
    if says.at_most is not None:
        return f"at most {_text(says.at_most, known.unit)}"
    return f"{_text(says.low, known.unit)} to {_text(says.high, known.unit)}"


def _text(value: float | None, unit: str | None) -> str:
    return text(value, unit)
