"""More samples of the rare classes: made of two others, of one, or of noise. For training alone."""

from lightning_imbalance.synthesis.batch_transform import BatchTransform
from lightning_imbalance.synthesis.cutmix import CutMix
from lightning_imbalance.synthesis.cutmix_minority import CutMixMinority
from lightning_imbalance.synthesis.gan import ConditionalGAN
from lightning_imbalance.synthesis.minority_augmentation import MinorityAugmentation
from lightning_imbalance.synthesis.mixup import Mixup
from lightning_imbalance.synthesis.picture_grid import picture_grid
from lightning_imbalance.synthesis.quality import quality_report
from lightning_imbalance.synthesis.quality_report import QualityReport
from lightning_imbalance.synthesis.real_samples import require_real_samples, synthetic_samples
from lightning_imbalance.synthesis.remix import Remix
from lightning_imbalance.synthesis.resample import resample
from lightning_imbalance.synthesis.synthetic_dataset import SyntheticDataset
from lightning_imbalance.synthesis.tabular import ResampledDataset
from lightning_imbalance.synthesis.wanted_counts import wanted_counts

__all__ = [
    "BatchTransform",
    "ConditionalGAN",
    "CutMix",
    "CutMixMinority",
    "MinorityAugmentation",
    "Mixup",
    "QualityReport",
    "Remix",
    "ResampledDataset",
    "SyntheticDataset",
    "picture_grid",
    "quality_report",
    "require_real_samples",
    "resample",
    "synthetic_samples",
    "wanted_counts",
]
