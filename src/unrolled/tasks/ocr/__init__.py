"""The task ``ocr``: pictures of lines of text become text."""
