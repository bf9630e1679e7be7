"""What a choice between training and leasing needs: where else compute could be bought, and what owning costs."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from colocalc.arrays import Array
from colocalc.card import find_rate
from colocalc.case import facts
from colocalc.case.ledger import Ledger, array, per_type, scalar
from colocalc.case.pools import Pools
from colocalc.case.training import TrainingCase
from colocalc.deal import Costs
from colocalc.fleet import Fleet
from colocalc.hardware import GpuType
from colocalc.units import FLOPS_PER_PFLOPS

_TOPIC: Final = "choice"


@dataclass(frozen=True, eq=False)
class ChoiceCase:
    """Prices of compute bought and owned; NaN where a fleet gives no reference, and where a cost is not known.

    Attributes
    ----------
    reference_gpu : str
        Where compute could be bought instead; empty without ``finance.reference``.
    reference_rate_usd_per_gpu_h, reference_peak_pflop_per_s, reference_mfu_share : ndarray (...)
        Rent of one such GPU, its dense peak at the precision trained, and the MFU it reaches.
    owning_from : str
        ``costs``, or the name of the card of owning costs.
    owning_rate_usd_per_gpu_h : ndarray (..., pool)
        Of the card; NaN where it has none, and where ``costs`` are used.
    capital_usd_per_gpu : ndarray (..., pool)
        Of ``costs``; NaN where the card is used.
    data_centre_usd_per_mw, book_life_yr, data_centre_life_yr, discount_share, residual_share : ndarray (...)
        How capital becomes a yearly cost.
    exhaustive_pool_count : float
        How many pools are split in every way.
    """

    reference_gpu: str
    reference_rate_usd_per_gpu_h: Array
    reference_peak_pflop_per_s: Array
    reference_mfu_share: Array
    owning_from: str
    owning_rate_usd_per_gpu_h: Array
    capital_usd_per_gpu: Array
    data_centre_usd_per_mw: Array
    book_life_yr: Array
    data_centre_life_yr: Array
    discount_share: Array
    residual_share: Array
    exhaustive_pool_count: float


def lower_choice(fleet: Fleet, pools: Pools, jobs: tuple[TrainingCase, ...], ledger: Ledger) -> ChoiceCase:
    """The reference and the owning costs of a fleet: its own where it prices every GPU, else those of a card."""
    costs = fleet.costs
    capital = _capital(costs, pools, ledger)
    owned = bool(np.isfinite(capital).all())
    card = "costs" if owned else ledger.word("owning.card", None, _TOPIC, default="owning.card")
    if not owned and costs is not None and costs.capital_usd_per_gpu:
        ledger.remark("costs.capital_usd_per_gpu does not price every GPU: owning costs are those of a card", _TOPIC)
    unknown = array(*[np.nan] * len(pools.names))
    return ChoiceCase(
        **_reference(fleet, jobs, ledger),
        owning_from=card,
        owning_rate_usd_per_gpu_h=unknown if owned else per_type(pools.gpus, lambda gpu: _rate(card, gpu, ledger)),
        capital_usd_per_gpu=capital if owned else unknown,
        **_lives(fleet, ledger, owned=owned),
        exhaustive_pool_count=ledger.number(
            "choice.exhaustive_pool_count", None, _TOPIC, default="choice.exhaustive_pool_count"
        ),
    )


def _reference(fleet: Fleet, jobs: tuple[TrainingCase, ...], ledger: Ledger) -> dict[str, object]:
    given = fleet.finance.reference if fleet.finance else None
    names = ("reference_rate_usd_per_gpu_h", "reference_peak_pflop_per_s", "reference_mfu_share")
    if given is None:
        return {"reference_gpu": "", **dict.fromkeys(names, scalar(float("nan")))}
    gpu, _ = ledger.catalog.gpu(given.gpu)
    ledger.record("finance.reference.gpu", gpu.id, _TOPIC, origin="given")
    precision = jobs[0].precision if jobs else str(ledger.catalog.default("training.precision").value)
    if len({job.precision for job in jobs}) > 1:
        ledger.remark(f"jobs differ in precision: the reference GPU's peak is that of {precision}", _TOPIC)
    values = (
        ledger.number("finance.reference.rate_usd_per_gpu_h", given.rate_usd_per_gpu_h, _TOPIC),
        facts.peak_flop_per_s(gpu, precision, ledger) / FLOPS_PER_PFLOPS,
        ledger.number("finance.reference.mfu_share", given.mfu_share, _TOPIC),
    )
    return {"reference_gpu": gpu.id, **{name: scalar(value) for name, value in zip(names, values, strict=True)}}


def _capital(costs: Costs | None, pools: Pools, ledger: Ledger) -> Array:
    """Capital of each pool's GPU; nothing is recorded of a list with a gap, which is not used."""
    given = {} if costs is None else costs.capital_usd_per_gpu
    by_id = {ledger.catalog.resolve_gpu(name): (name, figure) for name, figure in given.items()}
    if any(gpu.id not in by_id for gpu in pools.gpus):
        return array(*[np.nan] * len(pools.names))

    def one(gpu: GpuType) -> float:
        name, figure = by_id[gpu.id]
        return ledger.number(f"costs.capital_usd_per_gpu.{name}", figure, _TOPIC)

    return per_type(pools.gpus, one)


def _rate(card_name: str, gpu: GpuType, ledger: Ledger) -> float:
    """What a GPU-hour costs its owner; NaN where the card has none for the GPU."""
    card = ledger.catalog.card(card_name)
    rate = find_rate(card, gpu_id=gpu.id, term="on-demand", region=None)
    if rate is None:
        return float("nan")
    note = f"owning cost, as of {rate.as_of or card.as_of}"
    return ledger.fact(f"cards.{card.name}.{gpu.id}.rate_usd_per_gpu_h", rate.rate_usd_per_gpu_h, _TOPIC, note=note)


def _lives(fleet: Fleet, ledger: Ledger, *, owned: bool) -> dict[str, Array]:
    """How capital becomes a yearly cost; not asked for where a card has that in its rate."""
    names = ("data_centre_usd_per_mw", "book_life_yr", "data_centre_life_yr", "discount_share", "residual_share")
    if not owned:
        return dict.fromkeys(names, scalar(float("nan")))
    costs, book, finance = fleet.costs, fleet.depreciation, fleet.finance
    values = (
        ledger.number("costs.data_centre_usd_per_mw", costs.data_centre_usd_per_mw if costs else None, _TOPIC),
        ledger.number(
            "depreciation.book_life_yr", book.book_life_yr if book else None, _TOPIC, default="owning.book_life_yr"
        ),
        ledger.number("owning.data_centre_life_yr", None, _TOPIC, default="owning.data_centre_life_yr"),
        ledger.number(
            "finance.discount_rate_share",
            finance.discount_rate_share if finance else None,
            _TOPIC,
            default="owning.discount_rate_share",
        ),
        ledger.number(
            "depreciation.residual_share",
            book.residual_share if book else None,
            _TOPIC,
            default="owning.residual_share",
        ),
    )
    return {name: scalar(value) for name, value in zip(names, values, strict=True)}
