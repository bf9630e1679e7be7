"""Inference explained: tokens of a replica on each pool, and what they must cost."""

from collections.abc import Callable, Mapping

from colocalc.case import InferenceCase
from colocalc.study.explain.context import Context
from colocalc.study.explain.formula import Draft
from colocalc.study.serving import Replica, ServingResult, replicas
from colocalc.units import SECONDS_PER_HOUR, TOKENS_PER_MTOKEN

_MILLION, _SECONDS = f"{TOKENS_PER_MTOKEN:.0f}", f"{SECONDS_PER_HOUR:.0f}"
_PER_GPU = {"prefill": "prompt tokens a GPU reads", "decode": "output tokens a GPU makes"}


def _known(context: Context) -> tuple[InferenceCase, ServingResult, Replica]:
    given, serving = context.case.inference, context.result.serving
    if given is None or serving is None:  # no metric of inference has a value then
        raise ValueError("the case has no inference")
    return given, serving, replicas(given)


def prefill(context: Context, draft: Draft) -> str:
    """What a GPU reads by its peak; of the fleet the mean."""
    if context.pool is None:
        return _mean(context, draft, "prefill")
    given, _, _ = _known(context)
    flop = given.matmul_flop_per_token + given.prompt_attention_flop_per_token
    eta = draft.given(
        "eta", given.compute_share, "share", "share of the peak that is reached", "inference.compute_share"
    )
    peak = draft.worked("F", given.peak_flop_per_s[context.pool], "flop_per_s", f"dense peak in {given.precision}")
    cost = draft.worked("c", flop, "flop_per_token", "arithmetic of a prompt token", "inference.prompt_tokens")
    return f"{_kept(context, draft, context.pool)} * {eta} * {peak} / {cost}"


def decode(context: Context, draft: Draft) -> str:
    """The sequences of a replica over the time of a step; of the fleet the mean."""
    if context.pool is None:
        return _mean(context, draft, "decode")
    pool, (given, _, one) = context.pool, _known(context)
    batch = draft.worked(
        "b", one.batch_count[pool], "count", "sequences that fit beside the weights", "inference.memory_share"
    )
    size = draft.worked("N", one.gpu_count[pool], "count", "GPUs of a replica", "inference.replica_gpu_count")
    read = one.read_byte[pool] + one.batch_count[pool] * one.kv_byte[pool]
    memory = draft.worked(
        "t_read",
        read / (one.gpu_count[pool] * given.bandwidth_share * given.hbm_byte_per_s[pool]),
        "s",
        "a step's weights, keys and values through the memory",
        "inference.bandwidth_share",
    )
    flop = given.matmul_flop_per_token + given.key_flop_per_token
    compute = draft.worked(
        "t_flop",
        one.batch_count[pool] * flop / (one.gpu_count[pool] * given.compute_share * given.peak_flop_per_s[pool]),
        "s",
        "a step's arithmetic",
        "inference.compute_share",
    )
    talk = draft.worked(
        "t_talk", one.communication_s[pool], "s", "a step's collectives", "inference.collective_start_s"
    )
    return f"{_kept(context, draft, pool)} * {batch} / ({size} * max({memory}, {compute}, {talk}))"


def _kept(context: Context, draft: Draft, pool: int) -> str:
    """GPUs in whole replicas, and what waiting for the slowest of a replica leaves."""
    _, serving, _ = _known(context)
    placed = draft.worked("placed", serving.placed_share[pool], "share", "GPUs in whole replicas")
    name = f"pools.{context.case.pools.names[pool]}.inference.jitter_factor"
    jitter = draft.found("j", name, "factor", "what waiting for the slowest GPU leaves")
    return f"{placed} * {jitter}"


def _pools(context: Context) -> list[int]:
    return [pool for pool, count in enumerate(context.case.pools.gpu_count) if count > 0.0]


def _found(context: Context, draft: Draft, kind: str, pool: int | None) -> str:
    name, symbol = f"inference.{kind}_tokens_per_s_per_gpu", kind
    if pool is not None:
        name, symbol = f"pools.{context.case.pools.names[pool]}.{name}", f"{kind}_{context.ends[pool]}"
    return draft.found(symbol, name, "tokens_per_s_per_gpu", _PER_GPU[kind])


def _mean(context: Context, draft: Draft, kind: str) -> str:
    pools = _pools(context)
    parts = [f"{context.gpus(draft, pool)} * {_found(context, draft, kind, pool)}" for pool in pools]
    return f"({draft.sum(parts)}) / ({draft.sum([context.gpus(draft, pool) for pool in pools])})"


def served(context: Context, draft: Draft) -> str:
    """Tokens of whole requests on each pool, at the utilization."""
    used = _utilization(context, draft)
    parts = [
        f"{context.gpus(draft, pool)} * {used} * {_requests(context, draft, pool)}"
        for pool in context.asked
        if context.case.pools.gpu_count[pool] > 0.0
    ]
    return draft.sum(parts)


def _utilization(context: Context, draft: Draft) -> str:
    given, _, _ = _known(context)
    path = "inference.utilization_share"
    return draft.given("used", given.utilization_share, "share", "time that GPUs have requests to serve", path)


def _requests(context: Context, draft: Draft, pool: int) -> str:
    given, _, _ = _known(context)
    prompt = draft.given("P", given.prompt_tokens, "tokens", "prompt of a request", "inference.prompt_tokens")
    output = draft.given("O", given.output_tokens, "tokens", "output of a request", "inference.output_tokens")
    read, made = (_found(context, draft, kind, pool) for kind in ("prefill", "decode"))
    return f"({prompt} + {output}) * {read} * {made} / ({prompt} * {made} + {output} * {read})"


def _rate(context: Context, draft: Draft) -> str:
    metric = "lease.mean_rate_usd_per_gpu_h"
    name = metric if context.pool is None else f"pools.{context.case.pools.names[context.pool]}.{metric}"
    return draft.found("r", name, "usd_per_gpu_h", "rent of a GPU-hour")


def price(kind: str) -> Callable[[Context, Draft], str]:
    """What writes the price of input (prefill) or output (decode)."""

    def write(context: Context, draft: Draft) -> str:
        rate = _rate(context, draft)
        tokens = _found(context, draft, kind, context.pool)
        return f"{_MILLION} * {rate} / ({_SECONDS} * {_utilization(context, draft)} * {tokens})"

    return write


def blended(context: Context, draft: Draft) -> str:
    """Input and output prices by the share of input."""
    given, _, _ = _known(context)
    start = "" if context.pool is None else f"pools.{context.case.pools.names[context.pool]}."
    path = "inference.input_token_share"
    share = draft.given("s", given.input_token_share, "share", "share of tokens that is input", path)
    read, made = (
        draft.found(symbol, f"{start}inference.{kind}_usd_per_mtoken", "usd_per_mtoken", f"price of {kind} tokens")
        for symbol, kind in (("p_in", "input"), ("p_out", "output"))
    )
    return f"{share} * {read} + (1 - {share}) * {made}"


def break_even(context: Context, draft: Draft) -> str:
    """Rent over the tokens served."""
    rate = _rate(context, draft)
    if context.pool is not None:
        served_per_gpu = _requests(context, draft, context.pool)
        return f"{_MILLION} * {rate} / ({_SECONDS} * {_utilization(context, draft)} * {served_per_gpu})"
    tokens = draft.found("S", "inference.served_tokens_per_s", "tokens_per_s", "tokens served")
    gpus = draft.found("n", "fleet.gpu_count", "count", "GPUs of the fleet")
    return f"{_MILLION} * {rate} * {gpus} / ({_SECONDS} * {tokens})"


def jitter(context: Context, draft: Draft) -> str:
    """What waiting for the slowest GPU of a replica leaves; of the fleet by the tokens made."""
    given, serving, one = _known(context)
    if context.pool is not None:
        path = f"inference.jitter.{given.tenancy}_share"
        sigma = draft.given(
            "sigma", given.jitter_sigma_share, "share", f"scatter of a GPU's step, {given.tenancy} tenant", path
        )
        factor = serving.jitter_factor[context.pool]
        scatter = float(given.jitter_sigma_share)
        most = (1.0 / factor - 1.0) / scatter if scatter > 0.0 else 0.0
        size = f"expected maximum of {float(one.gpu_count[context.pool]):,.0f} standard normals"
        return f"1 / (1 + {sigma} * {draft.worked('z_n', most, 'factor', size)})"
    pools = _pools(context)
    made = {pool: f"{context.gpus(draft, pool)} * {_found(context, draft, 'decode', pool)}" for pool in pools}
    without = [
        f"{text} / "
        + draft.found(
            f"j_{context.ends[pool]}",
            f"pools.{context.case.pools.names[pool]}.inference.jitter_factor",
            "factor",
            "what waiting for the slowest GPU leaves",
        )
        for pool, text in made.items()
    ]
    return f"({draft.sum(list(made.values()))}) / ({draft.sum(without)})"


def mixed(context: Context, draft: Draft) -> str:
    """Decode of whole replicas over that of every GPU."""
    _, serving, one = _known(context)
    parts, whole = [], []
    for pool in _pools(context):
        gpus, end = context.gpus(draft, pool), context.ends[pool]
        own = one.decode_tokens_per_s_per_gpu[pool] * serving.jitter_factor[pool]
        pace = draft.worked(f"own_{end}", own, "tokens_per_s_per_gpu", "output tokens of a GPU in a replica")
        placed = draft.worked(f"placed_{end}", serving.placed_share[pool], "share", "GPUs in whole replicas")
        parts.append(f"{gpus} * {placed} * {pace}")
        whole.append(f"{gpus} * {pace}")
    return f"({draft.sum(parts)}) / ({draft.sum(whole)})"


WRITERS: Mapping[str, Callable[[Context, Draft], str]] = {
    "inference.prefill_tokens_per_s_per_gpu": prefill,
    "inference.decode_tokens_per_s_per_gpu": decode,
    "inference.served_tokens_per_s": served,
    "inference.input_usd_per_mtoken": price("prefill"),
    "inference.output_usd_per_mtoken": price("decode"),
    "inference.blended_usd_per_mtoken": blended,
    "inference.break_even_usd_per_mtoken": break_even,
    "inference.jitter_factor": jitter,
    "inference.mixed_generations_factor": mixed,
}
