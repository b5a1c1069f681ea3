"""The page of one trained model."""

from __future__ import annotations

from lightning_imbalance import plots
from lightning_imbalance.plots.predictions import CURVES
from lightning_imbalance.reports.environment import environment_section
from lightning_imbalance.reports.judgement import BINS
from lightning_imbalance.reports.model_report import ModelReport
from lightning_imbalance.reports.page import Block, Code, DataTable, Facts, Notice, Page, Picture, Section, Text
from lightning_imbalance.tables import Column, Table

_SAME_SHARE = 0.005


def model_page(report: ModelReport) -> Page:
    """Return the page of a report.

    Args:
        report: The figures.

    Returns:
        The page: what was found of each class, what is taken for what, what the probabilities mean, and the training.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.

    Example:
        >>> import lightning as L, torch
        >>> from torch.utils.data import TensorDataset
        >>> from lightning_imbalance import ClassDistribution, WeightedClassifier
        >>> from lightning_imbalance.reports.model_report import model_report
        >>> model = WeightedClassifier(torch.nn.Identity(), num_classes=2)
        >>> model.adopt(ClassDistribution([30, 10], ["cat", "dog"]))
        >>> data = L.LightningDataModule.from_datasets(test_dataset=TensorDataset(torch.eye(2), torch.tensor([0, 1])))
        >>> [section.title for section in model_page(model_report(model, data)).sections]
        ['Read first', 'Classes', 'Which class is taken for which', 'Probabilities', 'Training', 'Environment']
    """
    sections = [
        Section("Read first", tuple(map(Notice, report.notices))) if report.notices else None,
        _classes(report),
        _mistakes(report),
        _probabilities(report),
        _training(report),
        environment_section(),
    ]
    return Page(
        title="Model" if report.location is None else f"Model {report.location}",
        lead=report.verdict(),
        facts=_facts(report),
        sections=tuple(section for section in sections if section is not None),
        command=report.command,
    )


def _facts(report: ModelReport) -> Facts:
    figures = report.figures()
    names = {
        "balanced_accuracy": "balanced accuracy",
        "worst_class_recall": "worst class recall",
        "macro_f1": "macro F1",
        "mean_average_precision": "mean average precision",
        "accuracy": "accuracy",
        "log_loss": "log loss",
        "expected_calibration_error": "calibration error",
    }
    measured = [(words, f"{figures[name]:.3f}") for name, words in names.items() if name in figures]
    groups = [
        (f"recall, {group}", f"{figures[f'recall_{group}']:.3f}")
        for group in ("many", "medium", "few")
        if f"recall_{group}" in figures
    ]
    samples = (f"samples of the {report.part_name} part", f"{report.samples:,}")
    return Facts((*measured[:4], *groups, *measured[4:], samples))


def _classes(report: ModelReport) -> Section:
    return Section(
        "Classes",
        (
            Picture(
                plots.recall(report.classes.to_dict(), report.trained_on),
                "Share of each class's samples that was found, with the 95 % interval (Wilson) that so few samples "
                "leave; from the class with the most training samples to the one with the fewest.",
            ),
            DataTable(report.table(whole=True)),
            Text(
                "AP is the average precision, of each class against the others. The groups are those of the training "
                "data: more than 100 samples are many, fewer than 20 few. A dash stands where nothing could be "
                "measured."
            ),
        ),
    )


def _mistakes(report: ModelReport) -> Section:
    judgement, names, task = report.judgement, report.trained_on.class_names, report.classes.task
    blocks: list[Block] = []
    if judgement.matrix is not None:
        blocks.append(
            Picture(
                plots.confusion(judgement.matrix, names),
                "Each row is the samples of a class, as shares of what they were predicted as."
                if len(names) <= 30
                else "The pairs of classes that are confused most, as shares of the first one's samples.",
            )
        )
    if len(judgement.target):
        curves = plots.precision_recall(
            judgement.probabilities, judgement.target, names, task=task, ignore_index=report.ignore_index
        )
        said = (
            "The average precision of each class, and what a model without knowledge reaches."
            if len(names) > CURVES
            else "How many of those that are taken for a class are of it, the more of the class one finds."
        )
        blocks.append(Picture(curves, said))
    title = "What it costs to find more" if task == "multilabel" else "Which class is taken for which"
    return Section(title, tuple(blocks) or (Text("The model has decided nothing."),))


def _probabilities(report: ModelReport) -> Section:
    judgement, names, task = report.judgement, report.trained_on.class_names, report.classes.task
    blocks: list[Block] = [Text(_meaning(report))]
    if report.prior.unknown and task != "multilabel":
        blocks.append(Notice(f"For which class prior the probabilities are right is not known: {report.prior.unknown}"))
    panels = {"as predicted": judgement.probabilities}
    said = (
        f"How often came true what was given a probability, in {BINS} bins. On the diagonal probabilities are true; "
        "the lines are 95 % intervals."
    )
    if report.adjusted is not None and _shares_differ(report):
        panels[f"for the {report.part_name} part's shares"] = report.adjusted
        said += (
            " Left as the model predicts, for the prior above; right the same probabilities for classes that occur as "
            f"often as in the {report.part_name} part, which alone can lie on the diagonal here."
        )
    if len(judgement.target):
        picture = plots.reliability(
            panels, judgement.target, names, bins=BINS, task=task, ignore_index=report.ignore_index
        )
        blocks.append(Picture(picture, said))
    blocks.append(DataTable(_prior_table(report)))
    return Section("Probabilities", tuple(blocks))


def _meaning(report: ModelReport) -> str:
    prior, task = report.prior, report.classes.task
    error = f"The expected calibration error of the decisions is {report.judgement.calibration_error:.3f}"
    if report.adjusted is not None:
        moved = report.figures().get("expected_calibration_error_for_these_shares")
        if moved is not None:
            error += f", and {moved:.3f} for the classes' shares in the {report.part_name} part"
    if task == "multilabel":
        stated = "Each label has a probability of its own"
    elif prior.training is None:
        stated = "The probabilities are the softmax of the logits"
    elif prior.target is not None:
        stated = "The probabilities are stated for the class prior that was asked for, the column 'asked for'"
    else:
        stated = (
            "The probabilities are stated for the class prior that the training made the model believe, the column "
            "'believed': the data's shares, as sampler, weights and loss changed them"
        )
    return f"{stated}. {error}."


def _shares_differ(report: ModelReport) -> bool:
    believed, samples = report.prior.believed, report.classes.counts.samples
    return believed is not None and bool(((samples / samples.sum()) - believed).abs().max() > _SAME_SHARE)


def _prior_table(report: ModelReport) -> Table:
    counts = report.classes.counts
    whole = counts.total if report.classes.task == "multilabel" else counts.samples.sum()
    columns = {
        "of the training data": report.trained_on.priors,
        "drawn": report.sampling,
        "believed": report.prior.training,
        "asked for": report.prior.target,
        f"of the {report.part_name} part": counts.samples / whole,
    }
    known = {name: values.tolist() for name, values in columns.items() if values is not None}
    rows = zip(report.trained_on.class_names, report.weights, *known.values(), strict=True)
    return Table(
        (Column("class", "left"), Column("weight"), *map(Column, known)),
        tuple((name, f"{weight:.4g}", *(f"{100 * share:.4g}%" for share in shares)) for name, weight, *shares in rows),
        "Weights and shares of the classes",
    )


def _training(report: ModelReport) -> Section:
    words = {"batch_transform": "batch transform"}
    rows = [(words.get(name, name), value) for name, value in report.trained_with.items()]
    trained_on = report.trained_on
    blocks: list[Block] = [
        DataTable(Table((Column("trained with", "left"), Column("", "left")), tuple(rows)), sortable=False),
        Picture(
            plots.counts(trained_on),
            f"The {trained_on.num_samples:,} samples that the model was trained on, by class.",
        ),
    ]
    if report.fit_command is not None:
        blocks.insert(1, Code(report.fit_command))
    log = report.log
    if log is None:
        blocks.append(Text("How the training went is not known: there is no metrics.csv beside the checkpoint."))
        return Section("Training", tuple(blocks))
    if log.losses or log.figures:
        blocks.append(
            Picture(
                plots.training_curves(log.losses, log.figures),
                f"The {log.epochs:,} epochs of the fit. The checkpoint need not be of the last one.",
            )
        )
    if log.recall:
        blocks.append(
            Picture(
                plots.recall_over_epochs(log.recall, trained_on),
                "The recall of each class on validation data, or that of the groups where there are many classes.",
            )
        )
    return Section("Training", tuple(blocks))
