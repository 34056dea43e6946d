"""Code shared by the tasks."""
