"""Take a Jupyter notebook from experiment to production."""
