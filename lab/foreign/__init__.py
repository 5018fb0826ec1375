"""Software that is not the lab's in a host's place: its configuration, its processes, its log read into events.

software.py   the catalogue: packages, jobs, rights, folders, commands
config/       a plan → the files that each of them reads
readers/      its log, line by line → the lab's events
start.py      files written, processes run, logs read, questions answered
"""
