"""A number with its band and its source, as a user may write it: ``2.20`` or ``{value: 2.20, source: mirae-2026-05}``.

A field says what it takes by its type: ``price_usd_per_mwh: Figure[UsdPerMwh]``. Every number alias carries its unit
and its range, so that a wrong number is refused where it is read.
"""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Generic, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
)
from pydantic_core import PydanticCustomError, core_schema

T = TypeVar("T")


class Definition(BaseModel):
    """Base of everything a user writes: frozen, no unknown keys, no NaN or infinity."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Quantity:
    """What a number is: its unit (a suffix of ``colocalc.units.UNITS``) and the values it may take.

    Used both as the argument of ``Figure`` and alone as the annotation of a bare number.
    """

    unit: str
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    whole: bool = False

    def number_schema(self) -> core_schema.CoreSchema:
        """A core schema for one strict number: text, booleans, NaN and fractions of whole things are refused."""
        number = core_schema.float_schema(
            strict=True, allow_inf_nan=False, ge=self.at_least, gt=self.above, le=self.at_most
        )
        return core_schema.no_info_after_validator_function(_whole, number) if self.whole else number

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return self.number_schema()

    def __get_pydantic_json_schema__(self, _schema: Any, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return self.json_schema()

    def json_schema(self) -> dict[str, Any]:
        """The JSON Schema of one such number (draft-07)."""
        schema: dict[str, Any] = {"type": "integer" if self.whole else "number"}
        limits = {"minimum": self.at_least, "exclusiveMinimum": self.above, "maximum": self.at_most}
        return schema | {key: limit for key, limit in limits.items() if limit is not None}


def _whole(value: float) -> float:
    if value != int(value):
        raise PydanticCustomError("not_whole", "should be a whole number")
    return value


def _mapping(value: Any) -> Any:
    return value if isinstance(value, dict) else {"value": value}


class Figure(Generic[T]):
    """A value with an optional band, source and note.

    Attributes
    ----------
    value : T
        The value used.
    low, high : T or None
        The band; ``low <= value <= high``.
    source : str or None
        Id of a source in the catalog or the file.
    note : str or None
        Anything a reader should know.
    """

    # Not a dataclass: pydantic would validate it as one and never ask for the schema below.
    __slots__ = ("high", "low", "note", "source", "value")

    def __init__(
        self, value: T, low: T | None = None, high: T | None = None, source: str | None = None, note: str | None = None
    ) -> None:
        self.value = value
        self.low = low
        self.high = high
        self.source = source
        self.note = note

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Figure) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return "Figure({!r}, low={!r}, high={!r}, source={!r}, note={!r})".format(*self._key())

    def _key(self) -> tuple[object, ...]:
        return (self.value, self.low, self.high, self.source, self.note)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, _handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        quantity = quantity_of(source)
        number = quantity.number_schema()
        written = core_schema.str_schema(strict=True, min_length=1)
        fields = {
            "value": core_schema.typed_dict_field(number, required=True, metadata={"number": quantity.json_schema()}),
            "low": core_schema.typed_dict_field(number, required=False),
            "high": core_schema.typed_dict_field(number, required=False),
            "source": core_schema.typed_dict_field(written, required=False),
            "note": core_schema.typed_dict_field(written, required=False),
        }
        mapping = core_schema.typed_dict_schema(fields, extra_behavior="forbid")
        return core_schema.no_info_before_validator_function(
            _mapping, core_schema.no_info_after_validator_function(cls._checked, mapping)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        number = schema["schema"]["schema"]["fields"]["value"]["metadata"]["number"]
        written = {"type": "string", "minLength": 1}
        parts = {"value": number, "low": number, "high": number, "source": written, "note": written}
        mapping = {"type": "object", "properties": parts, "required": ["value"], "additionalProperties": False}
        return {"anyOf": [number, mapping]}

    @classmethod
    def _checked(cls, fields: dict[str, Any]) -> "Figure[Any]":
        figure: Figure[Any] = cls(**fields)
        if figure.low is not None and figure.low > figure.value:
            raise PydanticCustomError("band", "low is above value")
        if figure.high is not None and figure.high < figure.value:
            raise PydanticCustomError("band", "high is below value")
        return figure


def quantity_of(annotation: Any) -> Quantity:
    """The ``Quantity`` behind ``Figure[UsdPerMwh]`` or ``UsdPerMwh``.

    Raises
    ------
    TypeError
        When the annotation carries none, which is a mistake in a definition.
    """
    (argument,) = get_args(annotation)[:1] if isinstance_figure(annotation) else (annotation,)
    for extra in get_args(argument)[1:]:
        if isinstance(extra, Quantity):
            return extra
    raise TypeError(f"{annotation} has no Quantity")


def isinstance_figure(annotation: Any) -> bool:
    """Whether an annotation is ``Figure[...]``."""
    return getattr(annotation, "__origin__", None) is Figure


def on_the_calendar(text: str) -> str:
    """A date, a month or a year that exists."""
    try:
        date.fromisoformat(text + "-01-01"[len(text) - 4 :])
    except ValueError:
        raise PydanticCustomError("calendar", "there is no {day}", {"day": text}) from None
    return text


def written_as(value: Any) -> str:
    """Whether a value is written as a ``mapping`` or as a ``word``: the tag of fields that may be either."""
    return "mapping" if isinstance(value, dict | Definition) else "word"


Name = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,59}$")]
DottedName = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$")]
Text = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=500)]
Flag = Annotated[bool, Field(strict=True)]  # lax mode takes 1 and "yes" for true
IsoDate = Annotated[
    str,
    StringConstraints(strict=True, pattern=r"^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$"),
    AfterValidator(on_the_calendar),
]
AnyNumber = Annotated[float, Quantity("")]  # of the unit its path ends in
Share = Annotated[float, Quantity("share", at_least=0.0, at_most=1.0)]
ShareAboveZero = Annotated[float, Quantity("share", above=0.0, at_most=1.0)]
Factor = Annotated[float, Quantity("factor", above=0.0)]
FactorFromOne = Annotated[float, Quantity("factor", at_least=1.0)]
FactorOfOne = Annotated[float, Quantity("factor", above=0.0, at_most=1.0)]
Count = Annotated[float, Quantity("count", above=0.0, whole=True)]
Dim = Annotated[float, Quantity("dim", above=0.0, whole=True)]
Usd = Annotated[float, Quantity("usd")]
UsdFromZero = Annotated[float, Quantity("usd", at_least=0.0)]
UsdPerYr = Annotated[float, Quantity("usd_per_yr", at_least=0.0)]
UsdPerMonth = Annotated[float, Quantity("usd_per_month", at_least=0.0)]
UsdPerGpuH = Annotated[float, Quantity("usd_per_gpu_h", at_least=0.0)]
UsdPerGpu = Annotated[float, Quantity("usd_per_gpu", at_least=0.0)]
UsdPerMwh = Annotated[float, Quantity("usd_per_mwh", at_least=0.0)]
UsdPerMw = Annotated[float, Quantity("usd_per_mw", at_least=0.0)]
UsdPerKwMonth = Annotated[float, Quantity("usd_per_kw_month", at_least=0.0)]
Megawatt = Annotated[float, Quantity("mw", above=0.0)]
Watt = Annotated[float, Quantity("w", above=0.0)]
Kelvin = Annotated[float, Quantity("k", at_least=0.0)]
Second = Annotated[float, Quantity("s", at_least=0.0)]
Months = Annotated[float, Quantity("months", above=0.0, whole=True)]
MonthsFromZero = Annotated[float, Quantity("months", at_least=0.0)]
SharePerYr = Annotated[float, Quantity("share_per_yr", at_least=0.0, at_most=1.0)]
SharePerMonth = Annotated[float, Quantity("share_per_month", at_least=0.0, at_most=1.0)]
Year = Annotated[float, Quantity("yr", above=0.0)]
Tokens = Annotated[float, Quantity("tokens", above=0.0, whole=True)]
Steps = Annotated[float, Quantity("steps", above=0.0, whole=True)]
Bits = Annotated[float, Quantity("bits", above=0.0)]
Bytes = Annotated[float, Quantity("bytes", above=0.0)]
Gbyte = Annotated[float, Quantity("gbyte", above=0.0)]
GbytePerS = Annotated[float, Quantity("gbyte_per_s", above=0.0)]
TbytePerS = Annotated[float, Quantity("tbyte_per_s", above=0.0)]
GbitPerS = Annotated[float, Quantity("gbit_per_s", above=0.0)]
TflopPerS = Annotated[float, Quantity("tflop_per_s", above=0.0)]
Per1000GpuDay = Annotated[float, Quantity("per_1000_gpu_day", at_least=0.0)]
GpuMin = Annotated[float, Quantity("gpu_min", above=0.0)]
TokensPerSPerGpu = Annotated[float, Quantity("tokens_per_s_per_gpu", above=0.0)]
