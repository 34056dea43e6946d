"""Recurrent sequence models, from the recurrence on the blackboard to a trained, inspected, served model."""
