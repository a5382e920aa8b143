"""The samplers that there are, by the names that clients use."""

from collections.abc import Mapping

UNET_SAMPLERS = (
    "ddim", "ddpm", "pndm", "euler", "euler_karras", "euler_a", "heun", "lms", "dpm2", "dpm2_a", "dpmpp_2s", "dpmpp_2m",
    "dpmpp_2m_karras", "dpmpp_2m_sde", "dpmpp_2m_sde_karras", "dpmpp_sde", "deis", "unipc", "lcm",
)  # fmt: skip
FLOW_SAMPLERS = ("flow_euler", "flow_heun", "flow_unipc", "flow_lcm")
"""For rectified flow. All but flux-schnell, whose pipeline can't run it, have ``flow_dpmpp_2m`` too."""

SAMPLER_MAX_STEPS: Mapping[str, int] = {"lcm": 50}
"""Steps that a sampler can take at most: LCM walks along 50 steps of its teacher."""

_SECOND_ORDER = frozenset({"heun", "dpm2", "dpm2_a", "dpmpp_sde", "flow_heun"})


def steps_taken(family: str, steps: int, strength: float | None) -> int:
    """How many of ``steps`` are taken from a picture on: none but the last ones, as many as ``strength`` leaves.

    Counted as the stock pipelines do, which round down for UNets and up for the others; all of them for ``None``.
    """
    if strength is None:
        return steps
    if family == "unet":
        return min(int(steps * strength), steps)
    return steps - int(max(steps - steps * strength, 0))


def forwards(steps: int, sampler: str | None) -> int:
    """Forwards that ``steps`` of a sampler take: two for each but the last with those of second order, else one."""
    return 2 * steps - 1 if sampler in _SECOND_ORDER else steps


CONTROL_ROWS = 0.4
"""What a ControlNet adds to a row while it acts: it is a copy of the UNet's first half, 361 of SD 1.5's 860 million
parameters."""


def controlled_row(start: float | None, end: float | None) -> float:
    """What a row with a ControlNet costs, on average over an image's forwards, in rows without."""
    return 1 + CONTROL_ROWS * ((1.0 if end is None else end) - (start or 0.0))
