"""The task ``lm``: language models."""
