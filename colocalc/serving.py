"""What a tenant serves on a leased fleet: a model, its precision, and the requests."""

from typing import Annotated, Literal

from pydantic import Discriminator, Tag

from colocalc.figure import Count, Definition, Figure, ShareAboveZero, Text, Tokens, written_as
from colocalc.model import ModelDims


class Inference(Definition):
    """A model served on every pool, replica by replica.

    Attributes
    ----------
    model : str or ModelDims
        A name from the catalog or the file, or dimensions.
    precision : str
        Of the weights and the products.
    context_tokens : Figure
        Mean length of a sequence whose keys and values are held; else the prompt and half the output.
    prompt_tokens, output_tokens : Figure
        Of one request.
    replica_gpu_count : Figure or "auto"
        GPUs that hold one copy of the model.
    utilization_share : Figure
        Share of the time that the GPUs have requests to serve.
    """

    model: Annotated[Annotated[Text, Tag("word")] | Annotated[ModelDims, Tag("mapping")], Discriminator(written_as)]
    precision: Literal["bf16", "fp16", "fp8", "mxfp8", "nvfp4"] | None = None
    context_tokens: Figure[Tokens] | None = None
    prompt_tokens: Figure[Tokens] | None = None
    output_tokens: Figure[Tokens] | None = None
    replica_gpu_count: (
        Annotated[
            Annotated[Literal["auto"], Tag("auto")] | Annotated[Figure[Count], Tag("number")],
            Discriminator(lambda value: "auto" if isinstance(value, str) else "number"),
        ]
        | None
    ) = None
    utilization_share: Figure[ShareAboveZero] | None = None
