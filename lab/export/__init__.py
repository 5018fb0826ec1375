"""Labs as folders that other engines run: `lab export FORMAT`.

The rule: pure functions, from a plan to the texts of files; only `folder` writes. Every host of the plan is a
container of the lab's image that begins by itself (`lab.fabric.distant.alone`), with its addresses and names as
`lab up` has them. What an engine cannot do stands in the README.md that goes along, and is not made to look done.

    papers      what a host finds in /etc/lab, the same for every engine
    text        names and words as YAML and the engines take them
    compose · kathara · containerlab · kubernetes      a format each
    readme      what to type, what works, what does not
    folder      where it is written
"""
