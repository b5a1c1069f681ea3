"""Models of transformers, which take tokens by name and return an object with the attribute ``logits``."""

from __future__ import annotations

import lightning as L
import pytest
import torch
from sklearn.metrics import recall_score
from torch.utils.data import DataLoader

from lightning_imbalance import ImbalanceMonitor, WeightedClassifier

ATTENTION = {"input_ids": torch.zeros(1, 12, dtype=torch.int64), "attention_mask": torch.ones(1, 12)}


def recalls_of(model, loader) -> list[float]:
    """The recall of each class, one batch after another, by scikit-learn."""
    model.eval()
    with torch.no_grad():
        batches = [(model(b["input_ids"], attention_mask=b["attention_mask"]), b["labels"]) for b in loader]
    predicted = torch.cat([output.logits.argmax(1) for output, _ in batches])
    return recall_score(torch.cat([target for _, target in batches]), predicted, average=None, zero_division=0).tolist()


def test_a_weighted_classifier_trains_evaluates_and_predicts(language_model, text_loader, tiny_trainer):
    model, monitor = (
        WeightedClassifier(language_model, optimizer=lambda p: torch.optim.Adam(p, lr=0.01)),
        ImbalanceMonitor(),
    )
    trainer = tiny_trainer(max_epochs=3, callbacks=[monitor])

    trainer.fit(model, text_loader(), text_loader())
    tokens = [{name: value for name, value in batch.items() if name != "labels"} for batch in text_loader()]
    with_labels, without = trainer.predict(model, text_loader()), trainer.predict(model, DataLoader(tokens, None))

    assert model.class_counts.tolist() == [24, 8, 4]
    assert list(monitor.results["val"]["recall"].values()) == pytest.approx(recalls_of(language_model, text_loader()))
    assert torch.cat(with_labels).shape == (36, 3)
    torch.testing.assert_close(torch.cat(with_labels).sum(1), torch.ones(36))
    torch.testing.assert_close(torch.cat(without), torch.cat(with_labels))


def test_the_loss_is_that_of_this_package_and_not_the_models_own(language_model, text_loader, tiny_trainer):
    model = WeightedClassifier(language_model, optimizer=lambda p: torch.optim.SGD(p, lr=0.0))
    trainer = tiny_trainer()

    trainer.fit(model, text_loader(), text_loader())

    language_model.eval()
    (batch,) = DataLoader(text_loader().dataset, 36)
    with torch.no_grad():
        logits = language_model(batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    own = torch.nn.functional.cross_entropy(logits, batch["labels"], model.class_weights)
    assert model.class_weights.tolist() == pytest.approx([36 / (3 * n) for n in (24, 8, 4)])
    assert trainer.callback_metrics["val_loss"].item() == pytest.approx(own.item(), rel=1e-5)
    if hasattr(language_model, "given"):
        assert language_model.given == {frozenset({"mask"})}  # no labels: they would make a second loss


class PlainText(L.LightningModule):
    """How people put a model of transformers into a LightningModule."""

    def __init__(self, model, returned) -> None:
        super().__init__()
        self.model = model
        self.returned = returned

    def training_step(self, batch, batch_idx):
        return self.model(**batch).loss

    def validation_step(self, batch, batch_idx):
        return self.returned(self.model(**batch))

    test_step = validation_step

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters())


@pytest.mark.parametrize(
    ("returned", "options"),
    [
        (lambda output: output, {}),
        (lambda output: {"loss": output.loss, "logits": output.logits}, {}),
        (lambda output: {"loss": output.loss, "preds": output.logits.argmax(1)}, {"num_classes": 3}),
        (lambda output: output.loss, {"logits_from": "model"}),
        (lambda output: output.loss, {"logits_from": "model.classifier"}),
        (lambda output: None, {"logits_from": "model", "target_key": "labels"}),
    ],
    ids=["object", "logits", "predictions", "loss", "last layer", "nothing"],
)
def test_a_monitor_understands_a_module_of_somebody_else(returned, options, language_model, text_loader, tiny_trainer):
    monitor = ImbalanceMonitor(**options)

    tiny_trainer(callbacks=[monitor]).fit(PlainText(language_model, returned), text_loader(), text_loader())

    assert monitor.results["val"]["samples"] == {"0": 24, "1": 8, "2": 4}
    assert list(monitor.results["val"]["recall"].values()) == pytest.approx(recalls_of(language_model, text_loader()))


def test_training_batches_are_understood_too(language_model, text_loader, tiny_trainer):
    monitor = ImbalanceMonitor(train=True, logits_from="model")

    tiny_trainer(callbacks=[monitor]).fit(PlainText(language_model, lambda output: output.loss), text_loader())

    assert monitor.results["train"]["samples"] == {"0": 24, "1": 8, "2": 4}
    assert len(language_model._forward_hooks) == 0
