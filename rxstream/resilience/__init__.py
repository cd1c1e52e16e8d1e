"""When a stream fails or falls silent: retry and resume, time limits."""
