"""Class priors: how often each class occurs where a model is used, and what that makes of its predictions.

A model's probabilities hold for the class prior that its training made it believe. Where p(x | class) stays and only
the classes' shares change (label shift), the probabilities for the new shares follow without training again.
"""

from lightning_imbalance.prior.adjustment import adjust_logits
from lightning_imbalance.prior.decision import decide
from lightning_imbalance.prior.effective import effective_prior
from lightning_imbalance.prior.estimation import PriorEstimate, estimate
from lightning_imbalance.prior.resolve import Prior, log_prior

__all__ = ["Prior", "PriorEstimate", "adjust_logits", "decide", "effective_prior", "estimate", "log_prior"]
