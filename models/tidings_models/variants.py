"""Which of a bundle's networks is served: int8 on a processor, fp16 on a GPU where there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from tidings_models.onnx_runtime import Device, Provider, RuntimeUnavailableError, Session

Variant = Literal["int8", "fp16"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A network and what it shall run on."""

    variant: Variant
    device: Device


def choices(provider: Provider, *, cuda_offered: bool, has_fp16: bool) -> tuple[Choice, ...]:
    """Return what may be served under a setting, the best first; never empty.

    `cuda_offered`: this ONNX Runtime was built with CUDA, which does not mean that it works here.
    `auto` takes CUDA where it works and the processor elsewhere; `cuda` takes nothing else.
    """
    on_cpu = Choice(variant="int8", device="cpu")
    on_cuda = Choice(variant="fp16" if has_fp16 else "int8", device="cuda")
    if provider == "cuda":
        return (on_cuda,)
    return (on_cuda, on_cpu) if provider == "auto" and cuda_offered else (on_cpu,)


def open_first(
    offered: Iterable[Choice], open_choice: Callable[[Choice], Session]
) -> tuple[Choice, Session]:
    """Open the choices in turn; return the first that runs where it shall, with its session.

    ONNX Runtime falls back from CUDA to the processor with a warning on standard error only, so
    the session is asked.  Raises RuntimeUnavailableError where no choice is left, and what
    `open_choice` raises.
    """
    for choice in offered:
        session = open_choice(choice)
        if session.device == choice.device:
            return choice, session
    raise RuntimeUnavailableError(
        "CUDA was demanded and ONNX Runtime does not run on it here.  Install "
        "'tidings[gpu]' in a fresh environment and check nvidia-smi, or set the provider "
        "to 'auto' or 'cpu'."
    )
