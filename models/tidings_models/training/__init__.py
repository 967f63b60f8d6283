"""Fine-tuning to bundle; needs the [train] extra, and inference never imports it."""

from tidings_models.onnx_runtime import silence_telemetry

silence_telemetry()
