"""Training: the training loop, the interface of a task, and the files of a run."""
