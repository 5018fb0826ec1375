"""What the lab's keeper may ask of foreign software, answered in the shapes of the lab's own servers.

The rule: a desk asks the software by its own tools (postqueue, exim4 -bp, rndc …) and files, as its keeper would.
"""
