"""Configuration files, made from the plan: a module for each software, pure functions of the scene."""
