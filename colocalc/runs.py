"""Measured training runs as a user may list them: what was trained, on what, how it was cut, and what was measured.

The form is that of published tables: fields that a source does not give are null, and fields nobody here uses are
left alone, so that a file made for another tool can be read as it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from colocalc import yamlio
from colocalc.errors import Fault, InputError, did_you_mean, printable
from colocalc.faults import MOST_FAULTS, fault_at, faults_of
from colocalc.profile import LayerProfile

# What a number may be in size, as in a fleet: nothing that is computed from a few of them overflows or vanishes.
_SMALLEST, _LARGEST = 1e-18, 1e18
Number = Annotated[float, Field(strict=True, ge=_SMALLEST, le=_LARGEST)]
Whole = Annotated[int, Field(strict=True, ge=1, le=int(_LARGEST))]
WholeOrNone = Annotated[int, Field(strict=True, ge=0, le=int(_LARGEST))]
NumberOrNone = Annotated[float, Field(strict=True, ge=0.0, le=_LARGEST)]
ZeroStage = Annotated[int, Field(strict=True, ge=0, le=3)]
Words = Annotated[str, Field(strict=True, min_length=1, max_length=4_000)]


class _Row(BaseModel):
    """Base of what a row holds: frozen, no NaN or infinity; keys that are not known are left alone."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class RunModel(_Row):
    """Dimensions of the model that was trained.

    ``ffn_hidden`` is the inner width of a layer, or of one expert; ``dense_ffn`` that of the layers without experts;
    ``topk`` are the experts of one token.
    """

    family: Words | None = None
    layers: Whole
    hidden: Whole
    ffn_hidden: Whole
    heads: Whole
    kv_heads: Whole | None = None
    head_dim: Whole | None = None
    vocab: Whole
    seq_len: Whole
    gated_mlp: bool = False
    experts: Whole | None = None
    topk: Whole | None = None
    mla: bool | None = None
    shared_experts: WholeOrNone | None = None
    dense_ffn: Whole | None = None
    moe_layers: Whole | None = None

    @model_validator(mode="after")
    def _experts_have_a_topk(self) -> "RunModel":
        # One of eight experts is an eighth of the work: silence would be taken for the smallest model there is.
        if (self.experts or 1) > 1 and self.topk is None:
            raise PydanticCustomError(
                "topk", "missing, though the model has experts: to how many does a token go?", {"at": "topk"}
            )
        return self


class RunPool(_Row):
    """Accelerators of one kind in a run on mixed hardware."""

    accelerator: Words
    n: Whole


class RunNetwork(_Row):
    """The network between nodes."""

    per_gpu_gbps: Number | None = None


class RunParallelism(_Row):
    """How the job was cut; ``fsdp_shard`` ranks share the optimizer state, ``dp`` is what the source calls so.

    ``stage_layers`` are the layers of each pipeline stage where they are not shared out evenly, without embedding and
    head.
    """

    tp: Whole | None = None
    pp: Whole | None = None
    vpp: Whole | None = None
    dp: Whole | None = None
    cp: Whole | None = None
    ep: Whole | None = None
    zero_stage: ZeroStage | None = None
    fsdp_shard: Whole | None = None
    sequence_parallel: bool | None = None
    stage_layers: tuple[WholeOrNone, ...] | None = None


class RunMeasured(_Row):
    """What was measured; the time of a step is used first, then tokens, then FLOP/s.

    ``dp_sync_time_s`` is the part of a step in which the slowest replica exchanges gradients: a faster one also waits.
    """

    tflops_per_gpu: Number | None = None
    tflops_kind: Words | None = None
    step_time_s: Number | None = None
    tokens_per_s: Number | None = None
    tokens_per_s_per_gpu: Number | None = None
    dp_sync_time_s: NumberOrNone | None = None


class RunNormalized(_Row):
    """The same run restated under one convention."""

    implied_step_time_s: Number | None = None


class Run(_Row):
    """One measured run."""

    id: Words
    source: Words | None = None
    software: Words | None = None
    model: RunModel
    accelerator: Words
    pools: tuple[RunPool, ...] | None = None
    precision: Words | None = None
    n_gpus: Whole
    gpus_per_node: Whole | None = None
    network: RunNetwork | None = None
    parallelism: RunParallelism
    micro_batch: Whole | None = None
    global_batch: Whole
    activation_recompute: Words | None = None
    measured: RunMeasured
    normalized: RunNormalized | None = None
    attention_flops_convention: Words | None = None
    notes: object = None  # prose; of a mixed run it may tell the layers of each stage


@dataclass(frozen=True)
class Incomplete:
    """A run that leaves out what every prediction needs: published tables have such rows, and they are no mistake."""

    id: str
    source: str | None
    reason: str


def read_runs(path: Path) -> tuple[Run | Incomplete, ...]:
    """The runs of a file: a list, or a mapping with the list under ``runs``.

    Raises
    ------
    InputError
        With every fault of the file, each with its line; two runs of one id are a fault.
    ColocalcError
        When the file cannot be read.
    """
    return runs_of(yamlio.read_file(path), name=str(path))


def runs_of(tree: Any, *, name: str) -> tuple[Run | Incomplete, ...]:
    """As ``read_runs``, of a document that was read already."""
    rows = tree.get("runs") if isinstance(tree, dict) else tree
    if not isinstance(rows, list) or not rows:
        raise InputError([Fault("should be a list of runs, or a mapping with one under runs", name, 1, 1)])
    runs: list[Run | Incomplete] = []
    faults: list[Fault] = []
    for place, row in enumerate(rows):
        if len(faults) >= MOST_FAULTS:
            break
        if not isinstance(row, yamlio.Map):
            faults.append(fault_at(rows, (place,), "a run should be a mapping", name=name))
            continue
        try:
            runs.append(Run.model_validate(row))
        except ValidationError as error:
            incomplete = _incomplete(row, error)
            if incomplete is None:
                faults += (_placed(fault, rows, place) for fault in faults_of(error, row, Run, name))
            else:
                runs.append(incomplete)
    faults += _twice(rows)
    if faults:
        raise InputError(faults)
    return tuple(runs)


def _placed(fault: Fault, rows: list[Any], place: int) -> Fault:
    """A fault of a row, one of a key that is not there told with the line of its own row."""
    if fault.path.partition(".")[0] in rows[place]:
        return fault
    at = fault_at(rows, (place,), "")
    return replace(fault, line=at.line, column=at.column)


def left_alone(tree: Any) -> tuple[str, ...]:
    """Keys of a file of runs that a run does not have, each once, with the key that was perhaps meant.

    Parameters
    ----------
    tree : Map or List
        A document of which ``runs_of`` found no fault.
    """
    rows = tree.get("runs") if isinstance(tree, dict) else tree
    found: dict[str, list[str]] = {}
    for row in rows or ():
        for path, others in _unknown(row, Run, ""):
            found.setdefault(path, others)
    told = []
    for place, (path, others) in enumerate(found.items()):
        # The nearest of all keys takes a while: a file of nothing but unknown keys gets a few hints.
        hint = did_you_mean(path.rpartition(".")[2], others) if place < _HINTS else None
        shown = printable(path, _SHOWN_CHARACTERS)
        told.append(f"{shown} ({hint})" if hint else shown)
    return tuple(told)


_HINTS = 20
_SHOWN_CHARACTERS = 80
# What the published table has besides: told for readers, and what an efficiency was computed with.
_OF_THE_TABLE = {
    "verification",
    "model.params_total",
    "model.params_active",
    "measured.mfu",
    "network.topology",
    "note",
}


def _unknown(row: Any, kind: type[BaseModel], above: str) -> Iterator[tuple[str, list[str]]]:
    """Each key that is not known, by its path, with those that could stand in its place."""
    free = [name for name in kind.model_fields if name not in row]
    for key, value in row.items():
        path = f"{above}{key}"
        if key in kind.model_fields:
            inner = _PARTS.get(path)
            if inner is not None and isinstance(value, dict):
                yield from _unknown(value, inner, f"{path}.")
        elif path not in _OF_THE_TABLE:
            yield path, free


_PARTS: dict[str, type[BaseModel]] = {
    "model": RunModel,
    "network": RunNetwork,
    "parallelism": RunParallelism,
    "measured": RunMeasured,
    "normalized": RunNormalized,
}


def profiles_of(tree: Any, *, name: str) -> tuple[LayerProfile, ...]:
    """The layer profiles that a document of runs carries under ``profiles``, which has the form of the catalog's.

    Raises
    ------
    InputError
        With every fault of them, each with its line.
    """
    told = tree.get("profiles") if isinstance(tree, yamlio.Map) else None
    if told is None:
        return ()
    if not isinstance(told, yamlio.Map):
        raise InputError([fault_at(tree, ("profiles",), "should be a mapping of layer profiles by name", name=name)])
    profiles: list[LayerProfile] = []
    faults: list[Fault] = []
    for entry in told.values():
        try:
            profiles.append(LayerProfile.model_validate(entry))
        except ValidationError as error:
            faults += faults_of(error, entry, LayerProfile, name)
    if faults:
        raise InputError(faults)
    return tuple(profiles)


def _incomplete(row: yamlio.Map, error: ValidationError) -> Incomplete | None:
    """The row as one that tells too little, when that is all that is wrong with it."""
    found = error.errors(include_url=False)
    if not all(each["type"] == "missing" or each["input"] is None for each in found):
        return None
    absent = [".".join(map(str, each["loc"])) for each in found]
    key, source = row.get("id"), row.get("source")
    if "id" in absent or not isinstance(key, str):
        return None  # a run without an id cannot be told from others
    return Incomplete(key, source if isinstance(source, str) else None, f"the source does not tell {', '.join(absent)}")


def _twice(rows: list[Any]) -> list[Fault]:
    seen: set[str] = set()
    found = []
    for row in rows:
        key = row.get("id") if isinstance(row, yamlio.Map) else None
        if isinstance(key, str) and key in seen:
            found.append(fault_at(row, ("id",), f"a second run is called {key}"))
        seen.add(str(key))
    return found
