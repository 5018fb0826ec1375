"""mini-Internet lab: a small Internet of mail and names, for classrooms and for engineers.

A topology file becomes DNS servers and mail hosts; they live in memory on a virtual clock (`sim`) or on
real sockets without root (`local`); every view of what happened is a function of one event log.
"""

__version__ = "0.1.0"
