"""How long does one optimizer step of a transformer take, and which mechanism takes what?

An analytic model: no simulation, no loop over plans. One plan and a million take the same path. The parts come in the
order of the waterfall, so that the product of (time before / time after) is the step MFU.
"""

import numpy as np

from colocalc.arrays import Array
from colocalc.mfu.pipeline import bubble_share
from colocalc.mfu.predict import compute, exchange, traffic, waiting
from colocalc.mfu.predict.facts import STAGES, Chip, Constants, Dimensions, Plan, Stack, StepTime
from colocalc.mfu.predict.setup import Setup, peak_time_s, set_up


def step_time(*, dimensions: Dimensions, chip: Chip, plan: Plan, stack: Stack, constants: Constants) -> StepTime:
    """Time of one optimizer step and its parts.

    Plans are taken as they come: whole micro-batches, and chips that are the product of all ranks, are the caller's
    concern; whether a plan fits in memory is ``colocalc.mfu.predict.memory``'s. A ring carries data parallelism; hop
    latency is counted under FSDP alone.

    Parameters
    ----------
    dimensions : Dimensions
        What is trained, each field (...).
    chip : Chip
        On what, each field (...).
    plan : Plan
        How it is cut, each field (...).
    stack : Stack
        What the software is stated to do, each field (...).
    constants : Constants
        The constants of the calibration, each (...).

    Returns
    -------
    StepTime
        Step time, and the time after each stage [s].

    Notes
    -----
    With ``m`` micro-batches, ``l`` layers of a stage, ``p`` stages and ``z`` passes of the attention core:
    ``ceiling = m (l (3 linear + z best core) + head/p)``;
    shape adds ``m (l (shape + z (core - best core)) + head shape/p)``;
    memory_bound ``m (l memory + loss/p) + optimizer``; recompute ``m l again``;
    tensor_context_expert ``m (l (tp + cp + ep) + sends)``, after which ``busy = (T - optimizer)/m``;
    bubble ``m busy schedule (p - 1)/(v m)`` and the sends of fill and drain;
    stage_imbalance ``m max(0, slowest stage - busy)``; data_parallel what is exposed, times
    ``1 + dcn_share log2(slices)^1.5``; jitter its excess; software
    ``T (1 + maturity_share exp(-age/maturity_months)) + fixed_step_s``

    - one GPU: ceiling, shape, memory_bound, recompute and software only
    - infinite links: no data_parallel without FSDP, and of tensor_context_expert only starts and dispatch
    - more micro-batches without bound: bubble and data_parallel vanish, without FSDP
    - an old generation: software is the fixed time
    - a fused attention kernel faster than BF16 products: shape gives time back
    - faster links, HBM or products: never a longer step; but uneven stages that overlap data parallelism have the
      window of a mean stage, and there a faster chip may cost a few percent

    References
    ----------
    Narayanan et al. 2021, section 2.2; Korthikanti et al. 2022, sections 4 and 5; Rajbhandari et al. 2020, section 7;
    Zhao et al. 2023, section 3.2; Llama 3, section 3.3; MegaScale, section 3; the modules composed here say more.
    """
    setup = set_up(dimensions=dimensions, chip=chip, plan=plan, stack=stack, constants=constants)
    micro, part = setup.part.micro_batch_count, setup.part
    layer, head, sends = compute.layer_work(setup), compute.head_work(setup), traffic.pipeline_sends(setup)
    optimizer_s = compute.optimizer_s(setup)
    inner_s = traffic.tensor_s(setup) + traffic.context_s(setup) + traffic.expert_s(setup)

    core_s, passes = layer.core_s - layer.best_core_s, layer.core_pass_count
    ceiling_s = micro * _stage_s(setup, compute.PRODUCTS * layer.linear_s + passes * layer.best_core_s, head.linear_s)
    shape_s = ceiling_s + micro * _stage_s(setup, layer.shape_s + passes * core_s, head.shape_s)
    memory_s = shape_s + micro * _stage_s(setup, layer.memory_s, head.loss_s) + optimizer_s
    recompute_s = memory_s + micro * part.stage_layer_count * layer.again_s
    communicated_s = recompute_s + micro * (part.stage_layer_count * inner_s + sends.micro_batch_s)
    busy_s = (communicated_s - optimizer_s) / micro
    bubble_s = communicated_s + _bubble_s(setup, busy_s) + sends.fill_s

    layer_s = compute.PRODUCTS * layer.linear_s + passes * layer.core_s + layer.shape_s + layer.memory_s
    slowest_s = waiting.slowest_stage_s(setup, head, layer_s + layer.again_s + inner_s) + sends.micro_batch_s
    excess_s = np.where(plan.pp_count > 1.0, np.maximum(slowest_s - busy_s, 0.0), 0.0)
    imbalance_s = bubble_s + micro * excess_s
    exchanged = exchange.exchange(setup, busy_s)
    parallel_s = (imbalance_s + exchanged.exposed_s) * (1.0 + slices_share(setup))
    jitter_s = parallel_s * (1.0 + waiting.jitter_excess_share(setup))
    software_s = jitter_s * (1.0 + immature_share(setup)) + constants.fixed_step_s
    times = (ceiling_s, shape_s, memory_s, recompute_s, communicated_s, bubble_s, imbalance_s, parallel_s, jitter_s)
    return StepTime(
        step_time_s=software_s,
        peak_time_s=peak_time_s(setup),
        after_s=dict(zip(STAGES, (*times, software_s), strict=True)),
        micro_batch_s=busy_s,
        dp_collective_s=exchanged.collective_s,
    )


def _stage_s(setup: Setup, layer_s: Array, head_s: Array) -> Array:
    """One micro-batch on a mean stage: its layers, and its part of the head."""
    return setup.part.stage_layer_count * layer_s + head_s / setup.plan.pp_count


def _bubble_s(setup: Setup, busy_s: Array) -> Array:
    micro = setup.part.micro_batch_count
    share = bubble_share(
        pp_count=setup.plan.pp_count,
        vpp_count=setup.plan.vpp_count,
        micro_batch_count=micro,
        schedule_factor=setup.plan.schedule_factor,
    )
    return share * micro * busy_s


def slices_share(setup: Setup) -> Array:
    """Extra time of TPU slices, over that of one: an empirical law, nearly independent of the bytes sent.

    Parameters
    ----------
    setup : Setup
        The run, each field (...).

    Returns
    -------
    ndarray (...)
        Extra time [share].

    Notes
    -----
    ``dcn_share log2(slices)^1.5``

    - one slice, as which GPUs count: 0

    References
    ----------
    MaxText's published runs on 1 to 32 slices, in the catalog's runs.
    """
    slices = np.log2(np.maximum(setup.stack.slice_count, 1.0))
    return setup.constants.dcn_share * slices * np.sqrt(slices)


def immature_share(setup: Setup) -> Array:
    """Extra time of a young generation of GPUs.

    Parameters
    ----------
    setup : Setup
        The run, each field (...).

    Returns
    -------
    ndarray (...)
        Extra time [share].

    Notes
    -----
    ``maturity_share exp(-age/maturity_months)``

    - at launch: maturity_share
    - an old generation: 0

    References
    ----------
    An empirical law of the catalog's runs: rounds of MLPerf of one layout.
    """
    constants = setup.constants
    return constants.maturity_share * np.exp(-setup.stack.age_months / constants.maturity_months)
