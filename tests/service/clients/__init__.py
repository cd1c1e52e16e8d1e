"""Programs that nobody here wrote, unmodified, against the running service."""
