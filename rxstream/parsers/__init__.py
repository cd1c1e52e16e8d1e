"""Text or chunks to structure: JSON, code blocks, tags, tool calls, Markdown, server-sent events."""
