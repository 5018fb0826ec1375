"""Scripts that act on a mini-Internet and expect things of it."""
