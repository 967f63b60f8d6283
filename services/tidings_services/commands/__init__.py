"""One module per group of `tidings` commands."""
