"""A generator of samples for each class, as a LightningModule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from lightning.pytorch.strategies import DDPStrategy
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from lightning_imbalance.class_state import KEY, ClassState, OnChangedData
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.functional.hinge import hinge_discriminator, hinge_generator
from lightning_imbalance.functional.mode_seeking import mode_seeking_ratio
from lightning_imbalance.labels import training_loader, unpack_batch
from lightning_imbalance.own_samples import loaders_at_work
from lightning_imbalance.parameters import not_negative, positive, share
from lightning_imbalance.synthesis.data_range import DataRange
from lightning_imbalance.synthesis.discriminator import ImageDiscriminator, TableDiscriminator
from lightning_imbalance.synthesis.generator import ImageGenerator, TableGenerator
from lightning_imbalance.synthesis.moving_average import MovingAverage
from lightning_imbalance.synthesis.real_samples import require_real_samples
from lightning_imbalance.synthesis.sample_shape import check_sizes, check_widths, samples_of
from lightning_imbalance.synthesis.wanted_counts import WantedCounts, wanted_counts
from lightning_imbalance.training_data import agreed, from_trainer
from lightning_imbalance.weighting import Weighting, as_hyperparameter, as_scheme, check_weighting, class_weights


class ConditionalGAN(ClassState):
    r"""Learns to make samples of each class: small images with convolutions, rows of a table with an MLP.

    Train it on the training part alone: ``trainer.fit(gan, datamodule=...)``. Classes, counts and the range of the data
    come from there, in one pass over the samples before the first step. Then :meth:`generate` makes samples.

    Two networks learn against each other with the hinge loss (Lim & Ye 2017). The discriminator has spectral norm
    (Miyato et al. 2018), the generator that is used is an exponential moving average of the trained one. The class
    enters the generator by conditional batch norm, and the discriminator as a projection (Miyato & Koyama 2018): a rare
    class adds a few vectors to what all classes teach. Both see the classes in the shares that ``weighting`` makes of
    the counts, evenly by default: generated samples are drawn in these shares, and real ones weigh in them.

    Small data make a generator repeat one image a class. The term of Mao et al. 2019
    (:func:`~lightning_imbalance.functional.mode_seeking_ratio`) stands against that, times ``diversity``. What the
    discriminator sees is not augmented: with shifts by a pixel, generated digits varied less, by a third.

    Args:
        num_classes: Number of classes; by default what the training data say.
        image_size: Height and width of the images in pixels, from 4 on. Either this or ``num_features``.
        channels: Channels of the images; by default what the training data have.
        num_features: Columns of a table.
        latent_size: Numbers of noise a sample.
        width: Channels of the largest maps (32 if not given), or units of a hidden layer (128 if not given).
        weighting: As in :class:`~lightning_imbalance.WeightedClassifier`: how much each sample of a class counts.
            ``"uniform"`` keeps the shares of the data, and goes with a sampler that balances them.
        diversity: Factor of the term for variety, from 0 on: 1 for images if not given, and 0 for tables, whose rows
            have no bounds that would hold them.
        learning_rate: Of the generator, for Adam with β = (0, 0.99).
        discriminator_learning_rate: Of the discriminator, higher (Heusel et al. 2017).
        decay: Of the moving average, below 1.
        class_names: One name a class; by default what the training data say.
        on_changed_data: As in :class:`~lightning_imbalance.WeightedClassifier`, for a resumed fit.

    Attributes:
        distribution: The :class:`~lightning_imbalance.ClassDistribution` trained on, ``None`` before.
        data_range: The :class:`~lightning_imbalance.synthesis.data_range.DataRange` of the training data, in buffers:
            samples are made in it, whether the data run from 0 to 1 or from -3 to 200.

    Logged: ``train_discriminator_loss``, ``train_generator_loss``, ``train_real_score``, ``train_fake_score``, and
    ``val_real_score`` with validation data: where it falls behind ``train_real_score``, the discriminator knows the
    training samples by heart. No loss of a GAN says how good the samples are; see
    :func:`~lightning_imbalance.synthesis.quality_report`.

    On several devices batches are those of each device, gradients are averaged, and ``"ddp"`` is told that a step uses
    half of the parameters. FSDP and DeepSpeed have not been tried.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument has a value that cannot work; in ``setup``, the data do not fit.

    Example:
        >>> import lightning as L
        >>> from torch.utils.data import DataLoader, TensorDataset
        >>> data = TensorDataset(torch.rand(40, 3), torch.tensor([0] * 30 + [1] * 10))
        >>> gan = ConditionalGAN(num_features=3)
        >>> trainer = L.Trainer(max_epochs=1, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        ...                     enable_model_summary=False, accelerator="cpu")
        >>> trainer.fit(gan, DataLoader(data, batch_size=20, shuffle=True))
        >>> inputs, target = gan.generate({1: 4}, seed=0)
        >>> inputs.shape, target
        (torch.Size([4, 3]), tensor([1, 1, 1, 1]))
    """

    def __init__(
        self,
        num_classes: int | None = None,
        *,
        image_size: int | None = None,
        channels: int | None = None,
        num_features: int | None = None,
        latent_size: int = 32,
        width: int | None = None,
        weighting: Weighting = "balanced",
        diversity: float | None = None,
        learning_rate: float = 5e-4,
        discriminator_learning_rate: float = 2e-3,
        decay: float = 0.999,
        class_names: Sequence[str] | None = None,
        on_changed_data: OnChangedData = "keep",
    ) -> None:
        num_classes = check_weighting(weighting, num_classes, class_names)
        if class_names is not None:
            class_names = tuple(map(str, class_names))
        super().__init__(num_classes, "multiclass", class_names, on_changed_data)
        check_sizes(image_size, channels, num_features)
        check_widths(latent_size=latent_size, width=width)
        weighting = as_hyperparameter(weighting)
        self.weighting = as_scheme(weighting)
        self.image_size, self.channels, self.num_features = image_size, channels, num_features
        self.latent_size = latent_size
        self.width = width or (32 if num_features is None else 128)
        self.diversity = not_negative("diversity", float(num_features is None) if diversity is None else diversity)
        self.learning_rate = positive("learning_rate", learning_rate)
        self.discriminator_learning_rate = positive("discriminator_learning_rate", discriminator_learning_rate)
        if share("decay", decay) == 1:
            msg = "`decay` must be below 1, got 1: the average would stay the untrained network."
            raise ValueError(msg)
        self.decay = decay
        self._given_names = class_names
        # Each step is of one network alone, while the other one stays as it is.
        self.automatic_optimization = False
        self.generator: nn.Module | None = None
        self.save_hyperparameters(ignore=["weighting"] if callable(weighting) else [])
        if num_classes is not None:
            self._build(num_classes)

    def class_distribution(self) -> ClassDistribution:
        """Return the classes to learn; by default the labels of ``fit``'s datamodule or dataloader are counted."""
        return from_trainer(self.trainer, self.num_classes, self._given_names)

    def unpack_batch(self, batch: Any) -> tuple[Any, Tensor]:
        """Return inputs and targets of a batch; override it for batches of another form."""
        return unpack_batch(batch)

    def setup(self, stage: str) -> None:
        """Count the classes and measure the range of the data; a checkpoint that is restored afterwards wins."""
        super().setup(stage)
        if stage != "fit":
            return
        self._tell_ddp()
        source = self.trainer.fit_loop._data_source  # noqa: SLF001  # as in training_data
        distribution = agreed(self.class_distribution(), self.trainer)
        loader = training_loader(source.instance) if source.is_module() else source.instance
        require_real_samples(loader, "a generator's training")
        self.adopt(distribution)
        self.fill(distribution, class_weights(distribution, self.weighting))
        with torch.random.fork_rng(devices=[]):  # the order of the training batches is that without this pass
            first, batches = samples_of(self._inputs(loader), self.image_size, self.channels, self.num_features)
            self.channels = None if self.image_size is None else first.shape[1]
            self._build(distribution.num_classes)
            self.data_range.measure(batches)
        if self.trainer.world_size > 1:  # a random transform has shown each process something else
            state = self.trainer.strategy.broadcast(self.data_range.state_dict())
            self.data_range.load_state_dict(state)

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """Take one step of each network."""
        del batch_idx
        inputs, target = self.unpack_batch(batch)
        real, target = self.data_range.to_network(inputs), target.long()
        size = max(len(real), 2)  # a batch norm has no variance of one row
        discriminator_optimizer, generator_optimizer = self.optimizers()  # type: ignore[attr-defined]
        self.toggle_optimizer(discriminator_optimizer)
        labels = self._drawn(size)
        with torch.no_grad():
            fake = self._made(self._noise(size), labels)
        # In one pass: spectral norm takes one step of its power iteration, and both are judged by the same weights.
        scores = self.discriminator(torch.cat([real, fake]), torch.cat([target, labels]))
        real_scores, fake_scores = torch.split(scores, [len(real), size])
        loss = hinge_discriminator(real_scores, fake_scores, self.class_weights[target])
        self._step(discriminator_optimizer, loss)
        self.untoggle_optimizer(discriminator_optimizer)

        self.toggle_optimizer(generator_optimizer)
        labels = self._drawn(size)
        noise, other_noise = self._noise(size), self._noise(size)
        made, other = self._made(torch.cat([noise, other_noise]), labels.repeat(2)).chunk(2)
        generator_loss = hinge_generator(self.discriminator(made, labels))
        ratio = mode_seeking_ratio(made, other, noise, other_noise)
        self._step(generator_optimizer, generator_loss - self.diversity * ratio)
        self.untoggle_optimizer(generator_optimizer)
        self.average.update(self.generator)  # type: ignore[arg-type]  # as above
        figures = {
            "train_discriminator_loss": loss,
            "train_generator_loss": generator_loss,
            "train_real_score": real_scores.mean(),
            "train_fake_score": fake_scores.mean(),
        }
        self.log_dict({name: value.detach() for name, value in figures.items()}, on_step=False, on_epoch=True)

    def on_validation_start(self) -> None:
        """Refuse synthetic samples."""
        require_real_samples(loaders_at_work(self.trainer), "validation")

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Log how real the discriminator finds real samples that it has not seen."""
        del batch_idx
        inputs, target = self.unpack_batch(batch)
        scores = self.discriminator(self.data_range.to_network(inputs), target.long())
        self.log("val_real_score", scores.mean(), batch_size=len(scores), sync_dist=True)

    def configure_optimizers(self) -> list[Optimizer]:
        """Return the optimizers of discriminator and generator."""
        assert self.generator is not None, "setup() has built it"  # noqa: S101  # for the type checker
        return [
            Adam(self.discriminator.parameters(), self.discriminator_learning_rate, betas=(0.0, 0.99)),
            Adam(self.generator.parameters(), self.learning_rate, betas=(0.0, 0.99)),
        ]

    @torch.no_grad()
    def generate(
        self, counts: WantedCounts = "balance", seed: int | None = None, batch_size: int = 256
    ) -> tuple[Tensor, Tensor]:
        """Make samples.

        Args:
            counts: How many of each class, as in :func:`~lightning_imbalance.synthesis.wanted_counts`: a mapping from
                class name or index to number, C numbers, or ``"balance"`` and a share, for what the training data lack.
            seed: Seed of the noise; the same one makes the same samples on the same device. By default another one each
                time. torch's own generator is left alone either way.
            batch_size: Samples made at a time.

        Returns:
            Inputs in the range of the training data, float32, shape ``(N, channels, image_size, image_size)`` or
            ``(N, num_features)``, and their classes, shape ``(N,)``, int64; class by class, on the module's device.

        Raises:
            RuntimeError: Nothing was trained.
            TypeError: ``counts`` says no numbers.
            ValueError: A number is asked for a class without training samples, or for none.
        """
        check_widths(batch_size=batch_size)
        if self.distribution is None or self.generator is None or self.average.updates == 0:
            msg = (
                "the generator must be trained before it makes samples, got one that was neither fitted nor loaded. "
                "Call `trainer.fit(gan, ...)` first, or `ConditionalGAN.load_from_checkpoint(path)`."
            )
            raise RuntimeError(msg)
        numbers = wanted_counts(self.distribution, counts)
        unseen = [index for index in self.distribution.absent if numbers[index] > 0]
        if unseen:
            name = self.distribution.class_names[unseen[0]]
            msg = (
                "`counts` must be 0 for a class without training samples, which the generator has not seen, "
                f"got {int(numbers[unseen[0]])} for {name!r}."
            )
            raise ValueError(msg)
        target = torch.arange(len(numbers)).repeat_interleave(numbers)
        draw = torch.Generator()
        if seed is None:
            draw.seed()
        else:
            draw.manual_seed(seed)
        # On the CPU, where the same seed gives the same noise for every device.
        noise = torch.randn(len(target), self.latent_size, generator=draw).to(self.device, self.data_range.unit.dtype)
        target = target.to(self.device)
        parts = zip(torch.split(noise, batch_size), torch.split(target, batch_size), strict=True)
        return torch.cat([self.data_range.to_data(self.average(*part)) for part in parts]), target

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the number of channels beside the class distribution."""
        super().on_save_checkpoint(checkpoint)
        checkpoint[KEY]["channels"] = self.channels

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Build the networks for the classes of the checkpoint, where the arguments did not say how many."""
        super().on_load_checkpoint(checkpoint)
        self.channels = checkpoint.get(KEY, {}).get("channels", self.channels)
        if self.distribution is not None:
            self._build(self.distribution.num_classes)

    def counted_buffers(self) -> list[str]:
        """Return the names of the buffers that follow from the training data."""
        return [*super().counted_buffers(), *(f"data_range.{name}" for name, _ in self.data_range.named_buffers())]

    def _build(self, num_classes: int) -> None:
        channels = self.channels if self.num_features is None else 0
        if self.generator is not None or channels is None:
            return
        if self.image_size is not None:
            images = (self.image_size, channels, num_classes)
            self.generator = ImageGenerator(*images, self.latent_size, self.width)
            self.discriminator: nn.Module = ImageDiscriminator(*images, self.width)
            self.data_range = DataRange((channels, 1, 1))
        elif self.num_features is not None:
            self.generator = TableGenerator(self.num_features, num_classes, self.latent_size, self.width)
            self.discriminator = TableDiscriminator(self.num_features, num_classes, self.width)
            self.data_range = DataRange((self.num_features,))
        self.average = MovingAverage(self.generator, self.decay)  # type: ignore[arg-type]  # one of both was built
        self.to(self.device)

    def _inputs(self, loader: Any) -> Iterator[Any]:
        return (self.unpack_batch(batch)[0] for batch in loader)

    def _noise(self, size: int) -> Tensor:
        return torch.randn(size, self.latent_size, device=self.device, dtype=self.data_range.unit.dtype)

    def _made(self, noise: Tensor, labels: Tensor) -> Tensor:
        made: Tensor = self.generator(noise, labels)  # type: ignore[misc]  # setup() has built it
        return made

    def _drawn(self, size: int) -> Tensor:
        """Draw classes in the shares in which real samples weigh; torch.multinomial would wait for the device."""
        shares = (self.class_counts * self.class_weights).cumsum(0)
        drawn = torch.searchsorted(shares, torch.rand(size, device=self.device) * shares[-1], right=True)
        return drawn.clamp_max(len(shares) - 1)

    def _step(self, optimizer: Any, loss: Tensor) -> None:
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()

    def _tell_ddp(self) -> None:
        strategy = self.trainer.strategy
        if isinstance(strategy, DDPStrategy):
            options = strategy._ddp_kwargs  # noqa: SLF001  # there is no other way to them
            if options.get("find_unused_parameters") is False:
                msg = (
                    "`find_unused_parameters` must not be False for two networks that step in turn, got a strategy "
                    'with it. Pass `strategy="ddp"`.'
                )
                raise ValueError(msg)
            options["find_unused_parameters"] = True
