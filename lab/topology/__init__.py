"""What the world should look like: a topology file becomes a model, and the model a plan."""
