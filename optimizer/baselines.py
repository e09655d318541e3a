"""The paper's two benchmarks as problems of their own, each solved to its own optimum: JPEG+LDPC and JSCC.

The paper gives their compute models in words and their quality only at rho = 0.03 (Table I, FFHQ, ideal channel); the
curves around that point are ours, as each constant says. Both problems are exactly convex.
"""

from __future__ import annotations

import dataclasses
import math

from optimizer.compute import ComputeModel
from optimizer.image_format import ImageFormat
from optimizer.problem import Problem
from optimizer.quality import FFHQ_IDEAL, QualityCurve

TABLE_I_RHO = 0.03
JPEG_TABLE_I_DB = 23.62
JSCC_TABLE_I_DB = 24.01

JPEG_RHO_MIN = 0.01
"""Section II: JPEG "struggles to reach a reduction rate of 100" at its lowest quality setting."""


def _through(rho: float, psnr_db: float, slope_db: float) -> QualityCurve:
    return QualityCurve(psnr_db - slope_db * math.log(rho), slope_db)


def _jpeg_curve() -> QualityCurve:
    """Through Table I, and equal to VQ-VAE-2 at scaling rate 2: "a close PSNR to JPEG at a low data reduction rate"."""
    rho = ImageFormat().rho_of_scale(2)
    at_low_reduction = FFHQ_IDEAL.intercept_db + FFHQ_IDEAL.slope_db * math.log(rho)
    return _through(TABLE_I_RHO, JPEG_TABLE_I_DB, (at_low_reduction - JPEG_TABLE_I_DB) / math.log(rho / TABLE_I_RHO))


JPEG_CURVE = _jpeg_curve()

JSCC_CURVE = _through(TABLE_I_RHO, JSCC_TABLE_I_DB, FFHQ_IDEAL.slope_db)
"""Through Table I with the slope of VQ-VAE-2: the paper has no number for the slope."""


def jpeg_ldpc(problem: Problem) -> Problem:
    """The same downlink with JPEG+LDPC: no compute term, JPEG's curve, rho not below JPEG's own limit."""
    return dataclasses.replace(
        problem,
        compute=ComputeModel.none(),
        quality=JPEG_CURVE,
        rho_min=min(max(problem.rho_lower, JPEG_RHO_MIN), problem.rho_upper),
        scales=(),
    )


def jscc(problem: Problem) -> Problem:
    """The same downlink with the JSCC encoder of the paper's reference [19]: compute A + B rho.

    Five 5x5 convolutions of 16, 32, 32, 32 and c filters, the first two of stride 2; c/1 alone follows rho. A real
    symbol stands for one 8-bit value, so that c = 48 rho. Counted like VQ-VAE-2's (11): one side of the link.
    """
    image = problem.image
    quarter, sixteenth = image.height * image.width / 4.0, image.height * image.width / 16.0
    fixed = 25.0 * (quarter * 3 * 16 + sixteenth * (16 * 32 + 32 * 32 + 32 * 32))
    filters_per_rho = 3.0 * 16.0
    compute = dataclasses.replace(problem.compute, base_mac=fixed, slope_mac=-25.0 * sixteenth * 32.0 * filters_per_rho)
    return dataclasses.replace(problem, compute=compute, quality=JSCC_CURVE, scales=())
