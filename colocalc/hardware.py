"""GPU types and networks as a user may define them, and the sources their numbers come from."""

from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from colocalc.figure import (
    Count,
    Definition,
    Factor,
    FactorOfOne,
    Figure,
    Flag,
    GbitPerS,
    Gbyte,
    GbytePerS,
    GpuMin,
    IsoDate,
    Second,
    TbytePerS,
    Text,
    TflopPerS,
    TokensPerSPerGpu,
    Watt,
)

Precision = Literal["tf32", "bf16", "fp16", "fp8", "int8", "fp6", "fp4"]
Algorithm = Literal["ring", "tree", "hierarchical", "in-network", "torus", "pat"]
Benchmark = Literal[
    "training_405b",
    "training_gpt3",
    "training_lora",
    "training_bert",
    "inference_70b_offline",
    "inference_70b_server",
    "inference_405b_offline",
    "inference_405b_server",
    "inference_8b_offline",
    "inference_8b_server",
    "inference_deepseek_r1_offline",
    "inference_deepseek_r1_server",
    "inference_mixtral_offline",
    "inference_mixtral_server",
]
SourceKind = Literal["vendor", "paper", "filing", "press", "dataset", "software", "estimate", "own", "index"]


class Source(Definition):
    """Where a number comes from: what was said, when, and by what kind of witness.

    ``kind`` says how far to trust it: ``estimate`` is a recalled or chosen number, ``own`` is our own arithmetic.
    """

    id: str = ""
    title: Text
    date: IsoDate
    kind: SourceKind
    url: Text | None = None
    note: Text | None = None


class MeasuredRow(Definition):
    """One benchmark result of a GPU: GPU-minutes to train, or tokens per second and GPU; exactly one of them."""

    round: Text
    train_gpu_min: Figure[GpuMin] | None = None
    rate_tokens_per_s_per_gpu: Figure[TokensPerSPerGpu] | None = None

    @model_validator(mode="after")
    def _one_number(self) -> "MeasuredRow":
        if (self.train_gpu_min is None) == (self.rate_tokens_per_s_per_gpu is None):
            raise PydanticCustomError("one_number", "needs either train_gpu_min or rate_tokens_per_s_per_gpu")
        return self


class GpuType(Definition):
    """A type of GPU or accelerator chip: every number per GPU (package or chip), never per superchip.

    Attributes
    ----------
    peak_tflop_per_s : dict
        Dense peak by precision; a precision the chip lacks has no key.
    sparsity_factor : dict
        Multiplier from the dense peak to the headline number of the vendor.
    best_matmul_tflop_per_s : dict
        The fastest matrix product measured on the chip at any shape.
    hbm_gbyte, hbm_tbyte_per_s : Figure
        Memory of the device and its bandwidth, HBM or not.
    scale_up_gbyte_per_s : Figure
        Scale-up bandwidth of one GPU in one direction; none for a card that has only PCIe.
    domain_gpu_count, node_gpu_count : Figure
        GPUs that share a scale-up domain, and GPUs of one host or tray.
    gpu_power_w, server_power_w : Figure
        Rated power of the GPU alone, and nameplate of the whole IT equipment per GPU.
    ambiguous_count : bool
        Whether a count of this type may mean GPUs or superchips; ``count_note`` says why.
    measured : dict
        Benchmark results, oldest round first.
    """

    id: str = ""
    title: Text
    vendor: Text | None = None
    family: Text = "other"
    aliases: tuple[Text, ...] = ()
    launch_date: IsoDate | None = None
    peak_tflop_per_s: dict[Precision, Figure[TflopPerS]]
    sparsity_factor: dict[Precision, Figure[Factor]] = Field(default_factory=dict)
    best_matmul_tflop_per_s: dict[Precision, Figure[TflopPerS]] = Field(default_factory=dict)
    hbm_gbyte: Figure[Gbyte] | None = None
    hbm_tbyte_per_s: Figure[TbytePerS] | None = None
    scale_up_gbyte_per_s: Figure[GbytePerS] | None = None
    domain_gpu_count: Figure[Count] | None = None
    node_gpu_count: Figure[Count] | None = None
    link_kind: Literal["switched", "torus"] = "switched"
    torus_dimension_count: Figure[Count] | None = None
    nic_gbit_per_s: Figure[GbitPerS] | None = None
    gpu_power_w: Figure[Watt] | None = None
    server_power_w: Figure[Watt] | None = None
    superchip_gpu_count: Figure[Count] | None = None
    rack_gpu_count: Figure[Count] | None = None
    ambiguous_count: Flag = False
    count_note: Text | None = None
    measured: dict[Benchmark, tuple[MeasuredRow, ...]] = Field(default_factory=dict)
    replace: Flag = False  # whether it stands for the catalog's entry of its name

    @model_validator(mode="after")
    def _consistent(self) -> "GpuType":
        if not self.peak_tflop_per_s:
            raise PydanticCustomError("no_peak", "peak_tflop_per_s needs at least one precision")
        if (self.link_kind == "torus") != (self.torus_dimension_count is not None):
            raise PydanticCustomError("torus", "torus_dimension_count belongs to link_kind torus, and only there")
        return self


class Network(Definition):
    """A network's collective algorithms and the constants that time them: seconds per hop, shares of the wire.

    A constant an algorithm of the list does not need may be left out.
    """

    id: str = ""
    title: Text
    algorithms: tuple[Algorithm, ...]
    ring_intra_hop_s: Figure[Second] | None = None
    ring_inter_hop_s: Figure[Second] | None = None
    ring_base_s: Figure[Second] | None = None
    ring_plateau_factor: Figure[Factor] | None = None
    tree_intra_hop_s: Figure[Second] | None = None
    tree_inter_hop_s: Figure[Second] | None = None
    tree_base_s: Figure[Second] | None = None
    tree_bandwidth_factor: Figure[FactorOfOne] | None = None
    pat_base_s: Figure[Second] | None = None
    pat_inter_hop_s: Figure[Second] | None = None
    pat_hop_divisor_factor: Figure[Factor] | None = None
    pat_rank_s: Figure[Second] | None = None
    pat_bandwidth_factor: Figure[FactorOfOne] | None = None
    in_network_base_s: Figure[Second] | None = None
    in_network_hop_s: Figure[Second] | None = None
    torus_hop_s: Figure[Second] | None = None
