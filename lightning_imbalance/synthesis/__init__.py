"""More samples of the rare classes: made of two others, of one, or of noise. For training alone."""

from lightning_imbalance.synthesis.batch_transform import BatchTransform
from lightning_imbalance.synthesis.cutmix import CutMix
from lightning_imbalance.synthesis.cutmix_minority import CutMixMinority
from lightning_imbalance.synthesis.minority_augmentation import MinorityAugmentation
from lightning_imbalance.synthesis.mixup import Mixup
from lightning_imbalance.synthesis.real_samples import require_real_samples
from lightning_imbalance.synthesis.remix import Remix
from lightning_imbalance.synthesis.resample import resample
from lightning_imbalance.synthesis.tabular import ResampledDataset
from lightning_imbalance.synthesis.wanted_counts import wanted_counts

__all__ = [
    "BatchTransform",
    "CutMix",
    "CutMixMinority",
    "MinorityAugmentation",
    "Mixup",
    "Remix",
    "ResampledDataset",
    "require_real_samples",
    "resample",
    "wanted_counts",
]
