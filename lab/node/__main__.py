"""`python3 -m lab.node [FOLDER]`: be a node; orders on standard input, reports on standard output.

FOLDER (else /var/lib/lab) has the disks of the hosts. See `lab.fabric.distant`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from lab.fabric.distant.ear import serve
from lab.internet import boot


def main() -> int:
    return serve(boot, Path(sys.argv[1] if len(sys.argv) > 1 else "/var/lib/lab"))


if __name__ == "__main__":
    sys.exit(main())
