"""The digital baseline alone: HEVC-intra (or JPEG 2000), 5G LDPC and QAM at K = 128 and 64 over SNR."""

from __future__ import annotations

from tools.figures.setting import write
from tools.split import digital
from tools.split.setting import Setting, options


def baseline(setting: Setting) -> None:
    rows = digital.curve(setting, setting.scored(), digital.codec_here(setting))
    write(setting, "baseline", rows, {"counted": digital.__doc__})


if __name__ == "__main__":
    options(baseline)()
