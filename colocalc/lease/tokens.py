"""What a token must cost to pay the rent of the GPUs that serve it.

The tenant's side of a lease: rates of prefill and decode come from ``mfu.inference``.
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array
from colocalc.units import SECONDS_PER_HOUR, TOKENS_PER_MTOKEN


def served_tokens_per_s_per_gpu(
    *,
    prompt_tokens: ArrayLike,
    output_tokens: ArrayLike,
    read_tokens_per_s_per_gpu: ArrayLike,
    made_tokens_per_s_per_gpu: ArrayLike,
) -> Array:
    """Tokens of whole requests, prompt and output, that one GPU serves when it shares its time between the two.

    Parameters
    ----------
    prompt_tokens : array_like (..., pool)
        Prompt of a request.
    output_tokens : array_like (..., pool)
        Output of a request.
    read_tokens_per_s_per_gpu : array_like (..., pool)
        Prompt tokens read while nothing else is done.
    made_tokens_per_s_per_gpu : array_like (..., pool)
        Output tokens made while nothing else is done.

    Returns
    -------
    ndarray (..., pool)
        Tokens served [tokens_per_s_per_gpu].

    Notes
    -----
    ``(P + O) / (P / prefill + O / decode)``

    - No output: the rate of prefill. No prompt: the rate of decode.
    - A rate of 0 of what is asked for: 0.

    References
    ----------
    The harmonic mean, weighted by tokens.
    """
    prompt, output = as_array(prompt_tokens), as_array(output_tokens)
    read, made = as_array(read_tokens_per_s_per_gpu), as_array(made_tokens_per_s_per_gpu)
    # Times the product of the rates, so that a rate of 0 divides nothing.
    time = prompt * made + output * read
    return (prompt + output) * read * made / np.where(time == 0.0, 1.0, time)


def token_price_usd_per_mtoken(
    *, rate_usd_per_gpu_h: ArrayLike, served_tokens_per_s_per_gpu: ArrayLike, utilization_share: ArrayLike
) -> Array:
    """Price of a million tokens that pays the rent of the GPUs that serve them.

    Parameters
    ----------
    rate_usd_per_gpu_h : array_like (..., pool)
        Rent of a GPU-hour.
    served_tokens_per_s_per_gpu : array_like (..., pool)
        Tokens of a GPU that is busy.
    utilization_share : array_like (..., pool)
        Share of the time that it is.

    Returns
    -------
    ndarray (..., pool)
        Price of a million tokens [usd_per_mtoken].

    Notes
    -----
    ``1e6 rate / (3600 tokens/s u)``

    - No rent: 0.
    - Half the utilization: twice the price.
    - No tokens: undefined (NaN).

    References
    ----------
    Break-even of cost accounting.
    """
    tokens = as_array(served_tokens_per_s_per_gpu) * as_array(utilization_share) * SECONDS_PER_HOUR
    return as_array(rate_usd_per_gpu_h) * TOKENS_PER_MTOKEN / np.where(tokens > 0.0, tokens, np.nan)


def blended_usd_per_mtoken(
    *, input_usd_per_mtoken: ArrayLike, output_usd_per_mtoken: ArrayLike, input_share: ArrayLike
) -> Array:
    """One price of input and output tokens together.

    Parameters
    ----------
    input_usd_per_mtoken : array_like (..., pool)
        Price of input tokens.
    output_usd_per_mtoken : array_like (..., pool)
        Price of output tokens.
    input_share : array_like (..., pool)
        Share of the tokens that is input.

    Returns
    -------
    ndarray (..., pool)
        Price of a million tokens [usd_per_mtoken].

    Notes
    -----
    ``s p_in + (1 - s) p_out``

    - All input, or all output: its price.
    - Equal prices: that price.

    References
    ----------
    The blend of three input tokens to one output token by which model prices are compared (Artificial Analysis).
    """
    share = as_array(input_share)
    return share * as_array(input_usd_per_mtoken) + (1.0 - share) * as_array(output_usd_per_mtoken)
