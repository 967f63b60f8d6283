"""The network: a BERT encoder, the mean of its token embeddings, one linear layer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertConfig, BertModel, BertPreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput


class MeanPoolingClassifier(BertPreTrainedModel):  # type: ignore[no-untyped-call]
    """Logits of a text from the mean over its tokens, padding left out.

    Mean pooling is what the MiniLM sentence encoders were trained with (Reimers and Gurevych
    2019); the stock classifier's pooled [CLS] starts from an untrained layer and measured lower.
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.num_labels = config.num_labels
        self.bert = BertModel(config, add_pooling_layer=False)  # type: ignore[no-untyped-call]
        dropout = config.classifier_dropout
        self.dropout = nn.Dropout(config.hidden_dropout_prob if dropout is None else dropout)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()  # type: ignore[no-untyped-call]

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor | None = None,
        labels: Tensor | None = None,
        **_: Any,
    ) -> SequenceClassifierOutput:
        """Return logits (batch, classes) for ids, mask and segments (batch, tokens).

        With `labels` (batch), class indices, also the mean cross-entropy.
        """
        hidden = self.bert(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state
        # A product rather than a sum: ONNX Runtime adds the rows of one text in another order than
        # those of several, so that a text alone would differ in its last bits from one in a batch.
        mask = attention_mask.unsqueeze(1).to(hidden.dtype)
        mean = torch.bmm(mask, hidden).squeeze(1) / torch.clamp(mask.sum(dim=2), min=1.0)
        logits = self.classifier(self.dropout(mean))
        loss = None if labels is None else functional.cross_entropy(logits.float(), labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)  # type: ignore[arg-type]
