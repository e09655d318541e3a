"""Who may control a node: under mutual TLS only the controller, in plain text whoever reaches the (loopback) port."""

from __future__ import annotations

from typing import Any

import grpc
import grpc.aio

from edge.wire.endpoint import Security, peer_name

CONTROLLER = "controller"


async def check_controller(context: grpc.aio.ServicerContext[Any, Any], security: Security) -> None:
    """Ends the call with PERMISSION_DENIED unless the caller may control this node."""
    if security.tls_dir is None:
        return
    caller = peer_name(context)
    if caller != CONTROLLER:
        await context.abort(
            grpc.StatusCode.PERMISSION_DENIED,
            f"node '{security.name}' takes orders from the certificate '{CONTROLLER}' only, not from '{caller}'; "
            f"use {CONTROLLER}.pem and {CONTROLLER}.key",
        )
