from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from tidings_models.onnx_runtime import Provider, RuntimeUnavailableError, Session
from tidings_models.variants import Choice, choices, open_first

INT8_ON_CPU = Choice(variant="int8", device="cpu")
INT8_ON_CUDA = Choice(variant="int8", device="cuda")
FP16_ON_CUDA = Choice(variant="fp16", device="cuda")


@dataclass
class FakeRuntime:
    """Opens networks as ONNX Runtime does: where CUDA fails, quietly on the processor."""

    cuda_works: bool

    def open(self, choice: Choice) -> Session:
        on_cuda = choice.device == "cuda" and self.cuda_works
        providers = [*(["CUDAExecutionProvider"] if on_cuda else []), "CPUExecutionProvider"]
        fake: Any = SimpleNamespace(
            get_outputs=lambda: [SimpleNamespace(name="logits", shape=["batch", 3])],
            get_providers=lambda: providers,
        )
        return Session(fake)


@pytest.mark.parametrize(
    ("provider", "cuda_offered", "has_fp16", "expected"),
    [
        ("cpu", True, True, (INT8_ON_CPU,)),
        ("cpu", False, False, (INT8_ON_CPU,)),
        ("auto", False, True, (INT8_ON_CPU,)),
        ("auto", True, True, (FP16_ON_CUDA, INT8_ON_CPU)),
        ("auto", True, False, (INT8_ON_CUDA, INT8_ON_CPU)),
        ("cuda", True, True, (FP16_ON_CUDA,)),
        ("cuda", True, False, (INT8_ON_CUDA,)),
        ("cuda", False, True, (FP16_ON_CUDA,)),
    ],
)
def test_best_choice_comes_first(
    provider: Provider, cuda_offered: bool, has_fp16: bool, expected: tuple[Choice, ...]
) -> None:
    assert choices(provider, cuda_offered=cuda_offered, has_fp16=has_fp16) == expected


@pytest.mark.parametrize(("cuda_works", "served"), [(True, FP16_ON_CUDA), (False, INT8_ON_CPU)])
def test_fp16_serves_on_a_gpu_that_works_and_int8_where_it_does_not(
    cuda_works: bool, served: Choice
) -> None:
    offered = choices("auto", cuda_offered=True, has_fp16=True)

    choice, session = open_first(offered, FakeRuntime(cuda_works).open)

    assert choice == served
    assert session.device == served.device


def test_cuda_demanded_and_not_working_is_an_error() -> None:
    offered = choices("cuda", cuda_offered=True, has_fp16=True)

    with pytest.raises(RuntimeUnavailableError, match=r"tidings\[gpu\]"):
        open_first(offered, FakeRuntime(cuda_works=False).open)


def test_nothing_after_the_first_that_works_is_opened() -> None:
    opened: list[Choice] = []

    def open_choice(choice: Choice) -> Session:
        opened.append(choice)
        return FakeRuntime(cuda_works=True).open(choice)

    open_first((FP16_ON_CUDA, INT8_ON_CPU), open_choice)

    assert opened == [FP16_ON_CUDA]
