"""LLM responses as Observables."""
