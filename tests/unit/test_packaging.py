"""Rules of the distribution."""

from __future__ import annotations

import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]


def extra(name: str) -> dict[str, SpecifierSet]:
    requirements = map(Requirement, PROJECT["optional-dependencies"][name])
    return {requirement.name: requirement.specifier for requirement in requirements}


def test_resolver_can_not_install_both_onnx_runtimes() -> None:
    cpu, gpu = extra("cpu"), extra("gpu")

    assert "onnxruntime" in cpu
    assert "onnxruntime-gpu" in gpu
    versions = ("23.5.26", "24.3.25", "25.2.10", "25.9.22", "25.9.23", "25.12.19", "26.1")
    both = cpu["flatbuffers"] & gpu["flatbuffers"]
    assert not any(both.contains(version) for version in versions)
    for bounds in (cpu["flatbuffers"], gpu["flatbuffers"]):
        assert any(bounds.contains(version) for version in versions)


def test_nothing_but_the_training_extra_asks_for_torch() -> None:
    required = [Requirement(line).name for line in PROJECT["dependencies"]]
    required += [name for each in ("cpu", "gpu", "demo") for name in extra(each)]

    assert not {"torch", "transformers", "optimum", "onnx"} & set(required)
    assert {"torch", "transformers", "optimum"} <= set(extra("train"))
