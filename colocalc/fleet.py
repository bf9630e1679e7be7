"""What a user may write in a fleet file.

The names are the contract of the tool. Nothing here knows numpy, files or the catalog: ``colocalc.loading`` reads a
file into these types, and ``colocalc.case`` lowers them to arrays.
"""

from typing import Annotated, Any, Literal, LiteralString

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError, PydanticKnownError

from colocalc.card import RateCard
from colocalc.claim import Claim
from colocalc.deal import Contract, Costs, Debt, Depreciation, Finance, Lease
from colocalc.expect import ExpectError, parse
from colocalc.figure import (
    AnyNumber,
    Bits,
    Bytes,
    Count,
    Definition,
    DottedName,
    FactorFromOne,
    FactorOfOne,
    Figure,
    Flag,
    GbitPerS,
    IsoDate,
    Kelvin,
    Megawatt,
    Name,
    Per1000GpuDay,
    Quantity,
    Second,
    Share,
    ShareAboveZero,
    Steps,
    Text,
    Tokens,
    UsdPerMwh,
    written_as,
)
from colocalc.hardware import GpuType, SourceKind
from colocalc.model import ModelDims
from colocalc.risk import Risk
from colocalc.serving import Inference

Algorithm = Literal["auto", "ring", "tree", "hierarchical", "in-network", "torus", "pat"]
Split = Literal["equal", "proportional", "memory", "stages", "partitions", "drop-slow"]
Isolation = Literal["job", "replica", "hot-spare"]
# More GPUs than were ever made: a slip, not a fleet.
PoolCount = Annotated[float, Quantity("count", at_least=0.0, at_most=1e9, whole=True)]
SideCount = Annotated[float, Quantity("count", at_least=1.0, at_most=2.0, whole=True)]


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise PydanticCustomError("one_line", "a name has no control characters and no line breaks")
    return text


def _both(message: LiteralString, at: str) -> PydanticCustomError:
    return PydanticCustomError("both", message, {"at": at})


def _no_truth(value: Any) -> Any:
    if isinstance(value, bool):  # 1 == True, which is enough for a Literal
        raise PydanticKnownError("literal_error", {"expected": "0, 1, 2 or 3"})
    return value


Auto = Annotated[Literal["auto"], Tag("word")]
Key = Annotated[Text, AfterValidator(_one_line)]


def _grammar(text: str) -> str:
    try:
        parse(text)
    except ExpectError as error:
        raise PydanticCustomError("expectation", "{reason}", {"reason": str(error)}) from None
    return text


Expectation = Annotated[Text, AfterValidator(_grammar)]


class PoolReliability(Definition):
    """Failure rate of one pool, where it differs from the fleet's."""

    failures_per_1000_gpu_day: Figure[Per1000GpuDay]


class Pool(Definition):
    """GPUs of one type on one site."""

    name: Name | None = None
    gpu: Text
    count: Figure[PoolCount]
    counted_as: Literal["gpu", "superchip", "rack"] | None = None
    site: Name | None = None
    reliability: PoolReliability | None = None


class Site(Definition):
    """A place with power: either facility or IT megawatts, never silently one for the other.

    ``smoothing_floor_share`` is the power, over their own, that GPUs do not go below while they wait, so that the draw
    of the site stays smooth.

    An orbital site has no meter and no cooling plant. ``it_power_mw`` is all that it draws and all that its radiators
    reject; what pumps and conversion take is part of it. Its energy costs nothing unless a price is given.
    """

    kind: Literal["ground", "orbital"] = "ground"
    facility_power_mw: Figure[Megawatt] | None = None
    it_power_mw: Figure[Megawatt] | None = None
    pue_factor: Figure[FactorFromOne] | None = None
    draw: Literal["typical", "nameplate"] | None = None
    energy_price_usd_per_mwh: Figure[UsdPerMwh] | None = None
    smoothing_floor_share: Figure[Share] | None = None
    chip_temperature_k: Figure[Kelvin] | None = None
    chip_to_radiator_drop_k: Figure[Kelvin] | None = None
    sink_temperature_k: Figure[Kelvin] | None = None
    emissivity_share: Figure[ShareAboveZero] | None = None
    radiating_sides_count: Figure[SideCount] | None = None

    @model_validator(mode="after")
    def _keys_of_its_kind(self) -> "Site":
        other = _GROUND_ONLY if self.kind == "orbital" else _ORBITAL_ONLY
        for key, message in other.items():
            if getattr(self, key) is not None:
                raise PydanticCustomError("kind", message, {"at": key})
        for key, message in _ORBITAL_NEEDS.items():
            if self.kind == "orbital" and getattr(self, key) is None:
                raise PydanticCustomError("kind", message, {"at": key})
        return self

    @model_validator(mode="after")
    def _one_reading_of_megawatts(self) -> "Site":
        if self.facility_power_mw and self.it_power_mw:
            raise _both("give facility_power_mw or it_power_mw, not both: pue_factor links them", "it_power_mw")
        return self

    @model_validator(mode="after")
    def _radiates(self) -> "Site":
        chip, drop, sink = self.chip_temperature_k, self.chip_to_radiator_drop_k, self.sink_temperature_k
        if chip is None or drop is None:
            return self
        if chip.value - drop.value <= (sink.value if sink else 0.0):
            message = "should be above chip_to_radiator_drop_k and sink_temperature_k together; it is in kelvin"
            raise PydanticCustomError("cold", message, {"at": "chip_temperature_k"})
        return self


_ORBITAL_ONLY: dict[str, LiteralString] = dict.fromkeys(
    (
        "chip_temperature_k",
        "chip_to_radiator_drop_k",
        "sink_temperature_k",
        "emissivity_share",
        "radiating_sides_count",
    ),
    "belongs to a site that cools by radiation alone: give kind: orbital too",
)
_ORBITAL_NEEDS: dict[str, LiteralString] = {
    "it_power_mw": "missing: the power that the radiators of an orbital site reject",
    "chip_temperature_k": "missing: how hot the chips of an orbital site run",
    "chip_to_radiator_drop_k": "missing: how much cooler the radiators of an orbital site are than its chips",
}
_GROUND_ONLY: dict[str, LiteralString] = {
    "facility_power_mw": "an orbital site has no meter: give it_power_mw, all that its radiators reject",
    "pue_factor": "an orbital site has no cooling plant: what pumps and conversion take is part of it_power_mw",
}


class NetworkUse(Definition):
    """The network between domains, and the algorithm the data-parallel collectives use on it."""

    fabric: Text | None = None
    nic_gbit_per_s: Figure[GbitPerS] | None = None
    oversubscription_factor: Figure[FactorFromOne] | None = None
    pod_gpu_count: Figure[Count] | None = None
    algorithm: Algorithm | None = None
    flat: Flag = False
    flat_collective_count: Figure[Count] | None = None


class Layout(Definition):
    """How one job is cut over GPUs: degrees of parallelism and the schedule."""

    tp: Count | None = None
    pp: Count | None = None
    vpp: Count | None = None
    cp: Count | None = None
    ep: Count | None = None
    micro_batch: Count | None = None
    schedule: Literal["1f1b", "gpipe", "zb-h1", "zb-h2", "zb-v", "dualpipe"] | None = None
    recompute: Literal["none", "selective", "full"] | None = None
    zero_stage: Annotated[Literal[0, 1, 2, 3], BeforeValidator(_no_truth)] | None = None
    dp_shard_count: Count | None = None
    sequence_parallel: Flag | None = None


class Training(Definition):
    """One synchronous training job."""

    model: (
        Annotated[Annotated[Text, Tag("word")] | Annotated[ModelDims, Tag("mapping")], Discriminator(written_as)] | None
    ) = None
    precision: Literal["bf16", "fp16", "fp8", "mxfp8", "nvfp4"] | None = None
    sequence_tokens: Figure[Tokens] | None = None
    global_batch_tokens: Figure[Tokens] | None = None
    layout: Annotated[Auto | Annotated[Layout, Tag("mapping")], Discriminator(written_as)] | None = None
    split: Split | None = None
    software: Literal["immature", "megatron", "fsdp", "xla", "mlperf", "inhouse"] | None = None
    gradient_bytes: Figure[Bytes] | None = None
    outer_sync_interval_steps: Figure[Steps] | None = None
    outer_sync_bits: Figure[Bits] | None = None
    calibration: Text | None = None
    measured: dict[str, Figure[FactorOfOne]] = Field(default_factory=dict)
    ignore_memory: Flag = False
    attention_flops: Literal["causal", "full", "none"] | None = None
    allocation_share: Figure[Share] | None = None


class Job(Training):
    """One of several training jobs, with the pools it runs on."""

    name: Name
    pools: Annotated[tuple[Name, ...], Field(min_length=1)]


class Reliability(Definition):
    """How often GPUs fail and what a failure costs."""

    failures_per_1000_gpu_day: Figure[Per1000GpuDay] | None = None
    restart_s: Figure[Second] | None = None
    replica_stall_s: Figure[Second] | None = None
    hot_spare_stall_s: Figure[Second] | None = None
    replica_repair_s: Figure[Second] | None = None
    checkpoint_s: Figure[Second] | None = None
    checkpoint_interval_s: (
        Annotated[
            Annotated[Literal["auto"], Tag("auto")] | Annotated[Figure[Second], Tag("number")],
            Discriminator(lambda value: "auto" if isinstance(value, str) else "number"),
        ]
        | None
    ) = None
    isolation: Isolation | None = None


class SourceEntry(Definition):
    """Where a number comes from."""

    title: Text
    date: IsoDate | None = None
    kind: SourceKind | None = None
    url: Text | None = None
    note: Text | None = None
    replace: Flag = False  # whether it stands for the catalog's entry of its name


class Scenario(Definition):
    """A named set of changes; keys are dotted paths, pools and sites by name."""

    title: Text | None = None
    set: dict[str, Any]


class Fleet(Definition):
    """A fleet: what it holds, where it stands, what it trains, how it is leased, and what is claimed of it."""

    name: Text
    title: Text | None = None
    as_of: IsoDate | None = None
    pools: Annotated[tuple[Pool, ...], Field(min_length=1)]
    site: Site | None = None
    sites: dict[Name, Site] = Field(default_factory=dict)
    network: NetworkUse | None = None
    training: Training | None = None
    jobs: tuple[Job, ...] = ()
    reliability: Reliability | None = None
    lease: Lease | None = None
    contracts: tuple[Contract, ...] = ()
    costs: Costs | None = None
    depreciation: Depreciation | None = None
    debt: Debt | None = None
    finance: Finance | None = None
    inference: Inference | None = None
    risk: Risk | None = None
    claims: tuple[Claim, ...] = ()
    expect: tuple[Expectation, ...] = ()
    assumptions: dict[Key, Figure[AnyNumber]] = Field(default_factory=dict)  # by the path reports list them under
    sources: dict[Key, SourceEntry] = Field(default_factory=dict)
    gpus: dict[Name, GpuType] = Field(default_factory=dict)
    models: dict[Key, ModelDims] = Field(default_factory=dict)
    cards: dict[Key, RateCard] = Field(default_factory=dict)
    scenarios: dict[DottedName, Scenario] = Field(default_factory=dict, max_length=1_000)  # each is a fleet to check

    @model_validator(mode="after")
    def _one_of_each_pair(self) -> "Fleet":
        for one, several in (("site", "sites"), ("training", "jobs"), ("lease", "contracts")):
            if getattr(self, one) is not None and getattr(self, several):
                words = {"one": one, "several": several, "at": several}
                raise PydanticCustomError("both", "give {one} or {several}, not both", words)
        return self

    @property
    def named_sites(self) -> dict[str, Site]:
        """The sites by name; the shorthand ``site`` is named ``site``."""
        return {"site": self.site} if self.site is not None else dict(self.sites)
