"""A recipe: the YAML that says how a bundle is made, checked before anything is trained."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

Share = Annotated[float, Field(gt=0.0, lt=1.0)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]


class RecipeError(Exception):
    """The recipe cannot be read or says something impossible; the message says where."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LabelledData(_Part):
    """One labelled data set: CSV files with a header, below the data directory."""

    name: str
    """How the manifest and the card call it."""
    licence: str
    source: str
    """Where it comes from, for the card."""
    train: str | None = None
    """Training file; None for a set that is only evaluated on."""
    test: str | None = None
    """Test file: never trained on, never used to choose anything."""
    text_column: str = "text"
    label_column: str = "label"
    entity_column: str | None = None
    """The company that the label is about; None where the label is about the whole text."""
    label_names: dict[str, str] = Field(default_factory=dict)
    """The file's label -> the model's label; labels that are not listed keep their name."""
    cashtag_as_entity: Literal["never", "also", "instead"] = "never"
    """What a training text with exactly one cashtag adds: nothing, a second row with the cashtag
    as its entity, or that row instead of the row without an entity."""
    note: str = ""
    """What a user of the model must know about this set, for the card."""


class OutOfScopeData(_Part):
    """Texts of no label, to measure how well the energy tells them apart; never trained on."""

    name: str
    licence: str
    source: str
    file: str
    text_column: str = "text"
    domain_column: str = "domain"
    exclude_domains: tuple[str, ...] = ()
    """Domains too near to the model's own to count as out of scope."""


class Training(_Part):
    """Hyperparameters of the fine-tuning (AdamW, linear decay)."""

    epochs: Annotated[int, Field(ge=1)] = 3
    batch_size: Annotated[int, Field(ge=1)] = 32
    learning_rate: Annotated[float, Field(gt=0)] = 3e-4
    warmup_share: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of all steps during which the learning rate rises from 0."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Dropout on the pooled embedding, before the classification layer."""
    validation_share: Share = 0.1
    """Share of the training rows set aside to choose the epoch, the temperature and the
    thresholds."""
    choose_epoch_by: Literal["accuracy", "macro_f1"] = "accuracy"
    patience: Annotated[int, Field(ge=1)] = 2
    """Stop after so many epochs without a better one."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """`auto` takes bfloat16 where the processor multiplies it natively."""
    seed: int = 13


class Quantization(_Part):
    """Static int8 quantization."""

    calibration_texts: Annotated[int, Field(ge=1)] = 300
    """Training texts whose activations set the ranges."""
    per_channel: bool = True
    """One weight scale per output channel instead of one per matrix."""
    reduce_range: bool = True
    """7-bit weights: 8-bit ones saturate the sums of x86 processors without VNNI."""


class Abstention(_Part):
    """When the model says nothing; chosen on the validation rows."""

    max_error_when_routed: Share | None = None
    """The lowest probability threshold at which at most this share of decisions is wrong."""
    in_scope_kept: Share | None = None
    """The energy threshold that keeps this share of the validation rows."""


class Gate(_Part):
    """What a bundle must reach, on the test sets, to serve."""

    minimum_accuracy: dict[str, Share]
    """Data set name -> least accuracy of the int8 model on its test file."""
    maximum_quantization_loss: Annotated[float, Field(ge=0, lt=1)] = 0.005
    """Most accuracy that int8 may lose against fp32, on each of those test files."""
    maximum_calibration_error: Share = 0.05
    maximum_bytes: Annotated[int, Field(ge=1)] = 30_000_000
    """Of all files of the bundle together."""


class Recipe(_Part):
    """All that decides what a bundle contains, but for the data and the encoder themselves."""

    format: Literal[1] = 1
    name: Name
    """The bundle's name."""
    task: Literal["intent", "sentiment"]
    description: str
    """What the model is for, one or two sentences, for the card."""
    encoder: str
    """`package:NAME` (in site-packages), `hub:ORG/NAME` (downloaded) or a directory."""
    encoder_licence: str
    max_tokens: Annotated[int, Field(ge=8, le=512)] = 128
    pair_input: bool = False
    """The model reads (text, entity) where a row names an entity."""
    data: Annotated[tuple[LabelledData, ...], Field(min_length=1)]
    out_of_scope: OutOfScopeData | None = None
    training: Training = Training()
    quantization: Quantization = Quantization()
    abstention: Abstention = Abstention()
    gate: Gate
    limits: tuple[str, ...] = ()
    """Known limits, for the card."""

    @property
    def digest(self) -> str:
        """SHA-256 of the recipe's values, defaults included: 64 hex digits."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def trains_like(self, other: Recipe) -> bool:
        """Say whether both make the same weights: encoder, rows and hyperparameters are equal."""
        same = {"encoder", "max_tokens", "pair_input", "training"}
        texts = {"licence", "source", "note"}
        return self.model_dump(include=same) == other.model_dump(include=same) and [
            data.model_dump(exclude=texts) for data in self.data
        ] == [data.model_dump(exclude=texts) for data in other.data]


def read_recipe(file: Path) -> Recipe:
    """Read and check a recipe.  Raises RecipeError naming the file and every fault."""
    try:
        return parse_recipe(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, RecipeError) as error:
        raise RecipeError(f"{file}: {error}") from error


def parse_recipe(text: str) -> Recipe:
    """Check a recipe's YAML.  Raises RecipeError naming every fault."""
    try:
        recipe = Recipe.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise RecipeError(f"not YAML: {error}") from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
            for fault in error.errors()
        )
        raise RecipeError(faults) from error
    if all(data.train is None for data in recipe.data):
        raise RecipeError("data: no set has a training file")
    tested = {data.name for data in recipe.data if data.test}
    if unknown := set(recipe.gate.minimum_accuracy) - tested:
        raise RecipeError(f"gate.minimum_accuracy: no test file for {', '.join(sorted(unknown))}")
    if not recipe.pair_input and any(
        data.entity_column or data.cashtag_as_entity != "never" for data in recipe.data
    ):
        raise RecipeError("data: an entity needs pair_input: true")
    return recipe


def find_recipe(name_or_path: str | Path) -> Path:
    """Return a recipe's file: an existing path, or the name of a shipped one.

    Raises RecipeError listing the shipped ones where it is neither.
    """
    path = Path(name_or_path)
    if path.is_file():
        return path
    package = Path(__file__).resolve().parent.parent
    # A wheel carries them inside the package; an editable install has them beside it.
    roots = (package / "recipes", package.parent / "recipes")
    shipped = {file.stem: file for root in reversed(roots) for file in root.glob("*.yaml")}
    if str(name_or_path) in shipped:
        return shipped[str(name_or_path)]
    raise RecipeError(
        f"There is no recipe {str(name_or_path)!r}: neither a file nor a shipped recipe "
        f"({', '.join(sorted(shipped)) or 'none is installed'})."
    )
