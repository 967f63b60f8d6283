"""ONNX Runtime: which one is installed, what it runs on, and a session; opened nowhere else."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tidings_models.prediction import InferenceError

Provider = Literal["auto", "cpu", "cuda"]
"""What a setting asks for."""
Device = Literal["cpu", "cuda"]
"""What a session runs on."""

_CPU = "CPUExecutionProvider"
_CUDA = "CUDAExecutionProvider"
_ERRORS_ONLY = 3


class RuntimeUnavailableError(Exception):
    """ONNX Runtime is missing, installed twice or lacks what was asked; the message says how."""


class Session:
    """One opened network.  One caller at a time; `run` releases Python's lock while it computes."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._output = session.get_outputs()[0].name

    @property
    def device(self) -> Device:
        """What the session really runs on, as it reports after its creation."""
        return "cuda" if _CUDA in self._session.get_providers() else "cpu"

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of the network's inputs."""
        return tuple(given.name for given in self._session.get_inputs())

    @property
    def classes(self) -> int | None:
        """How many logits a text gets, where the network says so."""
        last = self._session.get_outputs()[0].shape[-1]
        return last if isinstance(last, int) else None

    def run(self, inputs: Mapping[str, NDArray[np.int64]]) -> NDArray[np.float32]:
        """Return logits (rows, classes) for inputs (rows, tokens).  Raises InferenceError."""
        try:
            logits = self._session.run([self._output], dict(inputs))[0]
        except Exception as error:  # ONNX Runtime's errors share no base class
            raise InferenceError(f"ONNX Runtime: {type(error).__name__}: {error}") from error
        return np.asarray(logits, dtype=np.float32)


def open_session(model: Path, *, device: Device = "cpu", threads: int = 1) -> Session:
    """Open a network with `threads` threads within an operator (0: all cores).

    With CUDA asked the session may still run on the processor: its `device` says so.
    Raises RuntimeUnavailableError where ONNX Runtime is missing, InferenceError where the file is
    no network.
    """
    runtime = _import_runtime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    # A pattern is kept for every shape, and nearly every batch is of another one.
    options.enable_mem_pattern = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # It prints what it cannot load or run on; standard output belongs to the caller's data.
    with contextlib.redirect_stdout(sys.stderr) if device == "cuda" else contextlib.nullcontext():
        try:
            opened = runtime.InferenceSession(str(model), options, providers=_providers(device))
        except Exception as error:  # ONNX Runtime's errors share no base class
            raise InferenceError(f"{model}: {type(error).__name__}: {error}") from error
    return Session(opened)


def is_cuda_offered() -> bool:
    """Say whether this ONNX Runtime has CUDA in it; whether it works, only a session tells.

    Raises RuntimeUnavailableError where ONNX Runtime is missing.
    """
    return _CUDA in _import_runtime().get_available_providers()


def _providers(device: Device) -> list[str]:
    if device == "cpu" or not is_cuda_offered():
        return [_CPU]
    runtime = _import_runtime()
    if hasattr(runtime, "preload_dlls"):
        runtime.preload_dlls()
    return [_CUDA, _CPU]


def runtime_version() -> str:
    """Return the installed ONNX Runtime's version.  Raises RuntimeUnavailableError."""
    return str(_import_runtime().__version__)


def check_distributions(is_installed: Callable[[str], bool]) -> None:
    """Refuse two ONNX Runtimes in one environment.  Raises RuntimeUnavailableError.

    onnxruntime and onnxruntime-gpu install the same import package: the later one overwrites the
    earlier one's files silently, and which of the two runs is then a matter of chance.
    """
    if is_installed("onnxruntime") and is_installed("onnxruntime-gpu"):
        raise RuntimeUnavailableError(
            "Both onnxruntime and onnxruntime-gpu are installed; they overwrite each other's "
            "files.  Remedy: pip uninstall onnxruntime onnxruntime-gpu, then "
            "pip install 'tidings[cpu]' or pip install 'tidings[gpu]'."
        )


def _is_installed(distribution: str) -> bool:
    try:
        metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def silence_telemetry() -> None:
    """Keep ONNX Runtime from reporting usage to Microsoft, unless somebody asked for it.

    From 1.29 it does so on Linux by default.  It reads the variable when it is imported, and its
    own documentation says that its API comes too late for the first event.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def _import_runtime() -> Any:
    check_distributions(_is_installed)
    silence_telemetry()
    try:
        import onnxruntime  # type: ignore[import-untyped]  # noqa: PLC0415 - refused by name above
    except ImportError as error:
        raise RuntimeUnavailableError(
            "ONNX Runtime is not installed: pip install 'tidings[cpu]' (or 'tidings[gpu]')"
        ) from error
    return onnxruntime
