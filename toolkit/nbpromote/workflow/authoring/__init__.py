"""What an author does before anything runs."""
