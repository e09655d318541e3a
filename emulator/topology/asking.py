"""A scenario in the optimizer's terms: the request for a plan, with every key of `resources` and `plan`.

Imported only when a plan is wanted: it needs protobuf.
"""

from __future__ import annotations

from emulator.topology.placement import position
from emulator.topology.planning import planned_links
from emulator.topology.schema import Plan, Quality, QualityCurve, QualityPoints, Resources, Scenario
from optimizer.v1 import planner_pb2

SCALES = (2, 4, 8, 16)
PRESETS = {"paper": planner_pb2.PRESET_PAPER, "tradeoff": planner_pb2.PRESET_TRADEOFF}
SOLVERS = {
    "price": planner_pb2.SOLVER_PRICE,
    "algorithm1": planner_pb2.SOLVER_ALGORITHM1,
    "algorithm1-joint": planner_pb2.SOLVER_ALGORITHM1_JOINT,
    "convex": planner_pb2.SOLVER_CONVEX,
}
AGGREGATES = {"sum": planner_pb2.QUALITY_AGGREGATE_SUM, "mean": planner_pb2.QUALITY_AGGREGATE_MEAN}
QUALITY_PRESETS = {
    "ffhq-ideal": planner_pb2.QUALITY_PRESET_FFHQ_IDEAL,
    "ffhq-20db": planner_pb2.QUALITY_PRESET_FFHQ_20DB,
}


def plan_request(scenario: Scenario) -> planner_pb2.PlanRequest:
    """Asks for the scenario's plan; receivers are the nodes where planned links end, in the order of the file.

    Raises ValueError for a scenario without a plan.
    """
    plan, resources = scenario.plan, scenario.resources
    if plan is None:
        raise ValueError(f"scenario {scenario.name} has no plan; add plan: {{}} to ask for one")
    request = planner_pb2.PlanRequest(
        preset=PRESETS[resources.preset],
        receivers=_receivers(scenario),
        bandwidth_hz=resources.total_bandwidth_hz,
        power_w=resources.total_power_w,
        noise_density_w_per_hz=resources.noise_w_per_hz,
        weights=planner_pb2.Weights(
            quality_per_db=resources.weights.quality,
            delay_per_s=resources.weights.delay,
            energy_per_j=resources.weights.energy,
        ),
        image=planner_pb2.ImageFormat(height_pixels=resources.image.height, width_pixels=resources.image.width),
        compute=_compute(resources),
        quality=_quality(resources.quality),
        aggregate=AGGREGATES[plan.aggregate],
        deadline_s=plan.deadline_s,
        spectral_efficiency_cap_bps_per_hz=plan.spectral_efficiency_cap,
        channel=_channel(resources),
        seed=scenario.seed,
        solver=SOLVERS[plan.solver],
    )
    _set_scale(request, plan)
    return request


def _receivers(scenario: Scenario) -> list[planner_pb2.Receiver]:
    receivers = []
    for link in planned_links(scenario):
        place = position(scenario, link)
        receivers.append(planner_pb2.Receiver(name=link.destinations[0], gain=place.gain, distance_m=place.distance_m))
    return receivers


def _set_scale(request: planner_pb2.PlanRequest, plan: Plan) -> None:
    if plan.scale != "auto":
        request.scale = plan.scale
    elif plan.solver == "price":
        request.scales.extend(SCALES)  # the other solvers leave rho continuous


def _channel(resources: Resources) -> planner_pb2.RicianChannel:
    fading = resources.fading
    return planner_pb2.RicianChannel(
        reference_gain=fading.reference_gain, path_loss_exponent=fading.path_loss_exponent, rician_k=fading.rician_k
    )


def _compute(resources: Resources) -> planner_pb2.ComputeModel:
    compute = resources.compute
    return planner_pb2.ComputeModel(
        vqvae2=planner_pb2.Vqvae2Compute(kernel_size_pixels=compute.kernel_size, channels=compute.channels),
        frequency_hz=compute.frequency_hz,
        energy_coefficient_j_s2=resources.energy_coefficient,
        passes=compute.passes,
    )


def _quality(quality: Quality) -> planner_pb2.QualityCurve:
    if isinstance(quality, QualityCurve):
        line = planner_pb2.QualityLine(intercept_db=quality.intercept_db, slope_db=quality.slope_db)
        return planner_pb2.QualityCurve(line=line)
    if isinstance(quality, QualityPoints):
        points = [planner_pb2.QualityPoint(rho=point.rho, psnr_db=point.psnr_db) for point in quality.points]
        return planner_pb2.QualityCurve(measured=planner_pb2.QualityPoints(points=points))
    return planner_pb2.QualityCurve(preset=QUALITY_PRESETS[quality])
