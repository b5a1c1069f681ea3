"""What docs/recipes/tabular.md takes for granted: scikit-learn's breast cancer table, made imbalanced."""

import os
import tempfile

import pandas as pd
import torch
from sklearn.datasets import load_breast_cancer

os.chdir(tempfile.mkdtemp())
torch.manual_seed(0)

frame = load_breast_cancer(as_frame=True).frame
tumours = pd.concat([frame[frame["target"] == 1], frame[frame["target"] == 0].head(60)])
tumours["diagnosis"] = tumours.pop("target").map({0: "malignant", 1: "benign"})
tumours["patient"] = range(len(tumours))
