"""What is told of all that is known. Nothing here changes what is live."""
