"""Both ends of a wire: server-sent events, WebSockets, and the log that a client comes back to."""
