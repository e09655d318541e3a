"""A problem that changes while its plan is in use: joins, departures, new gains, each answered from the plan before."""

from __future__ import annotations

from typing import Any

from optimizer.errors import ProblemError
from optimizer.messages import problem_mapping, receiver_mapping
from optimizer.plan import Plan
from optimizer.problem_file import parse
from optimizer.solve import solve
from optimizer.v1 import planner_pb2 as pb


class ReplanSession:
    """One stream of PlannerService.Replan: the problem so far, and its last plan."""

    def __init__(self) -> None:
        self._stated: dict[str, Any] | None = None
        self._last: Plan | None = None

    def answer(self, request: pb.ReplanRequest) -> Plan:
        """The plan after this message. Raises ProblemError, and keeps the problem as it was."""
        content = request.WhichOneof("content")
        if content == "problem":
            stated = problem_mapping(request.problem)
        elif content == "change":
            stated = self._changed(request.change)
        else:
            raise ProblemError("content: must be set; send a problem first, then changes")
        problem, solver = parse(stated)
        plan = solve(problem, solver, previous=None if content == "problem" else self._last)
        self._stated, self._last = stated, plan
        return plan

    def _changed(self, change: pb.ProblemChange) -> dict[str, Any]:
        if self._stated is None:
            raise ProblemError("change: there is no problem yet; send a problem as the stream's first message")
        receivers = {entry["name"]: entry for entry in _named(self._stated["receivers"])}
        for name in change.remove:
            if name not in receivers:
                raise ProblemError(f"change.remove: there is no receiver {name}; known are {', '.join(receivers)}")
            del receivers[name]
        for receiver in change.upsert:
            if not receiver.name:
                raise ProblemError("change.upsert: every receiver needs a name")
            receivers[receiver.name] = receiver_mapping(receiver)
        stated = {**self._stated, "receivers": list(receivers.values())}
        if change.HasField("block"):
            stated["channel"] = {**stated["channel"], "block": change.block}
        return stated


def _named(receivers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": f"rx{index + 1}", **entry} for index, entry in enumerate(receivers)]
