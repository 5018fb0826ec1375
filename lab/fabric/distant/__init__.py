"""Hosts that live in other processes: what the lab says to a node, and what it hears.

The rule: nothing upstairs knows. A node (`lab.node`) is a process somewhere that runs one host or many, on real
sockets; the lab's side keeps a stand-in for each host, whose sockets lead there, and one line to each node. How
nodes are started and where (containers, on one machine or several) is the affair of a fabric built on this.

    orders    lab → node     what a node is told: begin, ask, break, leap, dial …
    line      lab ← node     reports: events, answers, octets
    node      the fabric inside a node, and the ear that hears its orders
    stack     the sockets of a stand-in
    pace      lab time running ahead over many processes
    fabric    all of it, as a `lab.fabric.base.Fabric`
"""
