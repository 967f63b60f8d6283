"""Export: fine-tuned PyTorch weights in, a float32 ONNX network out, through Optimum."""

from __future__ import annotations

import warnings
from pathlib import Path

import onnx
from optimum.exporters.onnx import (  # type: ignore[import-untyped]
    export as optimum_export,
)
from optimum.exporters.tasks import TasksManager  # type: ignore[import-untyped]

from tidings_models.training.mean_pooling import MeanPoolingClassifier
from tidings_models.training.stages import WorkingDirectory

OPSET = 18


def export_network(work: WorkingDirectory) -> Path:
    """Export the weights of `finetune`; return the file.  Raises StageError without weights."""
    work.require(work.record, stage="finetune RECIPE --work")
    work.fp16.unlink(missing_ok=True)  # the gate takes it where it is there: never an older one's
    model = MeanPoolingClassifier.from_pretrained(work.weights).eval()
    # Optimum takes the library from a model's module path and does not know ours: it is told.
    make_config = TasksManager.get_exporter_config_constructor(
        exporter="onnx",
        library_name="transformers",
        model_type="bert",
        task="text-classification",
    )
    with warnings.catch_warnings():
        # The tracer notes each shape that becomes a constant; the round-trip tests compare
        # logits at several shapes, which is the check that counts.
        warnings.simplefilter("ignore")
        optimum_export(model, make_config(model.config), work.fp32, opset=OPSET)
    network = onnx.load(work.fp32)
    strip_provenance(network)
    onnx.save(network, work.fp32)
    return work.fp32


def strip_provenance(network: onnx.ModelProto) -> None:
    """Remove doc strings and metadata: the tracer writes source paths of this machine there."""
    for part in (network, network.graph):
        part.ClearField("doc_string")
        part.ClearField("metadata_props")
    for node in network.graph.node:
        node.ClearField("doc_string")
        node.ClearField("metadata_props")
    for value in (*network.graph.input, *network.graph.output, *network.graph.value_info):
        value.ClearField("doc_string")
        value.ClearField("metadata_props")
    for tensor in network.graph.initializer:
        tensor.ClearField("doc_string")
        tensor.ClearField("metadata_props")
