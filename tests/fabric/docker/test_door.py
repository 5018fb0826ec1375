"""The one room that knows the docker SDK, and when it pays for it."""

import ast
import subprocess
import sys
from pathlib import Path

import lab

ROOM = Path("fabric", "docker")


def imported(tree: ast.AST) -> set[str]:
    """The first words of what is imported anywhere in a module."""
    return {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom) and not node.level
            else []
        )
    }


def test_nobody_else_imports_the_docker_sdk():
    root = Path(lab.__file__).parent
    users = {
        path.relative_to(root)
        for path in root.rglob("*.py")
        if {"docker", "requests"} & imported(ast.parse(path.read_text("utf-8")))
    }
    assert users
    assert {path for path in users if ROOM not in path.parents} == set()


def test_it_is_imported_when_it_is_used():
    script = """
import importlib, pkgutil, sys
import lab.fabric.docker as room
for module in pkgutil.walk_packages(room.__path__, room.__name__ + "."):
    importlib.import_module(module.name)
assert not {"docker", "requests"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
