"""Figure 5: packaged photographs as the low decoder shows them at 3 dB, by every scheme, seed 0, with their PSNR.

Photographs of Kodak's set only, at 256x256: those may be shown anywhere.
"""

from __future__ import annotations

from itertools import islice

import numpy as np

from edge import images, metrics, sample
from edge.images import Picture
from edge.train.whole_pictures import as_tensor
from tools.figures import plots
from tools.figures.results import Row
from tools.figures.setting import write
from tools.multiuser.scoring import Trained
from tools.multiuser.setting import AT_DB, LARGE, SCHEMES, Setting, options

SHOWN = 3  # photographs
DECODERS = (("high", "high"), *((scheme, "low") for scheme in SCHEMES))  # of which training, and which one


def received(trained: Trained, decoder: str, photograph: Picture) -> Picture:
    """[H, W, 3] both ways, over AWGN."""
    import torch

    from emulator.channels.torch_faces import TorchAWGN

    with torch.inference_mode():
        code = trained.transmitter(as_tensor(np.array(photograph[None])), AT_DB)
        heard = TorchAWGN(AT_DB)(code, torch.Generator().manual_seed(0))
        made = trained.receiver(decoder)(heard, AT_DB)[0].clamp(0, 1).mul(255).round()
    return np.ascontiguousarray(made.permute(1, 2, 0).numpy().astype(np.uint8))


def fig5(setting: Setting) -> None:
    named = list(islice(sample.kodak(), 1 if setting.quick else SHOWN))
    photographs = [images.resized(one.pixels, LARGE) for one in named]
    shown: list[list[tuple[Picture, str] | None]] = [[(photograph, "")] for photograph in photographs]
    rows: list[Row] = []
    for scheme, decoder in DECODERS:
        file = setting.training(f"f-{scheme}-s0.safetensors")
        trained = None if file is None else Trained(file)
        for line, one, photograph in zip(shown, named, photographs, strict=True):
            if trained is None:
                line.append(None)
                continue
            picture = received(trained, decoder, photograph)
            psnr_db = metrics.psnr(photograph, picture)
            line.append((picture, f"{psnr_db:.2f} dB"))
            rows.append({"photograph": one.name, "scheme": scheme, "decoder": decoder, "psnr_db": round(psnr_db, 3)})
    write(setting, "fig5", rows, {"snr_db": AT_DB, "seed": 0})
    columns = ["original", *(scheme for scheme, _ in DECODERS)]
    plots.picture_grid(setting.out / "fig5.png", [one.name for one in named], columns, shown)


if __name__ == "__main__":
    options(fig5)()
