"""What a user may write about chance: what the ranges of figures mean, and how prices move together and in time."""

from typing import Annotated

from pydantic import Field

from colocalc.figure import Definition, Figure, Months, Quantity, Share, Text

# Half of all values would lie outside the range of a figure, or more: no range.
TailShare = Annotated[float, Quantity("share", above=0.0, at_most=0.4)]
CorrelationShare = Annotated[float, Quantity("share", at_least=-1.0, at_most=1.0)]
SpreadShare = Annotated[float, Quantity("share", at_least=0.0, at_most=10.0)]
VolatilityPerYr = Annotated[float, Quantity("share_per_yr", at_least=0.0, at_most=10.0)]
ReversionPerYr = Annotated[float, Quantity("per_yr", at_least=0.0, at_most=1_000.0)]


class RateCorrelation(Definition):
    """How the rates of two GPU types move together, where it differs from what holds for all."""

    gpus: Annotated[tuple[Text, ...], Field(min_length=2, max_length=2)]
    correlation_share: Figure[CorrelationShare]


class Risk(Definition):
    """What trials draw from.

    ``tail_share`` is the probability that a price, a rate or an amount lies below its low, and likewise above its high;
    shares, counts and factors stay inside their range. ``rate_correlation_share`` is between the logarithms of lease
    rates of different GPU types, ``volatility_share_per_yr`` and ``reversion_per_yr`` are of the market's price in
    time. ``failure_spread_share`` is how much more failures scatter from one stretch of time to another than by chance.
    """

    tail_share: Figure[TailShare] | None = None
    model_error_tail_share: Figure[TailShare] | None = None
    rate_correlation_share: Figure[Share] | None = None
    correlations: tuple[RateCorrelation, ...] = ()
    volatility_share_per_yr: Figure[VolatilityPerYr] | None = None
    reversion_per_yr: Figure[ReversionPerYr] | None = None
    failure_spread_share: Figure[SpreadShare] | None = None
    horizon_months: Figure[Months] | None = None
