"""Puts receivers back to a kept state: at the receiver where codebooks stay, else at the sender, whom it follows."""

from __future__ import annotations

import grpc
import grpc.aio

from edge.v1 import adapt_pb2, adapt_pb2_grpc
from emulator.errors import RunError
from emulator.fleet import Fleet
from emulator.sessions import Session

TIMEOUT_S = 120.0


async def roll_back(fleet: Fleet, session: Session, state: str) -> str:
    """Rolls one session's receivers back to `state`, empty for the one before the present. Says what is in force now.

    Raises what the nodes say, as gRPC errors, and RunError when the sender lacks the state's codebooks.
    """
    told = []
    for name in session.destinations:
        try:
            now = await _roll_back(fleet, name, session.name, state)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.FAILED_PRECONDITION:
                raise
            at_sender = await _at_sender(fleet, session, name, state)
            now = await _roll_back(fleet, session.source, session.name, at_sender)
            return f"{session.source} and {', '.join(session.destinations)} back to {_words(now)}"
        told.append(f"{name} back to {_words(now)}")
    return "; ".join(told)


async def _roll_back(fleet: Fleet, node: str, session: str, state: str) -> adapt_pb2.CodecState:
    request = adapt_pb2.RollBackRequest(session=session, state_id=state)
    answer = await adapt_pb2_grpc.AdaptServiceStub(fleet.members[node].channel).RollBack(request, timeout=TIMEOUT_S)
    now: adapt_pb2.CodecState = answer.state
    return now


async def _at_sender(fleet: Fleet, session: Session, receiver: str, state: str) -> str:
    """The sender's name for the receiver's state: the one with the same codebooks."""
    if not state:
        return ""
    wanted = {kept.digest for kept in await _states(fleet, receiver, session.name) if kept.id == state}
    for kept in await _states(fleet, session.source, session.name):
        if kept.digest in wanted:
            return kept.id
    raise RunError(f"{session.source}: keeps no state with the codebooks of {receiver}'s state {state}; choose another")


async def _states(fleet: Fleet, node: str, session: str) -> list[adapt_pb2.CodecState]:
    request = adapt_pb2.ListStatesRequest(session=session)
    answer = await adapt_pb2_grpc.AdaptServiceStub(fleet.members[node].channel).ListStates(request, timeout=TIMEOUT_S)
    return list(answer.states)


def _words(state: adapt_pb2.CodecState) -> str:
    return f"state {state.id} ({state.method}, codebooks {state.digest[:16] or 'none'})"
