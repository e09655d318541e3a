"""How a kind of segment is carried over a channel: one bearer a file, one method each."""
