"""Many futures of one mini-Internet: what may happen to its mail, drawn by chance, played, and held against its
promises.

    acts        what can be done to a world, each act a value
    draw        a seed → the acts of one future (pure)
    record      a scenario → the acts that it consists of
    play        acts → what came of them, on a simulated world of their own
    promises    a log and mailboxes → what was kept and what was broken (pure)
    shrink      a list of acts that fails → the few that matter (pure over a predicate)
    written     acts → a scenario file that `lab run` plays
    crowd       many seeds over all cores
    told        what came of all of them, as one reads it
"""
