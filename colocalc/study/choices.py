"""The metrics of training against leasing and of inference, and why one of them has no value."""

from collections.abc import Iterator

import numpy as np

from colocalc.arrays import Array
from colocalc.case import Case
from colocalc.study.opportunity import ChoiceResult
from colocalc.study.serving import ServingResult
from colocalc.study.undefined import gpus_where

NEEDS_REFERENCE = "needs finance.reference (a GPU, its rate and its MFU)"
NEEDS_INFERENCE = "needs inference (a model that is served)"
_FREE = "compute costs nothing at the reference"
_PRICES = ("input", "output", "blended", "break_even")


def choice_values(choice: ChoiceResult) -> Iterator[tuple[str, Array]]:
    """The fleet's metrics of training against leasing, by id."""
    yield "choice.market_price_usd_per_pflop_h", choice.price_usd_per_pflop_h
    yield "choice.training_value_usd_per_yr", choice.value_usd_per_yr
    yield "choice.owning_cost_usd_per_yr", choice.owning_cost_usd_per_yr
    yield "choice.forgone_rent_usd_per_pflop_h", choice.forgone_rent_usd_per_pflop_h
    yield "choice.owning_cost_usd_per_pflop_h", choice.owning_cost_usd_per_pflop_h
    yield "choice.lease_premium_factor", choice.premium_factor
    yield "choice.indifference_mfu_share", choice.indifference_mfu_share
    yield "choice.indifference_rate_usd_per_gpu_h", choice.indifference_rate_usd_per_gpu_h


def serving_values(serving: ServingResult) -> Iterator[tuple[str, Array]]:
    """The fleet's metrics of inference, by id."""
    yield "inference.prefill_tokens_per_s_per_gpu", serving.mean_prefill_tokens_per_s_per_gpu
    yield "inference.decode_tokens_per_s_per_gpu", serving.mean_decode_tokens_per_s_per_gpu
    yield "inference.served_tokens_per_s", serving.total_served_tokens_per_s
    for kind in _PRICES:
        yield f"inference.{kind}_usd_per_mtoken", getattr(serving, f"mean_{kind}_usd_per_mtoken")
    yield "inference.jitter_factor", serving.mean_jitter_factor
    yield "inference.mixed_generations_factor", serving.mixed_generations_factor


def pool_choice_values(choice: ChoiceResult | None, serving: ServingResult | None) -> Iterator[tuple[str, Array]]:
    """What each pool has of both, ``(..., pool)``."""
    if choice is not None:
        yield "choice.owning_cost_usd_per_yr", choice.pool_owning_cost_usd_per_yr
        yield "choice.indifference_mfu_share", choice.pool_indifference_mfu_share
    if serving is not None:
        yield "inference.prefill_tokens_per_s_per_gpu", serving.prefill_tokens_per_s_per_gpu
        yield "inference.decode_tokens_per_s_per_gpu", serving.decode_tokens_per_s_per_gpu
        yield "inference.served_tokens_per_s", serving.served_tokens_per_s
        for kind in _PRICES:
            yield f"inference.{kind}_usd_per_mtoken", getattr(serving, f"{kind}_usd_per_mtoken")
        yield "inference.jitter_factor", serving.jitter_factor


# What each metric cannot do without, in the order it is asked for.
_INPUTS = {
    "choice.market_price_usd_per_pflop_h": ("reference",),
    "choice.training_value_usd_per_yr": ("training", "reference"),
    "choice.owning_cost_usd_per_yr": ("owning",),
    "choice.forgone_rent_usd_per_pflop_h": ("lease", "training"),
    "choice.owning_cost_usd_per_pflop_h": ("training", "owning"),
    "choice.lease_premium_factor": ("lease", "training", "reference"),
    "choice.indifference_mfu_share": ("lease", "reference"),
    "choice.indifference_rate_usd_per_gpu_h": ("lease", "training", "reference"),
}


def no_choice(name: str, case: Case, needs: dict[str, str]) -> str:
    """Why a metric of the choice has no value.

    Parameters
    ----------
    name : str
        Its id.
    case : Case
        The fleet.
    needs : dict of str to str
        What to say of a block that is missing: ``training``, ``lease``, and ``billed`` for hours.
    """
    there = {
        "training": bool(case.jobs),
        "lease": case.lease is not None,
        "reference": bool(case.choice.reference_gpu),
        "owning": not _unowned(case),
    }
    said = {**needs, "reference": NEEDS_REFERENCE, "owning": _unowned(case)}
    for word in _INPUTS[name]:
        if not there[word]:
            return said[word]
    if name == "choice.indifference_rate_usd_per_gpu_h":
        return needs["billed"]
    if name == "choice.owning_cost_usd_per_yr":
        return needs["power"]
    if "reference" in _INPUTS[name] and bool(np.any(np.isnan(case.choice.reference_peak_pflop_per_s))):
        return f"no peak is known for {case.choice.reference_gpu}"
    free = "reference" in _INPUTS[name] and not bool(np.any(case.choice.reference_rate_usd_per_gpu_h > 0.0))
    return _FREE if free else needs["delivered"]


def _unowned(case: Case) -> str:
    """Which GPUs of the fleet have no owning cost; empty where all have one."""
    if case.choice.owning_from == "costs":
        return ""
    missing = gpus_where(case, np.isnan(case.choice.owning_rate_usd_per_gpu_h) & (case.pools.gpu_count > 0.0))
    if not missing:
        return ""
    return f"card {case.choice.owning_from} has no owning cost of {missing}; give costs.capital_usd_per_gpu"


def no_inference(name: str, case: Case, needs: dict[str, str]) -> str:
    """Why a metric of inference has no value; ``needs`` as for ``no_choice``."""
    given = case.inference
    if given is None:
        return NEEDS_INFERENCE
    unknown = np.isnan(given.peak_flop_per_s) | np.isnan(given.hbm_byte) | np.isnan(given.hbm_byte_per_s)
    if missing := gpus_where(case, unknown & (case.pools.gpu_count > 0.0)):
        return f"no peak or memory is known for {missing}"
    if name.endswith("_usd_per_mtoken") and case.lease is None:
        return needs["lease"]
    if name.endswith("_usd_per_mtoken") and not bool(np.any(case.lease.billed_share > 0.0)):  # type: ignore[union-attr]
        return needs["billed"]
    return "no replica of the model has a place, or a sequence beside its weights"
