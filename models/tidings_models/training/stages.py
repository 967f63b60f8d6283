"""The working directory that the stages share: what each leaves for the next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from tidings_models.training.recipe import Recipe


class StageError(Exception):
    """A stage lacks what the one before it leaves; the message names the command to run first."""


class EpochFigures(BaseModel):
    """What one epoch reached on the validation rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epoch: float
    accuracy: float
    macro_f1: float
    loss: float


class FineTuned(BaseModel):
    """What `finetune` did, in `finetuned.json` beside the weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: Recipe
    labels: tuple[str, ...]
    encoder_digest: str
    precision: str
    """`bf16` or `fp32`: what the processor multiplied in."""
    seconds: float
    train_rows: int
    validation_rows: int
    dropped_rows: int
    epochs: tuple[EpochFigures, ...]

    @property
    def best_epoch(self) -> EpochFigures:
        """The epoch whose weights were kept."""
        wanted = self.recipe.training.choose_epoch_by
        return max(self.epochs, key=lambda epoch: float(getattr(epoch, wanted)))


@dataclass(frozen=True, slots=True)
class WorkingDirectory:
    """The files of one bundle in the making."""

    directory: Path

    @property
    def weights(self) -> Path:
        """Directory with the fine-tuned PyTorch weights."""
        return self.directory / "finetuned"

    @property
    def tokenizer(self) -> Path:
        """The encoder's tokenizer.json."""
        return self.directory / "tokenizer.json"

    @property
    def record(self) -> Path:
        """What `finetune` did; written last, so that it means the stage is complete."""
        return self.directory / "finetuned.json"

    @property
    def fp32(self) -> Path:
        """The exported network."""
        return self.directory / "model-fp32.onnx"

    @property
    def int8(self) -> Path:
        """The quantized network."""
        return self.directory / "model-int8.onnx"

    @property
    def fp16(self) -> Path:
        """The exported network in half precision; only there where it was asked for."""
        return self.directory / "model-fp16.onnx"

    def read_record(self) -> FineTuned:
        """Return what `finetune` did.  Raises StageError where it did not finish."""
        try:
            return FineTuned.model_validate_json(self.record.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise StageError(
                f"{self.directory} holds no fine-tuned model; "
                f"first: tidings models finetune RECIPE --work {self.directory}"
            ) from error
        except ValidationError as error:
            raise StageError(f"{self.record} is from another version: fine-tune again") from error

    def require(self, file: Path, *, stage: str) -> Path:
        """Return the file of an earlier stage.  Raises StageError naming that stage."""
        if not file.is_file():
            raise StageError(f"{file} is missing; first: tidings models {stage} {self.directory}")
        return file
