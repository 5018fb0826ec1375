"""`lab export`: a topology as a folder that another engine runs, without the lab."""

from __future__ import annotations

from pathlib import Path

from lab.cli.reading import Json
from lab.cli.screen import emit, plain, show
from lab.cli.topologies import find

_IMAGE = "mini-internet-lab:host"


def export(format: str, topology: str = "", /, *, out: str = "", image: str = _IMAGE, json: Json = False) -> int:
    """Write a lab that Docker Compose, Kathará, containerlab or Kubernetes runs, without this program.

    lab export compose belgium --out belgium-compose

    Parameters
    ----------
    format
        compose, kathara, containerlab or kubernetes.
    topology
        The file, or the name of one in topologies/.
    out
        A folder that is empty or not there yet; TOPOLOGY-FORMAT here if not said.
    image
        What the engine calls the lab's image.
    """
    from lab import topology as topologies
    from lab.export.folder import write
    from lab.export.formats import files, named
    from lab.export.papers import Export
    from lab.fabric.certificates import CertificateAuthority

    form = named(format)
    plan = topologies.load(find(topology))
    made = Export(plan, CertificateAuthority(plan.seed), image)
    folder = Path(out or f"{plan.name}-{format}")
    texts = files(made, form)
    write(folder, texts)
    if json:
        told = {"format": format, "topology": plan.name, "hosts": len(plan.hosts), "files": len(texts)}
        emit({**told, "folder": str(folder), "image": image, "start": form.start(made)})
    else:
        show([plain(f" ✓ {folder} has {plan.name} for {format}: {len(plan.hosts)} hosts.", "good")])
        show([plain(f"   cd {folder} && {form.start(made)}      What else to type:  README.md", "dim")])
    return 0
