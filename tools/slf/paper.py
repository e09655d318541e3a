"""What the paper prints: Table I and the figures that its section IV states. Numbers only, typed from the paper."""

from __future__ import annotations

from dataclasses import dataclass

LAYERS = (0, 1, 2, 3, 4)  # l: layers frozen, counted from the last
CROSSOVERS = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)  # eps_12 of Fig. 3
MIXTURES = (0.0, 0.25, 0.5, 0.75, 1.0)  # lambda_13 of Fig. 3
RATE_BPS = 2e6  # of the downlink, and of the uplink
FLOPS_PER_S = 3e13  # speed of the transmitter
TABLE_CROSSOVER = 1e-5  # eps_12 of Table I
LEARNING_RATE_ANEW, LEARNING_RATE = 1e-3, 1e-4  # for l = 0, and otherwise


@dataclass(frozen=True)
class Column:
    """One column of Table I. Payloads in kB of 1000 bytes (114 kB at 2 Mbit/s are the 0.456 s that it prints)."""

    freeze: int
    download_kb: float
    download_s: float
    tuning_tflop: float
    tuning_s: float
    classification_tflop: float
    classification_s: float
    upload_kb: float
    upload_s: float
    recovery_s: float
    mse: float
    classification_recovery_s: float
    accuracy_percent: float


TABLE_1 = (
    Column(0, 114, 0.456, 79.02, 2.63, 75.43, 2.51, 114, 0.456, 3.542, 0.087, 3.422, 98.55),
    Column(1, 114, 0.456, 64.28, 2.14, 67.49, 2.24, 76, 0.304, 2.900, 0.103, 3.000, 98.04),
    Column(2, 114, 0.456, 48.19, 1.60, 39.69, 1.32, 22, 0.088, 2.144, 0.113, 1.864, 97.83),
    Column(3, 114, 0.456, 50.63, 1.68, 37.31, 1.24, 2, 0.008, 2.144, 0.121, 1.704, 97.01),
    Column(4, 114, 0.456, 47.32, 1.57, 34.17, 1.13, 0, 0.0, 2.026, 0.123, 1.586, 96.90),
)

MSE_CUT_PERCENT = (84.6, 92.1)  # by SLF for [TX1, RX2], least and most
ACCURACY_GAIN_POINTS = (67.1, 70.9)
SPREAD_OVER_LAYERS_PERCENT = (8.4, 91.8)  # at lambda_13 = 0: of the MSE, and of the accuracy
