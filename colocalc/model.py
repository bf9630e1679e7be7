"""Dimensions of a transformer, as its authors publish them."""

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from colocalc.figure import Count, Definition, Dim, Figure, Flag, Text, Tokens

# Fields that mean something only together, and those that mean something only beside another.
_TOGETHER: tuple[tuple[str, ...], ...] = (
    ("expert_count", "active_expert_count"),
    ("kv_rank_dim", "rope_head_dim", "value_head_dim"),
    ("attention_window_tokens", "window_layer_count"),
)
_NEEDED_BY = {
    "expert_count": ("expert_mlp_dim", "shared_expert_mlp_dim", "dense_layer_count", "published_active_count"),
    "kv_rank_dim": ("query_rank_dim",),
}
# Fields that count a part of another: what is above its whole is refused.
_PARTS = (("active_expert_count", "expert_count"), ("window_layer_count", "layer_count"))


class ModelDims(Definition):
    """The shape of a decoder-only transformer, dense or with experts.

    Attributes
    ----------
    name : str
        Its key in the catalog or the file.
    mlp_dim : Dim
        Inner width of an MLP, and of an expert where ``expert_mlp_dim`` is not given.
    gated_mlp : bool
        Whether an MLP or expert has a third, gating matrix (SwiGLU).
    kv_head_count : Count
        Heads of keys and values: 1 for multi-query, ``head_count`` for full attention.
    head_dim : Dim
        Width of a head; with latent attention, of the part of a query or key that has no position.
    parallel_block : bool
        Whether attention and MLP read the same input and share one all-reduce (PaLM).
    expert_count, active_expert_count : Count
        Experts a token may be sent to in each layer that has them, and how many it is sent to.
    expert_mlp_dim : Dim
        Inner width of one expert.
    shared_expert_mlp_dim : Dim
        Inner width, taken together, of the experts every token passes through.
    dense_layer_count : Count
        Layers that have one MLP and no experts, wherever they stand.
    query_rank_dim, kv_rank_dim : Dim
        Widths of the vectors that latent attention reads queries, and keys and values, from (DeepSeek-V2).
    rope_head_dim, value_head_dim : Dim
        With latent attention, the rotary part of a query or key head, and a value head.
    attention_window_tokens, window_layer_count : Tokens, Count
        The most keys a query sees in layers with a sliding window, and how many layers have one.
    published_parameter_count, published_active_count : Figure
        What the authors say is stored, and used by one token, to check the dimensions against.
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
    expert_count: Count | None = None
    active_expert_count: Count | None = None
    expert_mlp_dim: Dim | None = None
    shared_expert_mlp_dim: Dim | None = None
    dense_layer_count: Count | None = None
    query_rank_dim: Dim | None = None
    kv_rank_dim: Dim | None = None
    rope_head_dim: Dim | None = None
    value_head_dim: Dim | None = None
    attention_window_tokens: Tokens | None = None
    window_layer_count: Count | None = None
    published_parameter_count: Figure[Count] | None = None
    published_active_count: Figure[Count] | None = None
    source: Text | None = None
    replace: Flag = False  # whether it stands for the catalog's entry of its name

    @model_validator(mode="after")
    def _heads_share_keys_evenly(self) -> "ModelDims":
        if self.head_count % self.kv_head_count:
            raise PydanticCustomError("heads", "kv_head_count must divide head_count")
        if self.kv_rank_dim is not None and self.kv_head_count != self.head_count:
            raise PydanticCustomError("latent_heads", "with kv_rank_dim, kv_head_count must be head_count")
        return self

    @model_validator(mode="after")
    def _companions_are_there(self) -> "ModelDims":
        for names in _TOGETHER:
            if len({getattr(self, name) is None for name in names}) > 1:
                listed = f"{', '.join(names[:-1])} and {names[-1]}"
                raise PydanticCustomError("together", "{listed} go together", {"listed": listed})
        for needed, names in _NEEDED_BY.items():
            for name in names:
                if getattr(self, name) is not None and getattr(self, needed) is None:
                    raise PydanticCustomError("needs", "{name} needs {needed}", {"name": name, "needed": needed})
        return self

    @model_validator(mode="after")
    def _parts_are_within_their_whole(self) -> "ModelDims":
        for part, whole in _PARTS:
            if (getattr(self, part) or 0.0) > (getattr(self, whole) or 0.0):
                raise PydanticCustomError("part", "{part} is above {whole}", {"part": part, "whole": whole})
        if (self.dense_layer_count or 0.0) >= self.layer_count:
            raise PydanticCustomError("dense", "dense_layer_count leaves no layer for the experts")
        return self

    @model_validator(mode="after")
    def _active_is_not_above_all(self) -> "ModelDims":
        every, active = self.published_parameter_count, self.published_active_count
        if every is not None and active is not None and active.value > every.value:
            raise PydanticCustomError("active", "published_active_count is above published_parameter_count")
        return self
