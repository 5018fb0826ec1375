"""Every host a container, or many in one: the lab on a Docker engine.

The rule: the engine's SDK is imported in this package only, and only when an engine is asked for something.

    layout    which containers there are, as values
    placement which engine each lives on, where there are several
    engine    the door to the SDK: networks, volumes, containers, attached streams
    whereabouts, forward   where an engine is, and how ssh brings its socket here
    swarm, fleet           several engines with one network; what each has for all of its containers
    papers    what stands in a container's /etc/resolv.conf and /etc/hosts
    wire      the two streams of a container, told apart
    fabric    a `distant` fabric whose nodes are containers
    sweep     what a lab left on an engine is taken away, by its label
"""
