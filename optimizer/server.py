"""The planning daemon: gRPC servicers over `solve`. Binding, TLS, health and shutdown are edge.wire.endpoint's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio

from edge.wire.endpoint import Security, announce_serving, start_server, wait_for_stop
from optimizer.errors import InfeasibleError, ProblemError
from optimizer.messages import plan_message, problem_mapping
from optimizer.plan import Plan
from optimizer.problem_file import parse
from optimizer.replan import ReplanSession
from optimizer.solve import solve
from optimizer.v1 import planner_pb2 as pb
from optimizer.v1 import planner_pb2_grpc

SERVICE_NAME = pb.DESCRIPTOR.services_by_name["PlannerService"].full_name


class PlannerServicer(planner_pb2_grpc.PlannerServiceServicer):  # type: ignore[misc]
    """optimizer.v1.PlannerService. A solution runs in a worker thread, so that health checks are answered meanwhile."""

    async def Plan(self, request: pb.PlanRequest, context: grpc.aio.ServicerContext[Any, Any]) -> pb.PlanResponse:  # noqa: N802
        """One problem, one plan."""
        try:
            return await asyncio.to_thread(_plan, request)
        except ProblemError as error:
            await context.abort(_code(error), str(error))
            raise  # abort has raised already; this tells the type checker

    async def Replan(  # noqa: N802
        self, request_iterator: AsyncIterator[pb.ReplanRequest], context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[pb.ReplanResponse]:
        """A plan for every message, each solved from the one before."""
        session = ReplanSession()
        index = 0
        async for request in request_iterator:
            try:
                message = await asyncio.to_thread(_replan, session, request)
            except ProblemError as error:
                await context.abort(_code(error), str(error))
            yield pb.ReplanResponse(index=index, plan=message)
            index += 1


def _plan(request: pb.PlanRequest) -> pb.PlanResponse:
    begun = time.perf_counter()
    problem, solver = parse(problem_mapping(request))
    return _message(solve(problem, solver), begun)


def _replan(session: ReplanSession, request: pb.ReplanRequest) -> pb.PlanResponse:
    begun = time.perf_counter()
    return _message(session.answer(request), begun)


def _message(plan: Plan, begun: float) -> pb.PlanResponse:
    return plan_message(plan, time.perf_counter() - begun)


def _code(error: ProblemError) -> grpc.StatusCode:
    infeasible = isinstance(error, InfeasibleError)
    return grpc.StatusCode.FAILED_PRECONDITION if infeasible else grpc.StatusCode.INVALID_ARGUMENT


def _register(server: grpc.aio.Server) -> None:
    planner_pb2_grpc.add_PlannerServiceServicer_to_server(PlannerServicer(), server)


async def serve(address: str, security: Security) -> None:
    """Serves at HOST:PORT until SIGTERM or SIGINT; prints the address as a JSON line once SERVING.

    Raises edge.wire.endpoint.EndpointError when the address cannot be used.
    """
    endpoint = await start_server(address, security, (SERVICE_NAME,), _register)
    await endpoint.set_serving(True)
    announce_serving(endpoint.address)
    await wait_for_stop()
    await endpoint.stop()
