"""Fine-tuning to bundle; needs the [train] extra, and inference never imports it."""
