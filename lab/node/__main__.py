"""`python3 -m lab.node [FOLDER]`: be a node; orders on standard input, reports on standard output.
`python3 -m lab.node --alone PAPERS [FOLDER]`: be the host that the papers describe, with no lab to lead it.

FOLDER (else /var/lib/lab) has the disks of the hosts. See `lab.fabric.distant`; for PAPERS, its `alone`.

The rule: a node is born and dies with a hundred others on the same cores. At its end nothing is taken apart that
ends with the process anyway: that took 13 ms, where reading all its modules takes 55. (To keep the collector from
looking meanwhile would save 4 of these, and cost half a megabyte that it finds.)
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from lab.fabric.tls import put_off_tls

put_off_tls()

from lab.boot import boot  # noqa: E402

_DISKS = "/var/lib/lab"


def main(words: Sequence[str]) -> int:
    if words[:1] == ["--alone"] and len(words) > 1:
        from lab.fabric.distant.alone import serve_alone

        return serve_alone(boot, Path(words[1]), Path(*words[2:3] or [_DISKS]))
    from lab.fabric.distant.ear import serve

    return serve(boot, Path(*words[:1] or [_DISKS]))


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
