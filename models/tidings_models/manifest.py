"""What a bundle says of itself: `manifest.json`, checked when it is read."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 as 64 hex digits."""
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$")]
Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Real = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]

MODEL_FILE = "model.onnx"
FP16_FILE = "model.fp16.onnx"
"""Optional: the same network in half precision, for GPUs."""
TOKENIZER_FILE = "tokenizer.json"
CARD_FILE = "CARD.md"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EncoderUsed(_Part):
    """The encoder that was fine-tuned."""

    name: str
    digest: Digest
    licence: str


class DataUsed(_Part):
    """One data file and what it was used for."""

    name: str
    use: Literal["train", "test", "out_of_scope"]
    file: str
    sha256: Digest
    rows: Count
    licence: str
    source: str
    note: str = ""


class RecipeUsed(_Part):
    """The recipe that made the bundle."""

    name: str
    digest: Digest


class NetworkFigures(_Part):
    """One network on one test file; calibration errors are in 0..1, over 15 bins."""

    accuracy: Share
    macro_f1: Share
    calibration_error_before: Share
    """With temperature 1."""
    calibration_error_after: Share
    """With the manifest's temperature, which was fitted to the int8 network."""


class TestFigures(_Part):
    """Both networks on one test file."""

    __test__ = False  # not a test, whatever pytest thinks

    name: str
    rows: Count
    fp32: NetworkFigures
    int8: NetworkFigures
    labels_changed: Count
    """Rows whose most likely label differs between fp32 and int8."""
    coverage: Share | None = None
    """Share of rows decided at the abstention thresholds."""
    error_when_decided: Share | None = None
    """Share of those that are wrong."""


class OutOfScopeFigures(_Part):
    """How the energy tells out-of-scope texts from test rows."""

    name: str
    rows: Count
    auroc: Share
    false_positives_at_95: Share
    """Share of out-of-scope texts that pass where 95 % of the test rows pass."""
    in_scope_kept: Share
    """Share of the test rows that pass at the manifest's threshold."""
    caught: Share
    """Share of out-of-scope texts above that threshold."""
    caught_or_unsure: Share
    """Share of out-of-scope texts not decided, by either threshold."""


class TrainingFigures(_Part):
    """How the fine-tuning went; accuracy and macro-F1 are the chosen epoch's on validation rows."""

    train_rows: Count
    validation_rows: Count
    dropped_rows: Count
    epoch: Real
    accuracy: Share
    macro_f1: Share
    precision: str
    seconds: Real


class Figures(_Part):
    """All that was measured when the bundle was made."""

    training: TrainingFigures
    tests: tuple[TestFigures, ...]
    out_of_scope: OutOfScopeFigures | None = None
    messages_per_second: Real
    """int8 network, tokenizing included, per second of processor time (one core)."""
    messages_per_second_fp32: Real
    measured_on: str


class GateCheck(_Part):
    """One bound and what was measured against it."""

    name: str
    bound: Real
    measured: Real
    passed: bool


class Gate(_Part):
    """Whether the bundle may serve, and why."""

    passed: bool
    checks: tuple[GateCheck, ...]

    @model_validator(mode="after")
    def _passed_means_all(self) -> Gate:
        if self.passed and not (self.checks and all(check.passed for check in self.checks)):
            raise ValueError("the gate says passed, its checks do not")
        return self


class Manifest(_Part):
    """Everything that serving and explaining a bundle needs, and how it came to be."""

    format: Literal[1]
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    task: Literal["intent", "sentiment"]
    description: str
    created_at: datetime
    labels: Annotated[tuple[str, ...], Field(min_length=2)]
    """In the order of the network's logits."""
    max_tokens: Annotated[int, Field(ge=8, le=512)]
    pair_input: bool
    """The network reads (text, entity) where an entity is given."""
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    """Logits are divided by it before softmax (Guo et al. 2017)."""
    abstain_below: Share | None = None
    """Probability of the most likely label below which the model abstains as unsure."""
    out_of_scope_above: Real | None = None
    """Energy above which a text is out of scope."""
    encoder: EncoderUsed
    data: tuple[DataUsed, ...]
    recipe: RecipeUsed
    figures: Figures
    gate: Gate
    limits: tuple[str, ...] = ()
    files: dict[FileName, Digest]

    @model_validator(mode="after")
    def _complete(self) -> Manifest:
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("labels: one occurs twice")
        if missing := {MODEL_FILE, TOKENIZER_FILE} - set(self.files):
            raise ValueError(f"files: {', '.join(sorted(missing))} missing")
        return self
