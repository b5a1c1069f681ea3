"""The table that the page inspects, in the empty folder that every test runs in."""

from sklearn.datasets import load_breast_cancer

_frame = load_breast_cancer(as_frame=True).frame
_frame["diagnosis"] = _frame.pop("target").map({0: "malignant", 1: "benign"})
_frame.drop(_frame[_frame["diagnosis"] == "malignant"].index[40:]).to_csv("tumours.csv", index=False)
