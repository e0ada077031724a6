"""What a training script minimises, against the published formulas written out in float64 on tiny networks."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from scipy import linalg
from scripts import live, options_of, trainer_of
from torch import Tensor, nn
from torch.nn import functional

Scores = list[float]
BATCH = 5


@pytest.fixture(autouse=True)
def in_float64(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Networks, noise and losses in float64: what is left of a difference is a wrong formula."""
    monkeypatch.setattr(Tensor, "float", Tensor.double)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def gan(train: str, *statements: str, body: str = "linear(4) -> tanh; linear(1)", mirror: str = "norm none") -> str:
    """A GAN of vectors of two values; its discriminator is smooth, so it has differences of every order."""
    return f"""gan Plane {{
        input 2
        latent 3
        {"; ".join(statements)}
        discriminator {{ {body} }}
        generator mirror {{ {mirror} }}
        train {{ batch_size {BATCH}; {train} }}
        }}"""


def auto(kind: str, train: str, output: str = "sigmoid") -> str:
    """A VAE or an autoencoder of vectors of three values."""
    return f"""{kind} Line {{
        input 3
        latent 2
        encoder {{ linear(4) -> tanh }}
        decoder mirror {{ output {output} }}
        train {{ batch_size {BATCH}; {train} }}
        }}"""


def state_of(network: nn.Module) -> dict[str, Tensor]:
    """A copy of all weights and buffers."""
    return {name: value.clone() for name, value in network.state_dict().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


# By hand


def mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


def log_sigmoid(score: float) -> float:
    """That of -score is log(1 - sigmoid(score))."""
    return -math.log(1 + math.exp(-score))


DISCRIMINATOR: dict[str, Callable[[Scores, Scores], float]] = {
    "bce": lambda real, fake: (
        mean([-log_sigmoid(score) for score in real]) + mean([-log_sigmoid(-score) for score in fake])
    ),
    "lsgan": lambda real, fake: (mean([(score - 1) ** 2 for score in real]) + mean([s**2 for s in fake])) / 2,
    "hinge": lambda real, fake: mean([max(0, 1 - s) for s in real]) + mean([max(0, 1 + s) for s in fake]),
    "wgan": lambda real, fake: mean(fake) - mean(real),
    "wgan_gp": lambda real, fake: mean(fake) - mean(real),
}
GENERATOR: dict[str, Callable[[Scores], float]] = {
    "bce": lambda fake: mean([-log_sigmoid(score) for score in fake]),
    "lsgan": lambda fake: mean([(score - 1) ** 2 for score in fake]) / 2,
    "hinge": lambda fake: -mean(fake),
    "wgan": lambda fake: -mean(fake),
    "wgan_gp": lambda fake: -mean(fake),
}


def score(discriminator: nn.Module, sample: list[float]) -> float:
    """The score of one sample by loops over the weights of `linear(4) -> tanh; linear(1)`."""
    weight, bias, out_weight, out_bias = (p.detach().tolist() for p in discriminator.parameters())
    hidden = [
        math.tanh(b + math.fsum(w * x for w, x in zip(row, sample, strict=True)))
        for row, b in zip(weight, bias, strict=True)
    ]
    return out_bias[0] + math.fsum(w * h for w, h in zip(out_weight[0], hidden, strict=True))


def scores(discriminator: nn.Module, batch: Tensor) -> Scores:
    return [score(discriminator, sample) for sample in batch.tolist()]


def slopes(discriminator: nn.Module, sample: list[float], step: float = 1e-5) -> list[float]:
    """The derivative of the score for each value of a sample, by central differences."""
    differences = []
    for place in range(len(sample)):
        ends = [[*sample[:place], sample[place] + way, *sample[place + 1 :]] for way in (step, -step)]
        differences.append((score(discriminator, ends[0]) - score(discriminator, ends[1])) / (2 * step))
    return differences


def differences(function: Callable[[], Tensor], network: nn.Module, step: float = 1e-5) -> list[Tensor]:
    """The derivative of a function for every weight of a network, by central differences."""
    gradients = []
    for parameter in network.parameters():
        gradient = torch.zeros_like(parameter)
        for place in range(parameter.numel()):
            values = []
            for way in (step, -step):
                with torch.no_grad():
                    parameter.view(-1)[place] += way
                values.append(function().item())
                with torch.no_grad():
                    parameter.view(-1)[place] -= way
            gradient.view(-1)[place] = (values[0] - values[1]) / (2 * step)
        gradients.append(gradient)
    return gradients


# Losses of a gan


@pytest.mark.parametrize("loss", DISCRIMINATOR)
def test_the_losses_of_a_gan(loss: str, tmp_path: Path) -> None:
    """Of scores far from the corners and near them, and of a whole step on samples."""
    script = live(gan(f"loss {loss}; discriminator_steps 1"), tmp_path)
    torch.manual_seed(1)
    for real, fake in ((torch.randn(7, 1), torch.randn(7, 1)), (torch.zeros(2, 1), torch.tensor([[30.0], [-8.0]]))):
        values = [batch.flatten().tolist() for batch in (real, fake)]
        assert script.discriminator_loss(real, fake).item() == pytest.approx(DISCRIMINATOR[loss](*values), abs=1e-12)
        assert script.generator_loss(fake).item() == pytest.approx(GENERATOR[loss](values[1]), abs=1e-12)
    trainer = trainer_of(script)
    real, fake = torch.randn(BATCH, 2), torch.randn(BATCH, 2)
    by_hand = DISCRIMINATOR[loss](scores(trainer.discriminator, real), scores(trainer.discriminator, fake))
    if loss == "wgan_gp":
        shares = torch.rand(BATCH, generator=script.seeded(0, 1)).tolist()
        between = [
            [share * r + (1 - share) * f for r, f in zip(one, other, strict=True)]
            for share, one, other in zip(shares, real.tolist(), fake.tolist(), strict=True)
        ]
        by_hand += 10 * mean([(math.hypot(*slopes(trainer.discriminator, one)) - 1) ** 2 for one in between])
    given = trainer.step_discriminator(real, fake, script.seeded(0, 1)).item()
    assert given == pytest.approx(by_hand, abs=1e-8)
    by_hand = GENERATOR[loss](scores(trainer.discriminator, fake))
    fake.requires_grad_()
    assert trainer.step_generator(fake).item() == pytest.approx(by_hand, abs=1e-12)


def test_the_loss_on_logits_is_finite_where_a_logarithm_of_a_sigmoid_is_not(tmp_path: Path) -> None:
    script = live(gan("loss bce"), tmp_path)
    far = torch.tensor([[1e4]])
    assert script.discriminator_loss(-far, far).item() == pytest.approx(2e4)
    assert script.generator_loss(-far).item() == pytest.approx(1e4)


def test_label_smoothing_is_one_sided(tmp_path: Path) -> None:
    script = live(gan("loss bce; label_smoothing 0.2"), tmp_path)
    real, fake = [0.3, -2.0, 4.0], [1.0, -0.5, 0.1]
    on_real = mean([-0.8 * log_sigmoid(s) - 0.2 * log_sigmoid(-s) for s in real])
    by_hand = on_real + mean([-log_sigmoid(-s) for s in fake])
    batches = [torch.tensor(values)[:, None] for values in (real, fake)]
    assert script.discriminator_loss(*batches, 0.2).item() == pytest.approx(by_hand, abs=1e-12)
    trainer = trainer_of(script, "--label-smoothing", "0.5")
    samples = torch.randn(BATCH, 2), torch.randn(BATCH, 2)
    values = [scores(trainer.discriminator, batch) for batch in samples]
    by_hand = mean([-0.5 * log_sigmoid(s) - 0.5 * log_sigmoid(-s) for s in values[0]])
    by_hand += mean([-log_sigmoid(-s) for s in values[1]])
    assert trainer.step_discriminator(*samples, script.seeded(0, 1)).item() == pytest.approx(by_hand, abs=1e-12)


def test_a_patch_discriminator_has_the_mean_over_its_map(tmp_path: Path) -> None:
    script = live(gan("loss hinge"), tmp_path)
    real, fake = torch.randn(2, 1, 3, 3), torch.randn(2, 1, 3, 3)
    by_hand = DISCRIMINATOR["hinge"](real.flatten().tolist(), fake.flatten().tolist())
    assert script.discriminator_loss(real, fake).item() == pytest.approx(by_hand, abs=1e-12)


# Penalties


def test_the_gradient_penalty(tmp_path: Path) -> None:
    script = live(gan("loss wgan_gp"), tmp_path)
    torch.manual_seed(2)
    discriminator = trainer_of(script).discriminator
    with torch.no_grad():
        for parameter in discriminator.parameters():
            parameter.normal_()
    real, fake, mix = torch.randn(4, 2), torch.randn(4, 2), torch.rand(4)

    def penalty() -> Tensor:
        result: Tensor = script.gradient_penalty(discriminator, real, fake, mix)
        return result

    between = [
        [share * r + (1 - share) * f for r, f in zip(one, other, strict=True)]
        for share, one, other in zip(mix.tolist(), real.tolist(), fake.tolist(), strict=True)
    ]
    by_hand = mean([(math.hypot(*slopes(discriminator, sample)) - 1) ** 2 for sample in between])
    assert penalty().item() == pytest.approx(by_hand, abs=1e-8)
    penalty().backward()
    for parameter, gradient in zip(discriminator.parameters(), differences(penalty, discriminator), strict=True):
        found = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        assert torch.allclose(found, gradient, atol=1e-7)


def test_r1(tmp_path: Path) -> None:
    script = live(gan("loss bce; r1 3"), tmp_path)
    torch.manual_seed(3)
    trainer = trainer_of(script)
    discriminator = trainer.discriminator
    with torch.no_grad():
        for parameter in discriminator.parameters():
            parameter.normal_()
    real, fake = torch.randn(BATCH, 2), torch.randn(BATCH, 2)

    def penalty() -> Tensor:
        result: Tensor = script.r1_penalty(discriminator, real)
        return result

    by_hand = mean([math.hypot(*slopes(discriminator, sample)) ** 2 for sample in real.tolist()])
    assert penalty().item() == pytest.approx(by_hand, abs=1e-8)
    penalty().backward()
    for parameter, gradient in zip(discriminator.parameters(), differences(penalty, discriminator), strict=True):
        found = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        assert torch.allclose(found, gradient, atol=1e-7)
    whole = DISCRIMINATOR["bce"](scores(discriminator, real), scores(discriminator, fake)) + 3 / 2 * by_hand
    assert trainer.step_discriminator(real, fake, script.seeded(0, 1)).item() == pytest.approx(whole, abs=1e-7)


def test_the_weights_move_against_the_gradient_of_the_whole_loss(tmp_path: Path) -> None:
    """With plain descent the step is the learning rate times the slope, by differences of the loss."""
    text = gan("loss wgan_gp; gradient_penalty 2; r1 1; optimizer sgd(lr=0.1); discriminator_steps 1")
    script = live(text, tmp_path)
    torch.manual_seed(4)
    trainer = trainer_of(script)
    real, fake = torch.randn(BATCH, 2), torch.randn(BATCH, 2)
    mix = torch.rand(BATCH, generator=script.seeded(0, 1))

    def whole() -> Tensor:
        network = trainer.discriminator
        result: Tensor = script.discriminator_loss(network(real), network(fake))
        result = result + 2 * script.gradient_penalty(network, real, fake, mix)
        return result + script.r1_penalty(network, real) / 2

    expected = [
        parameter.detach() - 0.1 * gradient
        for parameter, gradient in zip(
            trainer.discriminator.parameters(), differences(whole, trainer.discriminator), strict=True
        )
    ]
    trainer.step_discriminator(real, fake, script.seeded(0, 1))
    for parameter, moved in zip(trainer.discriminator.parameters(), expected, strict=True):
        assert torch.allclose(parameter, moved, atol=1e-7)


def test_wgan_clips_every_weight(tmp_path: Path) -> None:
    script = live(
        gan("loss wgan; clip 0.02; optimizer sgd(lr=1)", body="linear(4) -> batch_norm -> tanh; linear(1)"), tmp_path
    )
    trainer = trainer_of(script)
    for number in (1, 2):
        trainer.step([(torch.randn(BATCH, 2), torch.zeros(BATCH))] * 5, number)
        largest = [parameter.abs().max().item() for parameter in trainer.discriminator.parameters()]
        assert max(largest) == pytest.approx(0.02)
    assert max(parameter.abs().max().item() for parameter in trainer.generator.parameters()) > 0.02


def test_an_auxiliary_classifier_learns_from_both(tmp_path: Path) -> None:
    """The discriminator guesses the classes of real and of drawn samples, the generator wants its own to be seen."""
    script = live(gan("loss hinge", "classes 3", "condition auxiliary"), tmp_path)
    trainer = trainer_of(script)
    real, fake = torch.randn(BATCH, 2), torch.randn(BATCH, 2)
    label, asked = torch.tensor([0, 1, 2, 2, 1]), torch.tensor([2, 2, 0, 1, 0])
    (on_real, guess), (on_fake, fake_guess) = trainer.discriminator(real), trainer.discriminator(fake)

    def surprise(logits: Tensor, classes: Tensor) -> float:
        rows = zip(logits.tolist(), classes.tolist(), strict=True)
        return mean([math.log(math.fsum(map(math.exp, row))) - row[one] for row, one in rows])

    by_hand = DISCRIMINATOR["hinge"](on_real.flatten().tolist(), on_fake.flatten().tolist())
    by_hand += surprise(guess, label) + surprise(fake_guess, asked)
    given = trainer.step_discriminator(real, label, fake, asked, script.seeded(0, 1)).item()
    assert given == pytest.approx(by_hand, abs=1e-12)
    on_fake, fake_guess = trainer.discriminator(fake)
    by_hand = GENERATOR["hinge"](on_fake.flatten().tolist()) + surprise(fake_guess, asked)
    assert trainer.step_generator(fake.requires_grad_(), asked).item() == pytest.approx(by_hand, abs=1e-12)


@pytest.mark.parametrize("method", ["concat", "projection"])
def test_penalties_of_a_discriminator_that_is_told_the_class(method: str, tmp_path: Path) -> None:
    text = gan("loss wgan_gp; r1 1", "classes 3", f"condition {method}", mirror="norm batch_norm")
    script = live(text, tmp_path)
    discriminator = trainer_of(script).discriminator
    real, fake, mix = torch.randn(3, 2), torch.randn(3, 2), torch.rand(3)
    label = torch.tensor([2, 0, 1])
    step = 1e-5

    def steepness(sample: Tensor) -> Tensor:
        ways = [torch.eye(2)[place] * step for place in range(2)]
        ends = [discriminator(sample + way, label) - discriminator(sample - way, label) for way in ways]
        return (torch.cat(ends, dim=1) / (2 * step)).norm(dim=1)

    between = mix[:, None] * real + (1 - mix[:, None]) * fake
    penalty = script.gradient_penalty(discriminator, real, fake, mix, label)
    assert penalty.item() == pytest.approx((steepness(between) - 1).square().mean().item(), abs=1e-8)
    assert script.r1_penalty(discriminator, real, label).item() == pytest.approx(
        steepness(real).square().mean().item(), abs=1e-8
    )


# A step of a gan

BATCH_NORM = "linear(4) -> batch_norm -> leaky_relu(0.2); linear(1)"


def real_batches(count: int) -> list[tuple[Tensor, Tensor]]:
    return [(torch.randn(BATCH, 2), torch.zeros(BATCH, dtype=torch.int64)) for _ in range(count)]


def test_each_half_step_changes_one_network(tmp_path: Path) -> None:
    script = live(gan("loss bce"), tmp_path)
    trainer = trainer_of(script)
    noise = trainer.draw(BATCH, script.seeded(0, 1))
    before = state_of(trainer.generator), state_of(trainer.discriminator)
    fake = trainer.generator(noise)
    trainer.step_discriminator(torch.randn(BATCH, 2), fake.detach(), script.seeded(0, 1))
    assert same(before[0], trainer.generator.state_dict())
    assert not any(
        torch.equal(old, new)
        for old, new in zip(before[1].values(), state_of(trainer.discriminator).values(), strict=True)
    )
    assert all(parameter.grad is None for parameter in trainer.generator.parameters())
    before = state_of(trainer.generator), state_of(trainer.discriminator)
    gradients = [parameter.grad.clone() for parameter in trainer.discriminator.parameters()]
    trainer.step_generator(fake)
    assert same(before[1], trainer.discriminator.state_dict())
    assert not any(
        torch.equal(old, new) for old, new in zip(before[0].values(), state_of(trainer.generator).values(), strict=True)
    )
    after = [parameter.grad for parameter in trainer.discriminator.parameters()]
    assert all(map(torch.equal, gradients, after))
    assert all(parameter.requires_grad for parameter in trainer.discriminator.parameters())


def test_noise_is_fresh_at_every_step_and_follows_from_the_seed(tmp_path: Path) -> None:
    script = live(gan("loss bce; discriminator_steps 3"), tmp_path)

    def drawn(*arguments: str) -> list[Tensor]:
        trainer = trainer_of(script, *arguments)
        noises: list[Tensor] = []
        draw = trainer.draw
        trainer.draw = lambda *given: noises.append(draw(*given)) or noises[-1]
        for number in (1, 2, 3):
            trainer.step(real_batches(3), number)
        return noises

    first, again, other = drawn(), drawn(), drawn("--seed", "1")
    assert len(first) == 9
    assert all(map(torch.equal, first, again))
    everything = [*first, *other]
    assert not any(torch.equal(a, b) for place, a in enumerate(everything) for b in everything[:place])
    assert all(noise.shape == (BATCH, 3) for noise in first)


def test_the_discriminator_takes_as_many_steps_as_asked(tmp_path: Path) -> None:
    script = live(gan("loss bce; discriminator_steps 3; optimizer adam(lr=0.01); discriminator_lr 0.02"), tmp_path)
    trainer = trainer_of(script)
    losses = trainer.step(real_batches(3), 1)
    assert {*losses} == {"discriminator", "generator"}
    steps = [
        next(iter(o.state.values()))["step"].item()
        for o in (trainer.discriminator_optimizer, trainer.generator_optimizer)
    ]
    assert steps == [3, 1]
    rates = [o.param_groups[0]["lr"] for o in (trainer.discriminator_optimizer, trainer.generator_optimizer)]
    assert rates == [0.02, 0.01]


def test_the_average_of_the_generator(tmp_path: Path) -> None:
    """It follows its recurrence, with its running statistics, and the first steps count for more."""
    script = live(gan("loss bce; ema 0.6", body=BATCH_NORM, mirror="norm batch_norm"), tmp_path)
    trainer = trainer_of(script)
    expected = state_of(trainer.generator)
    assert {name.rpartition(".")[2] for name in expected} >= {"running_mean", "running_var", "num_batches_tracked"}
    for number in range(1, 12):
        trainer.step(real_batches(1), number)
        decay = min(0.6, (1 + number) / (10 + number))
        for name, value in trainer.generator.state_dict().items():
            mixed = decay * expected[name] + (1 - decay) * value
            expected[name] = mixed if value.is_floating_point() else value.clone()
        for name, value in trainer.average.state_dict().items():
            assert torch.allclose(value, expected[name], atol=1e-13)
    assert not any(parameter.requires_grad for parameter in trainer.average.parameters())
    assert not same(state_of(trainer.generator), expected)


def test_pictures_are_drawn_in_eval_mode_and_leave_no_trace(tmp_path: Path) -> None:
    script = live(gan("loss bce", body=BATCH_NORM, mirror="norm batch_norm"), tmp_path)
    trainer = trainer_of(script)
    trainer.step(real_batches(1), 1)
    before = state_of(trainer.average), state_of(trainer.generator)
    first, second = trainer.pictures()["samples"], trainer.pictures()["samples"]
    assert torch.equal(first, second)
    assert same(before[0], trainer.average.state_dict()) and same(before[1], trainer.generator.state_dict())
    assert trainer.generator.training and trainer.average.training
    noise = torch.randn(64, 3, generator=script.seeded(0, 0))
    assert torch.equal(first, trainer.average.eval()(noise).float())


# Losses of a vae and of an autoencoder


def errors(loss: str, one: list[float], other: list[float]) -> list[float]:
    """The error of every value of a reconstruction."""
    pairs = zip(one, other, strict=True)
    match loss:
        case "bce":
            return [-y * math.log(x) - (1 - y) * math.log(1 - x) for x, y in pairs]
        case "mse":
            return [(x - y) ** 2 for x, y in pairs]
    return [abs(x - y) for x, y in pairs]


@pytest.mark.parametrize("loss", ["bce", "mse", "l1"])
@pytest.mark.parametrize("warmup", [0, 8])
def test_the_losses_of_a_vae(loss: str, warmup: int, tmp_path: Path) -> None:
    """The ELBO of a code with given noise; the divergence by its integral for one Gaussian, summed."""
    script = live(auto("vae", f"loss {loss}; beta 4; kl_warmup {warmup}"), tmp_path)
    trainer = trainer_of(script)
    torch.manual_seed(5)
    for number in (1, 3, 8, 9, 20):
        batch = torch.rand(BATCH, 3)
        noise = torch.randn(BATCH, 2, generator=script.seeded(0, number))
        means, log_variances = trainer.model.encode(batch)
        output = trainer.model.decode(means + noise * (log_variances / 2).exp())
        reconstruction = mean([sum(errors(loss, *rows)) for rows in zip(output.tolist(), batch.tolist(), strict=True)])
        reconstruction *= 0.5 if loss == "mse" else 1
        codes = zip(means.tolist(), log_variances.tolist(), strict=True)
        divergence = mean(
            [math.fsum((m * m + math.exp(v) - 1 - v) / 2 for m, v in zip(*c, strict=True)) for c in codes]
        )
        weight = 4 * min(1, number / warmup) if warmup else 4
        losses = trainer.step([(batch, torch.zeros(BATCH))], number)
        assert losses["reconstruction"].item() == pytest.approx(reconstruction, rel=1e-12)
        assert losses["divergence"].item() == pytest.approx(divergence, rel=1e-12)
        assert losses["loss"].item() == pytest.approx(reconstruction + weight * divergence, rel=1e-12)


def test_the_divergence_is_that_of_torch_and_its_gradient_that_of_differences(tmp_path: Path) -> None:
    script = live(auto("vae", ""), tmp_path)
    means, log_variances = torch.randn(4, 2, requires_grad=True), torch.randn(4, 2, requires_grad=True)
    code = torch.distributions.Normal(means, (log_variances / 2).exp())
    normal = torch.distributions.Normal(torch.zeros(2), torch.ones(2))
    by_torch = torch.distributions.kl_divergence(code, normal).sum(dim=1).mean()
    assert script.kl_divergence(means, log_variances).item() == pytest.approx(by_torch.item(), abs=1e-12)
    assert torch.autograd.gradcheck(script.kl_divergence, (means, log_variances))


@pytest.mark.parametrize("loss", ["bce", "mse", "l1"])
@pytest.mark.parametrize("noise", [0, 0.3])
def test_the_losses_of_an_autoencoder(loss: str, noise: float, tmp_path: Path) -> None:
    """With noise, what is compared is the reconstruction of the noisy sample with the clean one."""
    script = live(auto("autoencoder", f"loss {loss}; noise {noise}"), tmp_path)
    trainer = trainer_of(script)
    for number in (1, 2):
        batch = torch.rand(BATCH, 3)
        given = batch + noise * torch.randn(BATCH, 3, generator=script.seeded(0, number))
        rows = zip(trainer.model(given).tolist(), batch.tolist(), strict=True)
        by_hand = mean([error for row in rows for error in errors(loss, *row)])
        losses = trainer.step([(batch, torch.zeros(BATCH))], number)
        assert {*losses} == {"loss"}
        assert losses["loss"].item() == pytest.approx(by_hand, rel=1e-12)


# Optimizers


@pytest.mark.parametrize(
    ("written", "kind", "settings"),
    [
        ("adam(lr=0.01, betas=(0.1, 0.2), eps=1e-5)", "Adam", {"lr": 0.01, "betas": (0.1, 0.2), "eps": 1e-5}),
        ("adamw(weight_decay=0.3)", "AdamW", {"lr": 1e-3, "weight_decay": 0.3}),
        ("sgd(lr=0.1, momentum=0.5, nesterov=true)", "SGD", {"momentum": 0.5, "nesterov": True}),
        ("rmsprop(alpha=0.8, momentum=0.1)", "RMSprop", {"alpha": 0.8, "momentum": 0.1}),
    ],
)
def test_the_optimizer_is_the_one_that_is_written(
    written: str, kind: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    script = live(auto("autoencoder", f"optimizer {written}"), tmp_path)
    optimizer = trainer_of(script).optimizer
    assert type(optimizer).__name__ == kind
    assert {name: optimizer.param_groups[0][name] for name in settings} == settings


def test_the_learning_rate_grows_with_the_processes_only_if_asked(tmp_path: Path) -> None:
    script = live(auto("autoencoder", ""), tmp_path)
    four = script.Process(torch.device("cpu"), 0, 4)
    network = nn.Linear(1, 1)
    for arguments, rate in (([], 1e-3), (["--scale-lr"], 4e-3)):
        options = options_of(script, *arguments)
        assert script.new_optimizer(network, options.lr, options, four).param_groups[0]["lr"] == rate


# Distances


def test_the_frechet_distance(tmp_path: Path) -> None:
    script = live(gan(""), tmp_path)
    torch.manual_seed(6)
    one, other = torch.randn(50, 4) @ torch.randn(4, 4), torch.randn(40, 4) @ torch.randn(4, 4) + 1
    covariances = torch.cov(one.T).numpy(), torch.cov(other.T).numpy()
    gap = (one.mean(dim=0) - other.mean(dim=0)).square().sum().item()
    by_scipy = gap + (covariances[0] + covariances[1] - 2 * linalg.sqrtm(covariances[0] @ covariances[1]).real).trace()
    assert script.frechet_distance(one, other) == pytest.approx(by_scipy, abs=1e-8)
    assert script.frechet_distance(other, one) == pytest.approx(by_scipy, abs=1e-8)
    assert script.frechet_distance(one, one.flip(0)) == pytest.approx(0, abs=1e-9)
    assert script.frechet_distance(one, one + 2) == pytest.approx(4 * 4, abs=1e-8)


def test_the_frechet_distance_of_independent_features(tmp_path: Path) -> None:
    """With diagonal covariances it is the sum of (m1 - m2)^2 + (s1 - s2)^2, also where a feature never varies."""
    script = live(gan(""), tmp_path)
    signs = torch.tensor([[a, b, 0.0] for a in (-1.0, 1.0) for b in (-1.0, 1.0)])
    spread = math.sqrt(4 / 3)  # of the values -1 and 1, each twice, without bias
    one, other = signs * torch.tensor([2.0, 3, 1]), signs * torch.tensor([5.0, 1, 1]) + torch.tensor([1.0, 0, 2])
    by_hand = 1 + 4 + ((5 - 2) * spread) ** 2 + ((3 - 1) * spread) ** 2
    assert script.frechet_distance(one, other) == pytest.approx(by_hand, abs=1e-7)


def test_the_kernel_distance(tmp_path: Path) -> None:
    script = live(gan(""), tmp_path)
    torch.manual_seed(7)
    one, other = torch.randn(6, 3), torch.randn(5, 3) + 0.5

    def kernel(x: list[float], y: list[float]) -> float:
        return (math.fsum(a * b for a, b in zip(x, y, strict=True)) / len(x) + 1) ** 3

    def within(rows: list[list[float]]) -> float:
        return mean([kernel(a, b) for place, a in enumerate(rows) for there, b in enumerate(rows) if place != there])

    first, second = one.tolist(), other.tolist()
    across = mean([kernel(a, b) for a in first for b in second])
    by_hand = within(first) + within(second) - 2 * across
    assert script.kernel_distance(one, other) == pytest.approx(by_hand, abs=1e-10)


def test_walks_on_the_sphere_keep_their_pace(tmp_path: Path) -> None:
    script = live(gan(""), tmp_path)
    ends = functional.normalize(torch.randn(2, 4, 3), dim=2) * 1.7
    points = [script.on_sphere(*ends, torch.tensor(fraction)) for fraction in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert torch.allclose(points[0], ends[0]) and torch.allclose(points[-1], ends[1])
    assert all(torch.allclose(point.norm(dim=1), torch.tensor(1.7)) for point in points)
    paces = torch.stack([functional.cosine_similarity(a, b) for a, b in zip(points, points[1:], strict=False)])
    assert torch.allclose(paces, paces[:1].expand_as(paces))
