"""A bundle that answers: tokenizer, ONNX Runtime session and calibration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tidings_models.bundle import Bundle, BundleError
from tidings_models.cpu_limit import available_cpus
from tidings_models.decoding import Decoder
from tidings_models.onnx_network import OnnxNetwork, Stage
from tidings_models.onnx_runtime import Device, Provider, is_cuda_offered, open_session
from tidings_models.prediction import InferenceError, Prediction, TokenIds
from tidings_models.tokenization import TextTokenizer
from tidings_models.variants import Variant, choices, open_first


class OnnxClassifier:
    """Satisfies `Classifier`: the bundle's labels with calibrated probabilities.

    **On a processor the result for a text is bit-identical alone and in any batch.**  Three things
    give that.  A text is always padded to the next multiple of 2 tokens of its own length and only
    put together with texts of the same padded length, so that every operator sees it in the same
    shape whatever the company.  Every product with a weight is static int8, whose integer sums
    know no rounding.  And what stays in float (attention, normalization, the mean over the
    tokens) is computed text by text or row by row in one fixed order; the mean is a product and
    not a sum for that reason (mean_pooling.py).  A network exported in another way need not keep
    this; tests/unit/models/test_batch_identity.py holds the shipped ones to it.

    One caller at a time; ONNX Runtime releases Python's lock while it computes, so call it from a
    thread to keep an event loop free.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        provider: Provider = "auto",
        threads: int | None = None,
        on_stage: Stage = lambda _stage, _seconds: None,
    ) -> None:
        """Open the bundle with `threads`; None: as many as the container may use processors.

        Raises BundleError where labels and network do not fit, RuntimeUnavailableError where ONNX
        Runtime or a demanded provider is missing, InferenceError where the file is no network.
        """
        threads = available_cpus() if threads is None else threads
        networks: dict[Variant, Path] = {"int8": bundle.model_file}
        if bundle.fp16_file is not None:
            networks["fp16"] = bundle.fp16_file
        self._choice, session = open_first(
            choices(provider, cuda_offered=is_cuda_offered(), has_fp16="fp16" in networks),
            lambda choice: open_session(
                networks[choice.variant], device=choice.device, threads=threads
            ),
        )
        self._network = OnnxNetwork(
            session,
            TextTokenizer(bundle.tokenizer_file, max_tokens=bundle.manifest.max_tokens),
            on_stage=on_stage,
        )
        self._bundle = bundle
        labels = bundle.manifest.labels
        self._decoder = Decoder(labels, temperature=bundle.manifest.temperature)
        classes = self._network.session.classes
        if classes not in {None, len(labels)}:
            raise BundleError(
                f"{bundle.reference}: the network has {classes} classes and the "
                f"manifest {len(labels)} labels.  Build the bundle again."
            )

    @property
    def bundle(self) -> Bundle:
        """The bundle that answers."""
        return self._bundle

    @property
    def reference(self) -> str:
        """`name@` and the first 12 hex digits of the bundle's digest."""
        return self._bundle.reference

    @property
    def provider(self) -> Device:
        """What the session really runs on."""
        return self._choice.device

    @property
    def variant(self) -> Variant:
        """Which of the bundle's networks answers: fp16 on a GPU where the bundle has it."""
        return self._choice.variant

    def tokenize(
        self, texts: Sequence[str], entities: Sequence[str | None] | None = None
    ) -> list[TokenIds]:
        """Return the tokens of each text, in order, cut at the bundle's `max_tokens`.

        `entities`, where given, has one entry per text.  Raises ValueError for an entity where
        the bundle reads none.
        """
        if entities is not None and any(entities) and not self._bundle.manifest.pair_input:
            raise ValueError(f"{self.reference} reads no entity: pair_input is false")
        return self._network.tokenize(texts, entities)

    def predict_tokens(self, tokens: Sequence[TokenIds]) -> list[Prediction]:
        """Classify what `tokenize` returned, in order.  Raises InferenceError."""
        return self._decoder.decode(self._token_logits(tokens))

    def predict(
        self, texts: Sequence[str], entities: Sequence[str | None] | None = None
    ) -> list[Prediction]:
        """Classify each text, in order; one prediction per text, none for no text.

        `entities`, where given, has one entry per text.  Raises InferenceError if the session
        fails and ValueError for an entity where the bundle reads none.
        """
        return self.predict_tokens(self.tokenize(texts, entities))

    def logits(
        self, texts: Sequence[str], entities: Sequence[str | None] | None = None
    ) -> NDArray[np.float32]:
        """Return the network's uncalibrated logits (texts, labels); otherwise like `predict`."""
        return self._token_logits(self.tokenize(texts, entities))

    def _token_logits(self, tokens: Sequence[TokenIds]) -> NDArray[np.float32]:
        try:
            return self._network.token_logits(tokens)
        except InferenceError as error:
            raise InferenceError(f"{self.reference}: {error}") from error
