"""What happens before a commit is made: the pairs of git's index brought together and looked at."""
