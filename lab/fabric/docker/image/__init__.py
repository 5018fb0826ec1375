"""The images that hosts run in: what is in them, how they are made without a registry, when they are stale."""
