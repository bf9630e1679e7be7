"""What somebody said of a fleet, as a user writes it down to have it weighed against the model."""

from typing import Annotated

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from colocalc.figure import Definition, IsoDate, Name, Text, written_as

BASE = "base"  # what a claim calls the file as it is, beside its scenarios
Number = Annotated[float, Field(strict=True)]


class Range(Definition):
    """What a claim says, when it is not one number."""

    low: Number | None = None
    high: Number | None = None
    at_least: Number | None = None
    at_most: Number | None = None

    @model_validator(mode="after")
    def _one_form(self) -> "Range":
        pair = self.low is not None and self.high is not None
        single = (self.at_least is not None) + (self.at_most is not None)
        if pair + single != 1 or (self.low is None) != (self.high is None):
            raise PydanticCustomError("form", "should be a number, {low, high}, {at_least} or {at_most}")
        if pair and self.low > self.high:  # type: ignore[operator]
            raise PydanticCustomError("band", "low is above high")
        return self


class Claim(Definition):
    """What somebody said about a metric, an input or a cause.

    Attributes
    ----------
    id : str
        What the verdict is called by.
    statement : str
        The sentence, in the words of the file.
    metric, input, cause : str
        What it is about: a metric id, a key of the file, or a stage of the waterfall that is blamed for a fall of
        ``metric`` from ``reference`` to what the claim says.
    by : str
        The one input that is said to bring the metric about; the verdict solves for it.
    scenario : str
        The scenario of the file it is weighed in.
    relative_to : str
        A scenario (``base`` for the file as it is): the claim is about the metric over its value there.
    not_covered : str
        Why the model says nothing about it; instead of ``metric``, ``input`` and ``cause``.
    says : float or Range
        A number in the metric's stored unit, ``{low, high}``, ``{at_least}`` or ``{at_most}``.
    who, date, source, note : str
        Where it comes from.
    """

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["says"]}, {"required": ["not_covered"]}]})

    id: Name | None = None
    statement: Text | None = None
    metric: Text | None = None
    input: Text | None = None
    cause: Text | None = None
    by: Text | None = None
    reference: Number | None = None
    scenario: Name | None = None
    relative_to: Name | None = None
    not_covered: Text | None = None
    says: (
        Annotated[Annotated[Number, Tag("word")] | Annotated[Range, Tag("mapping")], Discriminator(written_as)] | None
    ) = None
    who: Text | None = None
    date: IsoDate | None = None
    source: Text | None = None
    note: Text | None = None

    @model_validator(mode="after")
    def _about_something(self) -> "Claim":
        if not (self.metric or self.input or self.cause or self.not_covered):
            raise PydanticCustomError("form", "a claim is about a metric, an input or a cause")
        if self.not_covered and (self.metric or self.input or self.cause):
            message = "not_covered stands instead of a metric, an input or a cause"
            raise PydanticCustomError("form", message, {"at": "not_covered"})
        if self.input is not None and (self.metric or self.cause):
            raise PydanticCustomError("form", "a claim about an input has no metric and no cause", {"at": "input"})
        if self.cause is not None and (self.metric is None or self.reference is None):
            raise PydanticCustomError("form", "a cause claim also names its metric and its reference")
        if self.says is None and not self.not_covered:
            raise PydanticCustomError("missing_says", "missing", {"at": "says"})
        return self

    @model_validator(mode="after")
    def _parts_that_fit(self) -> "Claim":
        for part in ("by", "relative_to"):
            if getattr(self, part) is not None and (self.metric is None or self.cause is not None):
                words = {"part": part, "at": part}
                raise PydanticCustomError("form", "{part} belongs to a claim about a metric", words)
        if self.reference is not None and self.cause is None:
            raise PydanticCustomError("form", "reference belongs to a claim about a cause", {"at": "reference"})
        if self.by is not None and self.relative_to is not None:
            raise PydanticCustomError("form", "by does not go with relative_to", {"at": "by"})
        return self

    @model_validator(mode="after")
    def _a_fall(self) -> "Claim":
        """What a cause is blamed for: of two numbers above zero, the second below the first."""
        if self.cause is None:
            return self
        if isinstance(self.says, Range):
            raise PydanticCustomError("form", "a cause claim says one number", {"at": "says"})
        if not float(self.reference or 0.0) > float(self.says or 0.0) > 0.0:
            message = "a cause claim is about a fall: reference above says, and says above 0"
            raise PydanticCustomError("form", message, {"at": "says"})
        return self
