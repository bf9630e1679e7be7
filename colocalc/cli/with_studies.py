"""The studies that a report may have in it, and how they are asked for."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from colocalc.cli.comparing import compare_report, named, variants_of
from colocalc.cli.grids import axes_of, sweep_report
from colocalc.cli.trials import Asked, risk_report
from colocalc.errors import EXIT_USAGE, ColocalcError, InputError, did_you_mean, quoted

if TYPE_CHECKING:
    from colocalc.case import Case
    from colocalc.report.table import Report
    from colocalc.study.evaluate import Result
    from colocalc.variants import Variants

TRIALS, SEED = 2_000, 0
RISK, SWEEP, COMPARE = "risk", "sweep", "compare"
_KINDS = (RISK, SWEEP, COMPARE)
_GRAMMAR = "should be risk, sweep:KEY=VALUES[,KEY=VALUES] or compare:FLEET, separated by commas"


@dataclass(frozen=True)
class Wanted:
    """A study that is asked for: its kind, and the axes of a grid or the fleet beside this one."""

    kind: str
    parts: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """As it may be typed."""
        return f"{self.kind}:{','.join(self.parts)}" if self.parts else self.kind


def wanted_studies(
    texts: Sequence[str], *, trials: int | None, seed: int | None, relayout: bool
) -> tuple[tuple[Wanted, ...], Asked]:
    """The studies that ``--with`` asks for, in their order, and the trials of one of risk.

    A comma parts studies, the keys of a grid, and the values of a key: what begins with the name of a study is one,
    what has an equals sign is the next key, and anything else is a value more.

    Raises
    ------
    ColocalcError
        When one cannot be read or stands twice, or an option has nothing to belong to.
    """
    found = [one for text in texts for one in _read(text)]
    if twice := next((one.text for one in found if found.count(one) > 1), None):
        raise ColocalcError(f"{quoted(twice)} stands twice", where="--with", exit_code=EXIT_USAGE)
    kinds = {one.kind for one in found}
    for option, value in (("--trials", trials), ("--seed", seed)):
        if value is not None and RISK not in kinds:
            raise ColocalcError("belongs to --with risk", where=option, exit_code=EXIT_USAGE)
    if relayout and not found:
        raise ColocalcError("belongs to --with", where="--relayout", exit_code=EXIT_USAGE)
    for one in found:
        if one.kind == SWEEP:
            with _in_with(one):
                _checked_axes(one)
    return tuple(found), Asked(TRIALS if trials is None else trials, SEED if seed is None else seed)


def _read(text: str) -> Iterator[Wanted]:
    kind, parts = "", list[str]()
    for token in text.split(","):
        name, colon, rest = token.strip().partition(":")
        if name in _KINDS and bool(colon) == (name != RISK):
            if kind:
                yield Wanted(kind, tuple(parts))
            kind, parts = name, [rest] if colon else []
            if kind == COMPARE and not rest.strip():
                raise ColocalcError(_GRAMMAR, where=f"--with {quoted(text)}", exit_code=EXIT_USAGE)
        elif kind == SWEEP and "=" in token:
            parts.append(token)
        elif kind == SWEEP:
            parts[-1] += f",{token}"
        else:
            near = None if name in _KINDS else did_you_mean(name, _KINDS)
            raise ColocalcError(_GRAMMAR, where=f"--with {quoted(text)}", hint=near, exit_code=EXIT_USAGE)
    yield Wanted(kind, tuple(parts))


@contextmanager
def _in_with(one: Wanted) -> Iterator[None]:
    """Faults of what was typed behind ``--with``, told there."""
    try:
        yield
    except InputError as error:
        faults = [
            replace(fault, file=f"--with sweep:{fault.file.removeprefix('--over ')}")
            if fault.file.startswith("--over ")
            else fault
            for fault in error.faults
        ]
        raise InputError(faults) from None
    except ColocalcError as error:
        if not (error.where or "").startswith("--over"):
            raise
        where = f"--with {quoted(one.text)}"
        raise ColocalcError(error.message, where=where, hint=error.hint, exit_code=error.exit_code) from None


def _checked_axes(one: Wanted) -> None:
    from colocalc.study.sweep import point_count

    point_count(axes_of(one.parts))


def performed_studies(
    wanted: Sequence[Wanted], trials: Asked, variants: "Variants", case: "Case", result: "Result"
) -> "tuple[list[tuple[str, str, Report]], bool]":
    """For each study its key, its title and its report; and whether all are whole. After one that is not, none is."""
    found = []
    for number, one in enumerate(wanted):
        report, is_whole = _performed(one, trials, variants, case, result)
        alike = [each for each in wanted if each.kind == one.kind]
        place = 1 + sum(each.kind == one.kind for each in wanted[:number])
        key = one.kind if one.kind == RISK else f"{one.kind}_{place}"
        title = f"Against {one.parts[0]}" if one.kind == COMPARE else one.kind.capitalize()
        found.append((key, f"{title} {place}" if one.kind == SWEEP and len(alike) > 1 else title, report))
        if not is_whole:
            return found, False
    return found, True


def _performed(
    one: Wanted, trials: Asked, variants: "Variants", case: "Case", result: "Result"
) -> "tuple[Report, bool]":
    from colocalc.study.engine import engine_of

    serial = engine_of(None, None, None)
    if one.kind == RISK:
        return risk_report(variants, case, result, trials, engine=serial)
    if one.kind == SWEEP:
        with _in_with(one):
            return sweep_report(variants, case, result, axes_of(one.parts), (), engine=serial)
    return _compared(one.parts[0], variants), True


def _compared(text: str, variants: "Variants") -> "Report":
    """The fleet beside another; one of the same file is not read again, since standard input cannot be."""
    label = f"{variants.place}@{variants.scenario}" if variants.scenario else variants.place
    if text == label:
        raise ColocalcError(f"{quoted(text)} is this fleet", where="--with compare", exit_code=EXIT_USAGE)
    place, scenario = named(text)
    if place == variants.place:
        other = variants.in_scenario(scenario)
    else:
        other = variants_of(text, variants.catalog, variants.sets)
    return compare_report((label, text), (variants, other), (), relayout=variants.relayout)
