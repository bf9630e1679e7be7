"""Dimensions of a transformer, as its authors publish them."""

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from colocalc.figure import Count, Definition, Dim, Figure, Flag, Text


class ModelDims(Definition):
    """The shape of a dense decoder-only transformer.

    Attributes
    ----------
    name : str
        Its key in the catalog or the file.
    gated_mlp : bool
        Whether the MLP has a third, gating matrix (SwiGLU).
    kv_head_count : Count
        Heads of keys and values: 1 for multi-query, ``head_count`` for full attention.
    parallel_block : bool
        Whether attention and MLP read the same input and share one all-reduce (PaLM).
    published_parameter_count : Figure
        What the authors say, to check the dimensions against.
    source : str
        Source of every dimension.
    """

    name: str = ""
    title: Text | None = None
    layer_count: Count
    hidden_dim: Dim
    mlp_dim: Dim
    gated_mlp: Flag
    head_count: Count
    kv_head_count: Count
    head_dim: Dim
    vocabulary_count: Count
    tied_embeddings: Flag = False
    parallel_block: Flag = False
    published_parameter_count: Figure[Count] | None = None
    source: Text | None = None
    replace: Flag = False  # whether it stands for the catalog's entry of its name

    @model_validator(mode="after")
    def _heads_share_keys_evenly(self) -> "ModelDims":
        if self.head_count % self.kv_head_count:
            raise PydanticCustomError("heads", "kv_head_count must divide head_count")
        return self
