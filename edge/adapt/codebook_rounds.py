"""The codebooks' share of DFT (FTSC, eq. (5)), run at both ends from the same images so that nobody sends a codebook.

With the encoder frozen, only the codebook terms of eq. (5) can move: they are least for each vector at the mean of the
features that chose it. A round moves every used vector towards that mean (all the way at codebook_rate = 1, which is
one step of Lloyd's algorithm), the fixed point of gradient descent on eq. (5) in far fewer epochs.

Eq. (5) gives no gradient to a vector that no feature chose, and on images unlike the pretraining set these are many. So
a round, except the last two, also puts each of them beside a busy one: REVIVAL below (worth 1.3 dB on Fashion-MNIST,
0.3 on anime faces, nothing on CamVid; docs/ftsc.md).

Two machines must agree to the last bit of every vector. Convolutions in float32 do not (they depend on the processor
and the number of threads), so the encoder runs once in float64, sums are float64, and only the vectors are rounded to
float32: differences of 1e-15 then survive rounding with a probability of about 1e-4 a run, and the digests would tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from edge.adapt.errors import AdaptError
from edge.adapt.lessons import adaptable, check_pictures
from edge.adapt.settings import AdaptSettings
from edge.codecs.adaptable import Adaptable
from edge.codecs.contract import Codec, CodecError
from edge.images import Picture

BETA = 0.25  # weight of the commitment terms, as in FTSC
REVIVE_BELOW = 8  # a vector with fewer features than this over all images is given something better to do
SPLIT_ABOVE = 32  # ... beside a vector that has at least this many
CHUNK = 16384  # features whose distances to the codebook are held at once

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RoundResult:
    """round: 1 for the first. digest: the codec's knowledge with the new codebooks. quantization_loss: eq. (5) with
    them, per feature element, averaged over the images and added over the maps."""

    round: int
    digest: str
    quantization_loss: float


class CodebookRounds:
    """`run_round()` as often as the settings say; the codec itself is not changed (see `codebooks`)."""

    def __init__(
        self, codec: Codec, originals: Sequence[Picture], settings: AdaptSettings, *, revival: bool = True
    ) -> None:
        """originals: [H, W, 3] uint8 of one size, in the same order at both ends. revival: False leaves vectors that no
        feature chose where they are, as eq. (5) alone does. Raises AdaptError for a codec without codebooks or encoder
        half, and for images that cannot be used."""
        self._codec = adaptable(codec)
        self._held = {
            name: tensor.numpy().astype(np.float32) for name, tensor in self._codec.codebook_tensors().items()
        }
        if not self._held:
            raise AdaptError(
                f"adapt.rounds: codec {codec.name} has no codebooks to update, got {settings.codebook_rounds} rounds; "
                "set rounds to 0"
            )
        check_pictures(codec, originals)
        self._rate = settings.codebook_rate
        self._revivals = settings.codebook_rounds - 2 if revival else 0  # what was revived needs rounds to settle
        self._features = flat_features(self._codec, originals)
        self._round = 0
        self._search()

    def quantization_loss(self) -> float:
        """Eq. (5) with the codebooks of the last round (before the first: those of the codec)."""
        return (1 + BETA) * sum(float(distances.mean()) for _, distances in self._found) / self._dimension

    def codebooks(self) -> dict[str, NDArray[np.float32]]:
        """The codebooks after the last round, by their names in the codec's parameters: for `replace`. Copies."""
        return {name: vectors.copy() for name, vectors in self._held.items()}

    def run_round(self) -> RoundResult:
        """One epoch over all images."""
        self._round += 1
        revive = self._round <= self._revivals
        self._held = {
            name: self._moved(vectors.astype(np.float64), features, *found, revive).astype(np.float32)
            for (name, vectors), features, found in zip(self._held.items(), self._features, self._found, strict=True)
        }
        self._search()
        digest = self._codec.knowledge_with(self._held)
        return RoundResult(self._round, digest, self.quantization_loss())

    @property
    def _dimension(self) -> int:
        return int(self._features[0].shape[1])

    def _search(self) -> None:
        """For each map: which vector each feature chooses, and its squared distance."""
        self._found = [
            nearest(features, vectors) for features, vectors in zip(self._features, self._held.values(), strict=True)
        ]

    def _moved(
        self, vectors: Floats, features: NDArray[np.float32], chosen: NDArray[np.intp], distances: Floats, revive: bool
    ) -> Floats:
        """vectors [K, D], features [N, D] with their chosen vectors [N] and distances [N] -> vectors [K, D]."""
        entries = len(vectors)
        counts = np.bincount(chosen, minlength=entries)
        sums = np.stack([np.bincount(chosen, weights=column, minlength=entries) for column in features.T], axis=1)
        used = counts > 0
        vectors[used] += self._rate * (sums[used] / counts[used, None] - vectors[used])
        if revive:
            place_idle(vectors, features, chosen, distances)
        return vectors


def flat_features(codec: Adaptable, pictures: Sequence[Picture]) -> list[NDArray[np.float32]]:
    """Features of all pictures, one array [N, D] a map: computed in float64, kept in float32."""
    maps: list[list[NDArray[np.float32]]] = []
    with torch.no_grad():
        for i, picture in enumerate(pictures):
            pixels = torch.tensor(picture).permute(2, 0, 1)[None].double().div_(255.0)
            try:
                found = codec.features(pixels)
            except CodecError as error:
                raise AdaptError(f"adapt: needs the frozen encoder at this end too ({error})") from error
            flat = [one[0].flatten(1).t().contiguous().numpy().astype(np.float32) for one in found]
            if not all(np.isfinite(one).all() for one in flat):
                raise AdaptError(f"images[{i}]: the encoder gives features that are not finite; check its weights")
            maps.append(flat)
    return [np.concatenate(of_map) for of_map in zip(*maps, strict=True)]


def nearest(features: NDArray[np.float32], vectors: NDArray[np.float32]) -> tuple[NDArray[np.intp], Floats]:
    """features [N, D], vectors [K, D] -> index of the nearest vector [N] and squared distance [N], in float64."""
    book = vectors.astype(np.float64)
    squares = (book**2).sum(1)
    chosen, distances = np.empty(len(features), np.intp), np.empty(len(features))
    for at in range(0, len(features), CHUNK):
        part = features[at : at + CHUNK].astype(np.float64)
        score = squares - 2 * (part @ book.T)
        best = score.argmin(axis=1)
        chosen[at : at + CHUNK] = best
        distances[at : at + CHUNK] = ((part - book[best]) ** 2).sum(1)
    return chosen, distances


def place_idle(vectors: Floats, features: NDArray[np.float32], chosen: NDArray[np.intp], distances: Floats) -> None:
    """Moves each hardly used vector, in place, half-way between a busy vector and the farthest of its features; the
    busy ones in the order of their share of eq. (5), each serving once.

    REVIVAL is not in the paper. It is a function of the same data at both ends, like the rest of the round.
    """
    counts = np.bincount(chosen, minlength=len(vectors))
    share = np.bincount(chosen, weights=distances, minlength=len(vectors))
    idle = np.flatnonzero(counts < REVIVE_BELOW)
    busy = [k for k in np.argsort(-share, kind="stable") if counts[k] >= SPLIT_ABOVE]
    order = np.lexsort((-distances, chosen))  # by vector, the farthest feature first
    first = np.searchsorted(chosen[order], np.arange(len(vectors)))
    for vector, neighbour in zip(idle, busy, strict=False):
        farthest = features[order[first[neighbour]]].astype(np.float64)
        vectors[vector] = (farthest + vectors[neighbour]) / 2
