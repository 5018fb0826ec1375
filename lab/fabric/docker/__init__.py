"""A container for every host: the one room that may import the docker SDK, and does so only when it is used."""
