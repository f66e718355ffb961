"""Models: through LiteLLM, replayed from a recording, or scripted."""
