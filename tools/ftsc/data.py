"""The image sets of the experiments, at 256x256, and their splits. Which picture is used for what is decided here.

The sets themselves lie in a folder that the user names (--data); nothing of them is in the package. The pretraining
group stands for FTSC's FFHQ, ImageNet, CIFAR-100 and Pokemon, the testing group for its X-ray, Cityscapes, CIFAR-10 and
Naruto.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from edge import images
from edge.images import ImageError, Named, Picture

SIDE = 256  # as FTSC, section III-B
SPLIT_SEED = 20240611  # of every split; changing it makes all figures incomparable
FINE_TUNING = 32  # pictures a receiver is fine-tuned on: 5 % of a set, or 32 where 5 % is fewer
EVALUATION = 48  # pictures to score, where a set has so many
FEWEST = 16
BASIC = 256
HOLD_OUT = 10  # the pretrained models left out every tenth picture (`edge-codec train ... --hold-out 10`)


class Group(Enum):
    PRETRAINING = "pretraining"
    TESTING = "testing"
    REFERENCE = "reference"


@dataclass(frozen=True)
class ImageSet:
    """evaluation_file: where the pictures to score come from, `file` unless the source has a test part of its own.
    held_out: score only pictures that pretraining with --hold-out left out."""

    key: str
    title: str
    group: Group
    file: str
    evaluation_file: str
    evaluation_split: str
    held_out: bool = False
    may_be_shown: bool = False  # whether its licence lets a picture of it stand in a document


def _set(
    key: str,
    title: str,
    group: Group,
    file: str,
    evaluation: str = "",
    split: str = "train",
    held_out: bool = False,
    may_be_shown: bool = False,
) -> ImageSet:
    return ImageSet(key, title, group, file, evaluation or file, split, held_out, may_be_shown)


SETS = {
    one.key: one
    for one in (
        _set("celeba", "CelebA", Group.PRETRAINING, "ood_faces_celeba.tar", held_out=True),
        _set("bsds", "BSDS (CBSD68)", Group.PRETRAINING, "bsds500_train.tar", "cbsd68.tar"),
        _set("cifar10", "CIFAR-10", Group.PRETRAINING, "cifar10_25k.npz", split="test"),
        _set("pokemon", "Pokemon", Group.PRETRAINING, "ood_pokemon.npz", held_out=True),
        _set("xray", "Chest X-ray", Group.TESTING, "ood_chest_xray.tar", may_be_shown=True),
        _set("camvid", "CamVid", Group.TESTING, "ood_street_camvid.npz"),
        _set("anime", "Anime faces", Group.TESTING, "ood_anime_faces.tar"),
        _set("fashion", "Fashion-MNIST", Group.TESTING, "fashion_mnist_6k.npz", split="test", may_be_shown=True),
        _set("kodak", "Kodak", Group.REFERENCE, "kodak_01_16.tar", may_be_shown=True),
    )
}
PRETRAINING = tuple(key for key, one in SETS.items() if one.group is Group.PRETRAINING)
TESTING = tuple(key for key, one in SETS.items() if one.group is Group.TESTING)


class Split:
    """Pictures of one set, none in two parts, each [256, 256, 3]. basic: up to 256 others, to train from scratch on."""

    def __init__(self, fine_tuning: list[Named], evaluation: list[Named], basic: list[Named]) -> None:
        """As the source has them; they are scaled when they are first asked for."""
        self._sources = (fine_tuning, evaluation, basic)

    @cached_property
    def fine_tuning(self) -> list[Named]:
        return _squares(self._sources[0])

    @cached_property
    def evaluation(self) -> list[Named]:
        return _squares(self._sources[1])

    @cached_property
    def basic(self) -> list[Named]:
        return _squares(self._sources[2])


@cache
def split(folder: Path, key: str) -> Split:
    """The split of a set. Raises ImageError when its file is not there or holds too few pictures."""
    chosen = SETS[key]
    train = _read(folder / chosen.file, "train")
    if (chosen.evaluation_file, chosen.evaluation_split) == (chosen.file, "train"):
        scored = train
    else:
        scored = _read(folder / chosen.evaluation_file, chosen.evaluation_split)
    order = _order(key, len(scored))
    if chosen.held_out:
        order = [i for i in order if i % HOLD_OUT == HOLD_OUT - 1]
    evaluation = order[:EVALUATION]
    used = set(evaluation) if scored is train else set()
    rest = [i for i in _order(f"{key}/train", len(train)) if i not in used]
    if chosen.group is not Group.REFERENCE and (len(evaluation) < FEWEST or len(rest) < FINE_TUNING):
        raise ImageError(
            f"{chosen.file}: {len(train)} pictures are too few to split into {FINE_TUNING} for fine-tuning and "
            f"{EVALUATION} for evaluation; use the whole set"
        )
    return Split(
        [train[i] for i in rest[:FINE_TUNING]],
        [scored[i] for i in evaluation],
        [train[i] for i in rest[FINE_TUNING : FINE_TUNING + BASIC]],
    )


def pixels(pictures: list[Named]) -> list[Picture]:
    """Just the arrays."""
    return [picture.pixels for picture in pictures]


def labelled(folder: Path, key: str, part: str) -> list[Named]:
    """Every picture of a .npz set's train or test part at its own size, with its class."""
    return _read(folder / SETS[key].file, part)


def _read(path: Path, part: str) -> list[Named]:
    return list(images.read(path, split=part))


def _order(name: str, count: int) -> list[int]:
    """A random order of a set's pictures that depends on the set's name and SPLIT_SEED alone."""
    rng = np.random.default_rng([SPLIT_SEED, *name.encode()])
    return [int(i) for i in rng.permutation(count)]


def _squares(pictures: list[Named]) -> list[Named]:
    return [Named(one.name, images.resized(one.pixels, SIDE), one.label) for one in pictures]
