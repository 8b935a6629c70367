"""Whether everything is in order, and what is done where it is not."""
