"""Class imbalance in PyTorch Lightning: count the classes once, and let every remedy read that count.

A name is imported when it is first used: who only counts classes need not wait for Lightning.
"""

import importlib as _importlib
import typing as _typing

from lightning_imbalance.__about__ import __version__

if _typing.TYPE_CHECKING:
    from lightning_imbalance import (
        callbacks,
        comparison,
        data,
        functional,
        labels,
        losses,
        metrics,
        plots,
        prior,
        samplers,
        synthesis,
    )
    from lightning_imbalance.callbacks import ImbalanceMonitor
    from lightning_imbalance.comparison import compare
    from lightning_imbalance.distribution import ClassDistribution
    from lightning_imbalance.module import WeightedClassifier
    from lightning_imbalance.rebalanced import RebalancedDataModule
    from lightning_imbalance.weighting import class_weights

__all__ = [
    "ClassDistribution",
    "ImbalanceMonitor",
    "RebalancedDataModule",
    "WeightedClassifier",
    "__version__",
    "callbacks",
    "class_weights",
    "compare",
    "comparison",
    "data",
    "functional",
    "labels",
    "losses",
    "metrics",
    "plots",
    "prior",
    "samplers",
    "synthesis",
]

_DEFINED_IN = {
    "ClassDistribution": "distribution",
    "ImbalanceMonitor": "callbacks",
    "RebalancedDataModule": "rebalanced",
    "WeightedClassifier": "module",
    "class_weights": "weighting",
    "compare": "comparison",
}


def __getattr__(name: str) -> _typing.Any:
    if name in _DEFINED_IN:
        found = getattr(_importlib.import_module(f"{__name__}.{_DEFINED_IN[name]}"), name)
    elif name in __all__:
        found = _importlib.import_module(f"{__name__}.{name}")
    else:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
