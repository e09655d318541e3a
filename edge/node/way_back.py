"""The session from a receiver back to the source of a session: only the nodes open it, for what an alignment needs.

It carries no pictures. It is described by the same codec, so the ends know that they mean the same.
"""

from __future__ import annotations

from collections.abc import Callable

from edge.node.sessions import Session, SessionTable, way_back


def open_way_back(table: SessionTable, session: Session, opened: Callable[[Session], None]) -> None:
    """Opens it at this node, whichever end it is, unless it is open. opened: told of it. Raises ConfigurationError when
    the node has too many sessions."""
    (receiver,) = session.destinations
    name = way_back(session.name)
    held = table.get(name)
    back = Session(name, receiver, (session.source,), session.codec, session.description, session.options, shared=True)
    alike = held is not None and (held.source, held.destinations, held.description) == (
        back.source,
        back.destinations,
        back.description,
    )
    if not alike:
        table.put([back])
        opened(back)
