"""What the lab costs: each row run several times as a process of its own, the median quoted.

    make bench                                  every row, as a table; JSON lines in build/bench.json
    python -m tests.bench sim_up five_days      some rows

The rule: a row measures CPU seconds of a whole process or of one stretch inside it, or wall seconds where a
person waits for it; machines are shared and noisy, so a row says its smallest and largest value too.
"""
