"""The layout of a job: as given, or the best that a search finds, or by a plain rule where there is nothing to search.

When ``layout`` is missing or ``auto``, a job with a model and a batch has the fastest layout that fits. The rule for
one without a batch, or on GPUs of which a figure is not known: tensor parallelism over the GPUs of a node, at most the
limit of the catalog and the heads of the model; the fewest pipeline stages (a power of two) at which weights and
gradients take no more than the stated share of the smallest memory; as many virtual stages as the limit allows and the
layers divide into.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from colocalc.case.dimensions import parameter_count
from colocalc.case.ledger import Ledger
from colocalc.fleet import Layout, Training
from colocalc.hardware import GpuType
from colocalc.model import ModelDims
from colocalc.units import BYTES_PER_GBYTE

if TYPE_CHECKING:
    from colocalc.case.layout_search import Question

_WEIGHT_BYTES: Final = 2.0  # in 16 bits, as the step-time model has it
_TOPIC: Final = "mfu"
BY_SEARCH: Final = "by search"  # how the note of each part of a layout that was searched begins


@dataclass(frozen=True)
class CutLayout:
    """A layout with nothing left open; ``dp_shard_count`` is NaN for "all ranks"."""

    tp: float
    pp: float
    vpp: float
    cp: float
    ep: float
    micro_batch: float
    schedule: str
    schedule_factor: float
    recompute: str
    zero_stage: int
    dp_shard_count: float
    sequence_parallel: bool


def lower_layout(
    path: str,
    training: Training,
    gpus: list[GpuType],
    model: ModelDims | None,
    ledger: Ledger,
    *,
    asked: "Callable[[], Question | str]",
) -> CutLayout:
    """The layout a job runs with, each part recorded with its origin; ``asked`` is what a search would look for."""
    given = training.layout if isinstance(training.layout, Layout) else Layout()
    key = f"{path}.layout"
    open_layout = not isinstance(training.layout, Layout)
    found = _open(path, training, gpus, model, ledger, asked) if open_layout and model is not None else _NOTHING

    def part(name: str) -> float:
        value = getattr(given, name)
        if value is None and name in found.numbers:
            return ledger.derived(f"{key}.{name}", found.numbers[name], _TOPIC, note=found.note)
        return ledger.number(f"{key}.{name}", value, _TOPIC, default=f"training.layout.{name}")

    def word(name: str) -> str:
        if name in found.words:
            ledger.record(f"{key}.{name}", found.words[name], _TOPIC, origin="derived", note=found.note)
            return found.words[name]
        return ledger.word(f"{key}.{name}", getattr(given, name), _TOPIC, default=f"training.layout.{name}")

    schedule = word("schedule")
    if "zero_stage" in found.numbers:
        zero_stage = part("zero_stage")
    else:
        stage = None if given.zero_stage is None else float(given.zero_stage)
        zero_stage = ledger.number(f"{key}.zero_stage", stage, _TOPIC, default="training.layout.zero_stage")
    return CutLayout(
        tp=part("tp"),
        pp=part("pp"),
        vpp=part("vpp"),
        cp=part("cp"),
        ep=part("ep"),
        micro_batch=part("micro_batch"),
        schedule=schedule,
        schedule_factor=ledger.number(
            f"schedule.{schedule}_factor", None, _TOPIC, default=f"schedule.{schedule}_factor"
        ),
        recompute=word("recompute"),
        zero_stage=int(zero_stage),
        dp_shard_count=ledger.number(f"{key}.dp_shard_count", given.dp_shard_count, _TOPIC),
        sequence_parallel=_sequence_parallel(key, given, ledger),
    )


@dataclass(frozen=True)
class _Chosen:
    """Parts of a layout that the file leaves open, and how they were found."""

    numbers: Mapping[str, float]
    words: Mapping[str, str]
    note: str


_NOTHING = _Chosen({}, {}, "")
_OVERRIDE = "see the assumptions; `layout: {tp: ..., pp: ...}` overrides it"


def _open(
    path: str,
    training: Training,
    gpus: list[GpuType],
    model: ModelDims | None,
    ledger: Ledger,
    asked: "Callable[[], Question | str]",
) -> _Chosen:
    """A layout for a job that has none: by search where it can be, else by the rule."""
    question = asked()
    if (kept := _kept(f"{path}.layout", ledger)).numbers:
        return kept
    chosen = _NOTHING if isinstance(question, str) else _by_search(path, question, ledger)
    if chosen.numbers or model is None:
        return chosen
    ledger.remark(f"no layout given: a plain rule is used, {_OVERRIDE}", _TOPIC)
    return _Chosen(_by_rule(training, gpus, model, ledger), {}, "by the layout rule")


def _kept(key: str, ledger: Ledger) -> _Chosen:
    """What was found for the fleet as it is, where a study changes a number of it."""
    rows = {path.rpartition(".")[2]: row for path, row in ledger.searched.items() if path.startswith(f"{key}.")}
    numbers = {name: float(row.value) for name, row in rows.items() if isinstance(row.value, int | float)}
    words = {name: row.value for name, row in rows.items() if isinstance(row.value, str)}
    return _Chosen(numbers, words, next((row.note or "" for row in rows.values()), ""))


def _by_search(path: str, question: "Question", ledger: Ledger) -> _Chosen:
    from colocalc.case.layout_search import best_of

    found, _ = best_of(question, limit=1)
    if not found.layout_count:
        return _NOTHING
    ranking = found.best if found.fitting_count else found.leanest
    if found.fitting_count:
        note = f"{BY_SEARCH}: best of {found.fitting_count:,} that fit"
        ledger.remark(f"no layout given: the best of {found.fitting_count:,} that fit is used, {_OVERRIDE}", _TOPIC)
    else:
        note = f"{BY_SEARCH}: the leanest of {found.layout_count:,}, none of which fits"
        ledger.remark(f"{path}: no layout fits in memory; the leanest is used, {_OVERRIDE}", _TOPIC, kind="warning")
    layouts, plan = ranking.layouts, ranking.plan
    numbers = {
        "tp": plan.tp_count,
        "pp": plan.pp_count,
        "vpp": plan.vpp_count,
        "cp": plan.cp_count,
        "ep": plan.ep_count,
        "micro_batch": plan.micro_batch_sequences,
        "zero_stage": plan.zero_stage,
    }
    schedule, recompute = layouts.column("schedule_index")[0], layouts.recompute_index[0]
    words = {
        "schedule": layouts.choices.schedules[schedule].name,
        "recompute": layouts.choices.recompute[recompute].name,
    }
    return _Chosen({name: float(value[0]) for name, value in numbers.items()}, words, note)


def _sequence_parallel(key: str, given: Layout, ledger: Ledger) -> bool:
    path = f"{key}.sequence_parallel"
    if given.sequence_parallel is not None:
        ledger.record(path, given.sequence_parallel, _TOPIC, origin="given")
        return given.sequence_parallel
    return ledger.word(path, None, _TOPIC, default="training.layout.sequence_parallel") == "true"


def warn_of_layout(path: str, layout: CutLayout, gpus: list[GpuType], model: ModelDims | None, ledger: Ledger) -> None:
    """What is plainly wrong with a layout before any number: links it leaves, parts without use."""
    if layout.ep > 1.0 and (model is None or model.expert_count is None):
        ledger.remark(f"{path}.layout.ep has no use: the model has no experts", _TOPIC, kind="warning")
    if model is not None:
        for what, degree, whole, part in (
            ("tp", layout.tp, model.head_count, "attention heads"),
            ("ep", layout.ep, model.expert_count or layout.ep, "experts"),
        ):
            if whole % degree:
                ledger.remark(
                    f"{path}.layout.{what} of {degree:.0f} does not divide the {whole:.0f} {part} of the model: no "
                    "software cuts them so, and they are taken as if it did",
                    _TOPIC,
                    kind="warning",
                )
    domain = min((gpu.domain_gpu_count.value for gpu in gpus if gpu.domain_gpu_count), default=float("inf"))
    if layout.tp > domain:
        ledger.remark(
            f"{path}: tensor parallelism over {layout.tp:.0f} GPUs leaves the scale-up domain of {domain:.0f}: "
            "its collectives run on the NICs",
            _TOPIC,
            kind="warning",
        )


def _least_gbyte(gpus: list[GpuType], ledger: Ledger) -> float:
    """Memory of the GPU that has least; infinite where none is known."""
    known = {gpu.id: gpu.hbm_gbyte for gpu in gpus if gpu.hbm_gbyte}
    return min((ledger.fact(f"gpus.{key}.hbm_gbyte", one, _TOPIC) for key, one in known.items()), default=float("inf"))


def _by_rule(training: Training, gpus: list[GpuType], model: ModelDims, ledger: Ledger) -> dict[str, float]:
    limit, share, most_virtual = (
        float(ledger.catalog.default(f"training.layout.rule.{name}").value)
        for name in ("tp_limit_count", "state_memory_share", "vpp_limit_count")
    )
    node = min((gpu.node_gpu_count.value for gpu in gpus if gpu.node_gpu_count), default=1.0)
    tp = _power_of_two_below(min(limit, node, model.head_count))
    memory = _least_gbyte(gpus, ledger) * BYTES_PER_GBYTE
    width = _WEIGHT_BYTES + _gradient_bytes(training, ledger)
    pp = 1.0
    while float(parameter_count(model)) * width / (tp * pp) > share * memory and 2.0 * pp <= model.layer_count:
        pp *= 2.0
    per_stage = int(-(-model.layer_count // pp))
    # Embedding and head count as a layer each; there are no more chunks than layers.
    fitting = [v for v in range(1, int(most_virtual) + 1) if per_stage % v == 0 and pp * v <= model.layer_count + 2.0]
    vpp = max(fitting, default=1) if pp > 1.0 else 1
    return {"tp": tp, "pp": pp, "vpp": float(vpp)}


def _gradient_bytes(training: Training, ledger: Ledger) -> float:
    if training.gradient_bytes is not None:
        return training.gradient_bytes.value
    software = training.software or str(ledger.catalog.default("training.software").value)
    return ledger.catalog.stack(software).root[-1].gradient_bytes


def _power_of_two_below(limit: float) -> float:
    return float(1 << (int(max(limit, 1.0)).bit_length() - 1))
