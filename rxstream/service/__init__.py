"""The production service: an ASGI application that serves answers, and the command that runs it."""
