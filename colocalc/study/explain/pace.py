"""The stages that each pool passes at its own pace explained, for one job.

Of one pool a stage is a time before and what it adds; of several it is the mean of their running products by peak.
"""

from collections.abc import Callable, Mapping

import numpy as np

from colocalc.arrays import Array
from colocalc.mfu.pace import PACE_STAGES
from colocalc.mfu.predict import compute, traffic, waiting
from colocalc.study.explain.context import Context, Run
from colocalc.study.explain.formula import Draft
from colocalc.study.explain.rates import best, job_gpus, peak, peak_paths, shape_share

_ONCE_PER_STAGE = ("layout.tp", "layout.cp", "layout.pp", "layout.micro_batch", "sequence_tokens", "model")


def pace_template(stage: str, context: Context, run: Run, draft: Draft) -> str:
    """The formula of one of ``PACE_STAGES``."""
    places = run.used(run.job.gpu_count)
    if len(places) > 1:
        return _weighed(stage, context, run, draft)
    place = places[0] if places else 0
    if has_model(run):
        return _Modelled(context, run, draft, place).template(stage)
    return _ASSUMED[stage](context, run, draft, place)


def has_model(run: Run) -> bool:
    """Whether the stages of the job are computed: it has a model, a sequence and a batch."""
    return not bool(np.isnan(run.over(run.pace.time.peak_time_s)[0]))


def _weighed(stage: str, context: Context, run: Run, draft: Draft) -> str:
    """Several pools: what is left of their peaks through the stage, over what was left before it."""
    draft.note = "each pool at its own pace: what their peaks keep through this stage, over what they keep before it"
    position = PACE_STAGES.index(stage)
    through = _left(context, run, draft, "a", PACE_STAGES[: position + 1], "what its peak keeps through this stage")
    before = _left(context, run, draft, "b", PACE_STAGES[:position], "what its peak keeps before this stage")
    return f"({draft.sum(through)}) / ({draft.sum(before)})"


def _left(context: Context, run: Run, draft: Draft, letter: str, stages: tuple[str, ...], meaning: str) -> list[str]:
    parts = []
    for place, gpus in job_gpus(context, run, draft).items():
        factors = [run.over(run.pace.factors[name])[place] for name in stages]
        kept = float(np.prod([1.0 if np.isnan(one) else one for one in factors]))
        weight = f"{gpus} * {peak(context, run, draft, place)}"
        share = draft.worked(f"{letter}_{context.ends[run.pools[place]]}", kept, "share", meaning) if stages else ""
        parts.append(f"{weight} * {share}" if share else weight)
    return parts


class _Modelled:
    """The stages of one pool as the step-time model has them."""

    def __init__(self, context: Context, run: Run, draft: Draft, place: int) -> None:
        self._context, self._run, self._draft, self._place = context, run, draft, place
        self._setup = run.pace.setup

    def template(self, stage: str) -> str:
        """The formula of a stage."""
        found: str = getattr(self, f"_{stage}")()
        return found

    def _one(self, values: Array) -> float:
        shape = np.broadcast_shapes(np.shape(values), self._run.job.gpu_count.shape)
        return self._run.over(np.broadcast_to(values, shape))[self._place]

    def _time(self, symbol: str, values: Array, meaning: str, *paths: str) -> str:
        return self._draft.worked(symbol, self._one(values), "s", meaning, *paths)

    def _before(self, stage: str) -> str:
        """The time of the step before a stage."""
        times = self._run.pace.time
        position = PACE_STAGES.index(stage)
        if position == 0:
            meaning = "counted operations of the step at the peak of its GPUs"
            return self._time("T", times.peak_time_s, meaning, *self._model(), *self._peaks())
        meaning = f"time of the step through {PACE_STAGES[position - 1]}"
        return self._time("T", times.after_s[PACE_STAGES[position - 1]], meaning)

    def _micro(self) -> str:
        return micro_batches(self._run, self._draft)

    def _layers(self) -> str:
        return self._draft.worked(
            "l", self._one(self._setup.part.stage_layer_count), "count", "mean layers of a stage", *self._layout("pp")
        )

    def _layout(self, name: str) -> tuple[str, ...]:
        return (f"{self._run.path}.layout.{name}",)

    def _model(self) -> list[str]:
        return [f"{self._run.path}.{name}" for name in _ONCE_PER_STAGE]

    def _peaks(self) -> tuple[str, ...]:
        return peak_paths(self._context, self._run.pools[self._place])

    def _gpu(self, *names: str) -> list[str]:
        gpu = self._context.case.pools.gpus[self._run.pools[self._place]].id
        return [f"gpus.{gpu}.{name}" for name in names]

    def _constants(self, *names: str) -> list[str]:
        return [f"calibration.{name}" for name in names]

    def _stages_of_layers(self, layer: str, head: str) -> str:
        pp = _stages(self._run, self._draft)
        return f"{self._micro()} * ({self._layers()} * {layer} + {head} / {pp})"

    def _ceiling(self) -> str:
        work, head = compute.layer_work(self._setup), compute.head_work(self._setup)
        linear_s = compute.PRODUCTS * work.linear_s + work.core_pass_count * work.best_core_s
        measured = [path.replace(".peak_", ".best_matmul_") for path in self._peaks()]
        paths = [*self._peaks(), *measured, *self._constants("sustained_share", "tpu_share", "fp8_factor")]
        layer = self._time("x", linear_s, "products of a layer and micro-batch at the best sustained rate", *paths)
        top = self._time("y", head.linear_s, "the same of the LM head", *paths)
        return f"{self._before('ceiling')} / ({self._stages_of_layers(layer, top)})"

    def _shape(self) -> str:
        work, head = compute.layer_work(self._setup), compute.head_work(self._setup)
        attention_s = work.core_pass_count * (work.core_s - work.best_core_s)
        paths = self._constants("shape_factor", "attention_factor")
        meaning = "what products of a layer and micro-batch stream and do not hide, and attention below the best rate"
        layer = self._time("x", work.shape_s + attention_s, meaning, *paths, *self._gpu("hbm_tbyte_per_s"))
        top = self._time("y", head.shape_s, "the same of the LM head", *paths)
        return self._added("shape", self._stages_of_layers(layer, top))

    def _memory_bound(self) -> str:
        paths = [*self._constants("elementwise_factor", "hbm_share"), *self._gpu("hbm_tbyte_per_s")]
        layer = self._time(
            "x", compute.layer_work(self._setup).memory_s, "norms, activations and casts of a layer", *paths
        )
        loss = self._time("y", compute.head_work(self._setup).loss_s, "the loss of a micro-batch", *paths)
        optimizer = self._time("z", compute.optimizer_s(self._setup), "the optimizer, once a step", *paths)
        return self._added("memory_bound", f"{self._stages_of_layers(layer, loss)} + {optimizer}")

    def _recompute(self) -> str:
        again = self._time(
            "x", compute.layer_work(self._setup).again_s, "what is run again of a layer", *self._layout("recompute")
        )
        before = self._before("recompute")
        bare = self._one(self._run.pace.time.factors()["recompute"])
        counted = self._draft.worked(
            "counted",
            self._run.over(self._run.pace.factors["recompute"])[self._place] / bare,
            "share",
            "FLOPs that the convention counts over those of a causal model",
            f"{self._run.path}.attention_flops",
            f"{self._run.path}.model",
        )
        return f"{counted} * {before} / ({before} + {self._micro()} * {self._layers()} * {again})"

    def _tensor_context_expert(self) -> str:
        setup = self._setup
        links = [*self._gpu("scale_up_gbyte_per_s", "domain_gpu_count"), *self._layout("tp")]
        tensor = self._time(
            "t_tp",
            traffic.tensor_s(setup),
            "tensor collectives of a layer that are seen",
            *links,
            *self._constants("scale_up_share", "tp_overlapped_share", "tp_exposed_share"),
        )
        context = self._time(
            "t_cp", traffic.context_s(setup), "context collectives of a layer that are seen", *self._layout("cp")
        )
        expert = self._time(
            "t_ep",
            traffic.expert_s(setup),
            "all-to-alls and dispatch of a layer's experts that are seen",
            *self._layout("ep"),
            *self._constants("ep_exposed_share", "expert_layer_s"),
        )
        sends = self._time(
            "u",
            traffic.pipeline_sends(setup).micro_batch_s,
            "sends between stages that a micro-batch sees",
            *self._constants("pp_overlapped_share"),
        )
        inside = f"{self._layers()} * ({tensor} + {context} + {expert}) + {sends}"
        return self._added("tensor_context_expert", f"{self._micro()} * ({inside})")

    def _busy(self) -> str:
        return self._time(
            "busy", self._run.pace.time.micro_batch_s, "one micro-batch on a mean stage, forward and backward"
        )

    def _bubble(self) -> str:
        fill = self._time(
            "u", traffic.pipeline_sends(self._setup).fill_s, "sends of fill and drain, which nothing hides"
        )
        return self._added("bubble", f"{_fill_and_drain(self._run, self._draft)} * {self._busy()} + {fill}")

    def _stage_imbalance(self) -> str:
        setup = self._setup
        if self._run.one(self._run.job.pp_count) == 1.0:
            self._draft.note = "one stage waits for no other"
            return "1"
        work = compute.layer_work(setup)
        layer_s = compute.PRODUCTS * work.linear_s + work.core_pass_count * work.core_s + work.shape_s + work.memory_s
        inner_s = traffic.tensor_s(setup) + traffic.context_s(setup) + traffic.expert_s(setup)
        slowest_s = waiting.slowest_stage_s(setup, compute.head_work(setup), layer_s + work.again_s + inner_s)
        slowest = self._time(
            "slowest",
            slowest_s + traffic.pipeline_sends(setup).micro_batch_s,
            "one micro-batch on the slowest stage: the one with most layers, or the last with the head",
            *self._model(),
        )
        return self._added("stage_imbalance", f"{self._micro()} * max({slowest} - {self._busy()}, 0)")

    def _added(self, stage: str, extra: str) -> str:
        before = self._before(stage)
        return f"{before} / ({before} + {extra})"


def micro_batches(run: Run, draft: Draft) -> str:
    """The symbol for the micro-batches of a replica and step."""
    value = run.one(run.step.micro_batch_count)
    return draft.found("m", "mfu.micro_batch_count", "count", "micro-batches of a replica and step", value)


def _stages(run: Run, draft: Draft) -> str:
    return draft.given("pp", run.one(run.job.pp_count), "count", "pipeline stages", f"{run.path}.layout.pp")


def _fill_and_drain(run: Run, draft: Draft) -> str:
    """Micro-batches that a pipeline is idle for."""
    schedule = draft.given(
        "k",
        run.one(run.job.schedule_factor),
        "factor",
        "bubble of the schedule over that of 1F1B",
        *(path for path in draft.assumptions if path.startswith("schedule.")),
    )
    meaning, path = "virtual stages of a stage", f"{run.path}.layout.vpp"
    vpp = draft.given("vpp", run.one(run.job.vpp_count), "count", meaning, path)
    return f"{schedule} * ({_stages(run, draft)} - 1) / {vpp}"


def _ceiling(context: Context, run: Run, draft: Draft, place: int) -> str:
    return best(context, run, draft, place)


def _shape(context: Context, run: Run, draft: Draft, place: int) -> str:
    return shape_share(context, run, draft, place)


def _memory_bound(_context: Context, run: Run, draft: Draft, _place: int) -> str:
    meaning = "memory-bound time over that of matrix products, as assumed"
    share = draft.given("x", run.one(run.job.memory_bound_share), "share", meaning, "mfu.memory_bound_share")
    return f"1 / (1 + {share})"


def _recompute(_context: Context, run: Run, draft: Draft, _place: int) -> str:
    draft.note = "without a model nothing is said of attention"
    value = run.one(run.job.recompute_layer_share)
    again = draft.given("x", value, "share", "of a forward pass that is run again", f"{run.path}.layout.recompute")
    return f"1 / (1 + {again} / 3)"


def _bubble(_context: Context, run: Run, draft: Draft, _place: int) -> str:
    return f"1 / (1 + {_fill_and_drain(run, draft)} / {micro_batches(run, draft)})"


def _stage_imbalance(_context: Context, run: Run, draft: Draft, _place: int) -> str:
    meaning = "time of the slowest stage over the mean, less one, as assumed"
    value = run.one(run.job.stage_imbalance_share)
    delta = draft.given("delta", value, "share", meaning, "mfu.stage_imbalance_share")
    path = f"{run.path}.layout.pp"
    pp = draft.given("pp", run.one(run.job.pp_count), "count", "pipeline stages; of one alone none is slower", path)
    return f"1 / (1 + {delta} * min({pp} - 1, 1))"


_ASSUMED: Mapping[str, Callable[[Context, Run, Draft, int], str]] = {
    "ceiling": _ceiling,
    "shape": _shape,
    "memory_bound": _memory_bound,
    "recompute": _recompute,
    "bubble": _bubble,
    "stage_imbalance": _stage_imbalance,
}
