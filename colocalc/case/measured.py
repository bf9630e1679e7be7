"""What a published run measured, and when it was made."""

import re

from colocalc.case.facts import months_of
from colocalc.catalog import Catalog
from colocalc.hardware import GpuType
from colocalc.runs import Run, RunModel
from colocalc.units import FLOPS_PER_TFLOPS, MONTHS_PER_YEAR

_ARXIV = re.compile(r"arXiv:? ?(\d\d)(\d\d)\.\d")
_RELEASE = re.compile(r"release (\d\d)\.(\d\d)")
_ROUND = re.compile(r"training_results_(v\d\.\d)")


def measured_step_s(run: Run) -> float | None:
    """The measured time of a step: as told, else from tokens, else from model FLOP/s; None where none is usable.

    Parameters
    ----------
    run : Run
        A measured run.
    """
    told, restated = run.measured, run.normalized
    tokens = run.global_batch * run.model.seq_len
    if told.step_time_s:
        return told.step_time_s
    if restated and restated.implied_step_time_s:
        return restated.implied_step_time_s
    if told.tokens_per_s:
        return tokens / told.tokens_per_s
    if told.tokens_per_s_per_gpu:
        return tokens / (told.tokens_per_s_per_gpu * run.n_gpus)
    if told.tflops_per_gpu and told.tflops_kind in {None, "model"}:
        factor = {"full": 12.0, "none": 0.0}.get(run.attention_flops_convention or "", 6.0)
        flop = _flop_per_token(run.model, factor) * tokens
        return flop / (told.tflops_per_gpu * FLOPS_PER_TFLOPS * run.n_gpus)
    return None


def _flop_per_token(model: RunModel, attention_factor: float) -> float:
    width = model.heads * head_dim_of(model)
    kv = (model.kv_heads or model.heads) * head_dim_of(model)
    active = model.ffn_hidden * ((model.topk or 1) + (model.shared_experts or 0) if model.experts else 1)
    layer = 2 * model.hidden * (width + kv) + (3 if model.gated_mlp else 2) * model.hidden * active
    attention = attention_factor * model.layers * width * model.seq_len
    return 6.0 * (model.layers * layer + model.vocab * model.hidden) + attention


def publication_of(source: str) -> str:
    """The publication of a source: a repository without its commit, or what stands before the first bracket.

    Parameters
    ----------
    source : str
        As a run tells it.
    """
    words = source.split()
    if len(words) > 1 and words[0] == "github":
        return words[1].partition("@")[0].rpartition("_v")[0] or words[1].partition("@")[0]
    return source.partition(" (")[0].partition(",")[0].strip() or "not told"


def head_dim_of(model: RunModel) -> int:
    """The width of an attention head, where it is not told that of the model over its heads."""
    return model.head_dim or model.hidden // model.heads


def date_of(run: Run, gpu: GpuType, catalog: Catalog) -> str:
    """When a run was made, as year and month: by its source, else some time after its GPU came out."""
    source = run.source or ""
    for pattern in (_ARXIV, _RELEASE):
        if found := pattern.search(source):
            return f"20{found[1]}-{found[2]}"
    if (found := _ROUND.search(source)) and f"mlperf-training-{found[1]}" in catalog.sources:
        return catalog.sources[f"mlperf-training-{found[1]}"].date[:7]
    return _later(gpu.launch_date or "", float(catalog.default("predict.undated_months").value))


def _later(date: str, months: float) -> str:
    if not date:
        return "9999-12"
    ahead = months_of(date) + months
    return f"{int(ahead // MONTHS_PER_YEAR):04d}-{int(ahead % MONTHS_PER_YEAR) + 1:02d}"
