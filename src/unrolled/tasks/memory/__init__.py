"""Problems of remembering."""
