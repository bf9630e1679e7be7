"""Train or lease in words and tables, and what a tenant would serve."""

from collections.abc import Iterator

import numpy as np

from colocalc.case import Case
from colocalc.report.table import Column, Note, Table
from colocalc.report.views.common import metric_table, number
from colocalc.study.evaluate import Result
from colocalc.study.serving import ServingResult
from colocalc.study.train_or_lease import Option, Split, TrainOrLease
from colocalc.units import text

_SUMMARY = (
    "choice.lease_premium_factor",
    "choice.indifference_mfu_share",
    "choice.indifference_rate_usd_per_gpu_h",
    "choice.forgone_rent_usd_per_pflop_h",
    "choice.owning_cost_usd_per_pflop_h",
    "choice.market_price_usd_per_pflop_h",
    "choice.training_value_usd_per_yr",
    "choice.owning_cost_usd_per_yr",
)
_PREMIUM = "choice.lease_premium_factor"


def headline(case: Case, result: Result, found: TrainOrLease) -> tuple[str, ...]:
    """What to do, what it rests on, the best split, and what a tenant's tokens must cost."""
    return (*_verdict(result, found), *_prices(case, result, found), *_best(found), *_tenant(case, result.serving))


def _verdict(result: Result, found: TrainOrLease) -> Iterator[str]:
    if _PREMIUM not in result.metrics:
        yield f"Train or lease is undefined: {result.undefined[_PREMIUM]}."
        return
    whole = found.levels[0]
    premium, limit = whole.premium_factor, whole.indifference_mfu_share
    ends = [one.mfu_share for one in found.levels if one.name.endswith("of the band")]
    band = f" ({text(min(ends), 'share')} to {text(max(ends), 'share')})" if ends else ""
    model = f"the model gives {text(whole.mfu_share, 'share')}{band}"
    pays = f"the lease brings {text(premium, 'factor')} times what that training would cost elsewhere"
    if premium >= 1.0 and limit > 1.0:
        yield f"Lease all of it: no MFU makes training worth the rent; {model}, and {pays}."
    elif premium >= 1.0:
        yield f"Lease all of it unless training reaches {text(limit, 'share')} MFU: {model}, and {pays}."
    else:
        rate = text(number(result.metrics.get("choice.indifference_rate_usd_per_gpu_h", np.nan)), "usd_per_gpu_h")
        yield f"Train on all of it unless the lease pays more than {rate}: {model}, and {pays}."


def _prices(case: Case, result: Result, found: TrainOrLease) -> Iterator[str]:
    whole = found.levels[0]
    if not np.isnan(whole.forgone_rent_usd_per_pflop_h):
        sentence = f"A delivered PFLOP-hour costs {_both(whole)}"
        if "choice.market_price_usd_per_pflop_h" in result.metrics:
            price = float(result.metrics["choice.market_price_usd_per_pflop_h"])
            sentence += f", against {text(price, 'usd_per_pflop_h')} on {_reference(case)}"
        yield f"{sentence}."
        for one in found.levels:
            if one.name.startswith("claimed"):
                yield f"At the claimed MFU of {text(one.mfu_share, 'share')}: {_both(one)}."


def _both(one: Option) -> str:
    """What a PFLOP-hour costs on both bases; owning only where it is known."""
    rent = f"{text(one.forgone_rent_usd_per_pflop_h, 'usd_per_pflop_h')} in forgone rent"
    own = one.owning_cost_usd_per_pflop_h
    return rent if np.isnan(own) else f"{rent} and {text(own, 'usd_per_pflop_h')} to own"


def _reference(case: Case) -> str:
    given = case.choice
    rate = text(float(given.reference_rate_usd_per_gpu_h), "usd_per_gpu_h")
    return f"{given.reference_gpu} at {rate} and {text(float(given.reference_mfu_share), 'share')} MFU"


def _best(found: TrainOrLease) -> Iterator[str]:
    best = found.best
    if best is None or len(best.trained) + len(best.leased) < 2:
        return
    all_leased = found.splits[0]
    others = found.splits[:2]
    if best.trained and best.leased:
        more = best.total_usd_per_yr - max(one.total_usd_per_yr for one in others)
        yield (
            f"Best by pool: train on {_listed(best.trained)} and lease {_listed(best.leased)}: "
            f"{text(best.total_usd_per_yr, 'usd_per_yr')}, {text(more, 'usd_per_yr')} more than all of it one way."
        )
    elif best.trained:
        how = "as one" if best.together else "in partitions of one GPU type each"
        more = best.total_usd_per_yr - all_leased.total_usd_per_yr
        yield f"Best by pool: train on all of them, {how}: {text(more, 'usd_per_yr')} more than leasing them."
    else:
        yield "Best by pool: lease all of them; no split brings more."


def _listed(names: tuple[str, ...]) -> str:
    shown = names if len(names) <= 4 else (*names[:3], f"{len(names) - 3} others")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _tenant(case: Case, serving: ServingResult | None) -> Iterator[str]:
    price = None if serving is None else number(serving.mean_break_even_usd_per_mtoken)
    given = case.inference
    if price is not None and given is not None:
        used = text(float(given.utilization_share), "share")
        yield (
            f"A tenant who serves {given.model} in {given.precision}, GPUs busy {used} of the time, pays the lease "
            f"with {text(price, 'usd_per_mtoken')}, prompt and output alike; latency is not bounded."
        )


def tables(case: Case, result: Result, found: TrainOrLease) -> tuple[Table, ...]:
    """Both bases at each MFU, the options, the splits, the figures, and the tenant's view."""
    serving = (_serving(case, result.serving),) if result.serving is not None else ()
    options = (_options(found),) if found.options else ()
    splits = (_splits(found),) if len(found.splits) > 2 or (len(found.options) > 1 and found.splits) else ()
    summary = metric_table("choice", "Train or lease, in figures", _SUMMARY, result, caption=_owning_words(case))
    levels = (_levels(found),) if result.training is not None else ()
    return (*levels, *options, *splits, summary, *serving)


def _owning_words(case: Case) -> str:
    if case.choice.owning_from == "costs":
        return "Owning cost: of the file's costs; capital as an annuity over its life."
    return (
        f"Owning cost: of the bundled card {case.choice.owning_from}, every hour of the year; costs would replace it."
    )


def _levels(found: TrainOrLease) -> Table:
    columns = (
        Column("level", "MFU of the fleet", kind="text"),
        Column("mfu_share", "MFU", "share"),
        Column("forgone_rent_usd_per_pflop_h", "Forgone rent", "usd_per_pflop_h"),
        Column("owning_cost_usd_per_pflop_h", "Owning", "usd_per_pflop_h"),
        Column("training_value_usd_per_yr", "Training worth", "usd_per_yr"),
        Column("lease_premium_factor", "Premium", "factor"),
    )
    rows = tuple(
        (
            one.name,
            one.mfu_share,
            number(one.forgone_rent_usd_per_pflop_h),
            number(one.owning_cost_usd_per_pflop_h),
            number(one.value_usd_per_yr),
            number(one.premium_factor),
        )
        for one in found.levels
    )
    caption = "A delivered PFLOP-hour on both bases. Premium: the lease over what the training would cost elsewhere."
    return Table("choice_levels", "What a delivered PFLOP-hour costs", columns, rows, caption=caption)


def _options(found: TrainOrLease) -> Table:
    columns = (
        Column("option", "Trained on", kind="text"),
        Column("gpu_count", "GPUs", "count", wide=True),
        Column("mfu_share", "MFU", "share"),
        Column("training_value_usd_per_yr", "Training worth", "usd_per_yr"),
        Column("revenue_usd_per_yr", "Lease brings", "usd_per_yr"),
        Column("owning_cost_usd_per_yr", "Owning", "usd_per_yr", wide=True),
        Column("lease_premium_factor", "Premium", "factor"),
        Column("indifference_mfu_share", "Equal at", "share"),
        Column("indifference_rate_usd_per_gpu_h", "Equal at rate", "usd_per_gpu_h"),
        Column("forgone_rent_usd_per_pflop_h", "Forgone rent", "usd_per_pflop_h", wide=True),
        Column("owning_cost_usd_per_pflop_h", "Owning", "usd_per_pflop_h", wide=True),
    )
    rows = tuple(
        (
            one.name,
            one.gpu_count,
            number(one.mfu_share),
            number(one.value_usd_per_yr),
            number(one.revenue_usd_per_yr),
            number(one.owning_cost_usd_per_yr),
            number(one.premium_factor),
            number(one.indifference_mfu_share),
            number(one.indifference_rate_usd_per_gpu_h),
            number(one.forgone_rent_usd_per_pflop_h),
            number(one.owning_cost_usd_per_pflop_h),
        )
        for one in found.options
    )
    caption = (
        "Partitions: a job for each GPU type; a pool: in a job of its own, with its part of the batch. Equal at: the "
        "MFU and the rate per billed GPU-hour at which training and lease are worth the same."
    )
    return Table("choice_options", "Training against the lease", columns, rows, caption=caption)


def _splits(found: TrainOrLease) -> Table:
    columns = (
        Column("split", "Split", kind="text"),
        Column("trained", "Trains", kind="text"),
        Column("leased", "Leased", kind="text"),
        Column("training_value_usd_per_yr", "Training worth", "usd_per_yr"),
        Column("revenue_usd_per_yr", "Rent", "usd_per_yr"),
        Column("total_usd_per_yr", "Together", "usd_per_yr"),
    )
    caption = (
        "Every split of the pools was tried, those that train as one job and in partitions."
        if found.is_exhaustive
        else "Too many pools to try every split: they join the training one by one, least rent for its worth first."
    )
    rows = tuple(_split_row(one, found) for one in found.splits)
    return Table("choice_splits", "The best split of the pools", columns, rows, caption=caption)


def _split_row(one: Split, found: TrainOrLease) -> tuple[object, ...]:
    kind = "lease all" if not one.trained else "train all" if not one.leased else "mixed"
    best = ", best" if one is found.best else ""
    way = "" if one.together or len(one.trained) < 2 else " (partitions)"
    return (
        f"{kind}{best}",
        f"{', '.join(one.trained) or 'none'}{way}",
        ", ".join(one.leased) or "none",
        one.value_usd_per_yr,
        one.revenue_usd_per_yr,
        one.total_usd_per_yr,
    )


def _serving(case: Case, serving: ServingResult) -> Table:
    columns = (
        Column("pool", "Pool", kind="text"),
        Column("replica_gpu_count", "Replica", "count"),
        Column("batch_count", "Sequences", "count", wide=True),
        Column("prefill_tokens_per_s_per_gpu", "Prefill", "tokens_per_s_per_gpu", wide=True),
        Column("decode_tokens_per_s_per_gpu", "Decode", "tokens_per_s_per_gpu"),
        Column("user_tokens_per_s", "A user gets", "tokens_per_s", wide=True),
        Column("served_tokens_per_s", "Served", "tokens_per_s", wide=True),
        Column("input_usd_per_mtoken", "Input", "usd_per_mtoken"),
        Column("output_usd_per_mtoken", "Output", "usd_per_mtoken"),
        Column("blended_usd_per_mtoken", "3:1", "usd_per_mtoken"),
        Column("break_even_usd_per_mtoken", "Lease pays at", "usd_per_mtoken"),
    )
    rows = [_serving_row(case, serving, place) for place in range(len(case.pools.names))]
    rows.append(
        (
            "fleet",
            None,
            None,
            number(serving.mean_prefill_tokens_per_s_per_gpu),
            number(serving.mean_decode_tokens_per_s_per_gpu),
            None,
            number(serving.total_served_tokens_per_s),
            number(serving.mean_input_usd_per_mtoken),
            number(serving.mean_output_usd_per_mtoken),
            number(serving.mean_blended_usd_per_mtoken),
            number(serving.mean_break_even_usd_per_mtoken),
        )
    )
    caption = (
        "A roofline: as many sequences as memory holds, no bound on latency, so an upper bound on tokens; prices at "
        "the lease rate and the utilization. Replicas share nothing and keep to one pool, so that mixing costs nothing."
    )
    title = "The tenant's view: tokens, and what they must cost"
    return Table("inference", title, columns, tuple(rows), total_count=1, caption=caption)


def _serving_row(case: Case, serving: ServingResult, place: int) -> tuple[object, ...]:
    step = float(serving.step_s[place] / serving.jitter_factor[place])
    return (
        case.pools.names[place],
        number(serving.replica_gpu_count[place]),
        number(serving.batch_count[place]),
        number(serving.prefill_tokens_per_s_per_gpu[place]),
        number(serving.decode_tokens_per_s_per_gpu[place]),
        1.0 / step if step > 0.0 else None,
        number(serving.served_tokens_per_s[place]),
        number(serving.input_usd_per_mtoken[place]),
        number(serving.output_usd_per_mtoken[place]),
        number(serving.blended_usd_per_mtoken[place]),
        number(serving.break_even_usd_per_mtoken[place]),
    )


def warnings(case: Case, result: Result) -> Iterator[Note]:
    """Pools that are not on both sides of the choice, and models that do not fit."""
    both = _PREMIUM in result.metrics
    if both and case.lease is not None and -1 in case.lease.contract_index:
        names = [name for name, index in zip(case.pools.names, case.lease.contract_index, strict=True) if index < 0]
        yield Note(f"under no contract, so that leasing brings nothing: {_listed(tuple(names))}", "warning")
    trained = {pool for job in case.jobs for pool in job.pool_index}
    if both and len(trained) < len(case.pools.names):
        idle = tuple(name for place, name in enumerate(case.pools.names) if place not in trained)
        yield Note(f"in no training job, so that training is worth nothing: {_listed(idle)}", "warning")
    if result.serving is not None:
        full = (result.serving.batch_count < 1.0) & (case.pools.gpu_count > 0.0)
        names = [name for name, lacks in zip(case.pools.names, full, strict=True) if bool(lacks)]
        if names:
            yield Note(f"a replica holds the model and no sequence beside it: {_listed(tuple(names))}", "warning")
