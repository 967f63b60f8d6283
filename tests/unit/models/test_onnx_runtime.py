from __future__ import annotations

import os
from pathlib import Path

import onnxruntime
import pytest

from tidings_models.bundle import find_bundle
from tidings_models.onnx_runtime import (
    RuntimeUnavailableError,
    check_distributions,
    is_cuda_offered,
    open_session,
    runtime_version,
    silence_telemetry,
)
from tidings_models.prediction import InferenceError

SENTIMENT = find_bundle("sentiment-finance") / "model.onnx"


def test_two_runtimes_in_one_environment_are_refused() -> None:
    with pytest.raises(RuntimeUnavailableError, match="pip uninstall onnxruntime onnxruntime-gpu"):
        check_distributions(lambda _name: True)


@pytest.mark.parametrize("only", ["onnxruntime", "onnxruntime-gpu", "neither"])
def test_one_runtime_is_accepted(only: str) -> None:
    check_distributions(lambda name: name == only)


def test_file_that_is_no_network_is_an_inference_error(tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(b"nothing of the kind")

    with pytest.raises(InferenceError, match=r"model\.onnx"):
        open_session(file)


def test_session_says_what_it_runs_on() -> None:
    session = open_session(SENTIMENT)

    assert session.device == "cpu"
    assert session.classes == 3


def test_missing_inputs_are_an_inference_error() -> None:
    session = open_session(SENTIMENT)

    with pytest.raises(InferenceError, match="ONNX Runtime"):
        session.run({})


def test_cuda_asked_where_it_is_not_gives_a_session_on_the_processor() -> None:
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has CUDA")

    assert not is_cuda_offered()
    assert open_session(SENTIMENT, device="cuda").device == "cpu"


def test_version_is_known() -> None:
    assert runtime_version()[0].isdigit()


def test_telemetry_is_off_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    silence_telemetry()
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"

    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")
    silence_telemetry()
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "0"
