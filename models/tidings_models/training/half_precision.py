"""Half precision: the exported network in, one for GPUs out, with the same inputs and output."""

from __future__ import annotations

import onnx
from onnxruntime.transformers.float16 import (  # type: ignore[import-untyped]
    convert_float_to_float16,
)

from tidings_models.training.export import strip_provenance
from tidings_models.training.stages import WorkingDirectory


def halve(work: WorkingDirectory) -> None:
    """Write the exported network in float16; ids stay int64 and logits float32.

    Raises StageError without an exported network.
    """
    network = convert_float_to_float16(
        onnx.load(work.require(work.fp32, stage="export")), keep_io_types=True
    )
    strip_provenance(network)
    onnx.checker.check_model(network)
    onnx.save(network, work.fp16)
