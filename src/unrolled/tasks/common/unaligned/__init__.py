"""What the tasks on sequences without alignment share: pictures of lines and recordings in, texts out."""
