"""Table II's Basic: VQ-VAE-2 trained from scratch on the target set alone. The weight file lies among the cells."""

from __future__ import annotations

from edge.codecs import weights
from edge.codecs.vqvae2 import shape_metadata
from edge.codecs.vqvae2_network import VQVAE2Shape
from edge.train.crops import RandomCrops
from edge.train.impairment import Impairment
from edge.train.loop import Schedule, Trainer
from edge.train.vqvae2 import VQVAE2Learner
from tools.ftsc.conditions import NONE, Condition
from tools.ftsc.data import split
from tools.ftsc.models import Model, find
from tools.ftsc.setting import Setting

SHAPE = VQVAE2Shape(scale=4)
CROP = 64
DENOISING_SHARE = 4  # denoising training goes on from the clean one for a quarter of its steps


def trained(setting: Setting, set_key: str, condition: Condition) -> Model:
    """The model for a condition of channel noise; trains it when it is not there yet."""
    folder = setting.cells.folder
    key = {"what": "basic", "set": set_key, "condition": condition.key, "steps": setting.basic_steps}
    path = setting.cells.path(key, ".safetensors")
    if not path.exists():
        begin = None if condition is NONE else trained(setting, set_key, NONE)
        _train(setting, set_key, condition, begin, path.stem)
    found = find(folder, path.stem)
    assert found is not None  # just written
    return found


def _train(setting: Setting, set_key: str, condition: Condition, begin: Model | None, name: str) -> None:
    learner = VQVAE2Learner(SHAPE, 0, Impairment(feature_snr_db=condition.channel_snr_db))
    steps, learning_rate = setting.basic_steps, 1e-3
    folder = setting.cells.folder
    if begin is not None:
        learner.begin_from(weights.read_tensors(folder / f"{begin.name}.safetensors", ("",)), begin.name)
        steps, learning_rate = max(1, steps // DENOISING_SHARE), 3e-4
    crops = RandomCrops([split(setting.data, set_key).basic], CROP, 0)
    trainer = Trainer(learner, Schedule(steps=steps, crop=CROP, learning_rate=learning_rate), crops)
    trainer.run(None, lambda _step, _mse: None)
    weights.write(folder / f"{name}.safetensors", trainer.weights(), shape_metadata(SHAPE))
