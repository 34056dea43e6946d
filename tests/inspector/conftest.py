"""Nothing but this folder's place on the path: the tests below it use its models."""
