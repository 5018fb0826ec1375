"""Nothing that a stranger sends hurts the lab: targets, each a property of any octets whatever.

A target (`targets/NAME.py`) is a function from octets to None that raises when the property does not hold, a
grammar that makes octets which reach deep, and a few seeds. pytest tries 10,000 inputs of each, the same ones
every time; `make fuzz` goes on from there, guided by coverage, for as long as one likes. What it finds is kept in
`found/NAME/` and tried again by pytest for ever after.
"""
