"""A kubelet's part, on a Docker engine: one Pod, as a manifest has it.

What it is for: a Pod can be played without a cluster. A sandbox that has nothing but a network namespace; the init
containers in it, one after another; then the containers, all at once. Volumes are folders of this machine, so the
engine has to be on it, too. Any field that is not known here is an error, not passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

_PATIENCE_S = 60
_CONTAINER = {"name", "image", "imagePullPolicy", "command", "env", "securityContext", "volumeMounts"}
_POD = {"automountServiceAccountToken", "enableServiceLinks", "dnsPolicy", "dnsConfig", "initContainers"}
_SPEC = {*_POD, "containers", "volumes"}


class Pod:
    """`folder`: where its volumes are."""

    def __init__(self, api: Any, manifest: str, folder: Path, name: str) -> None:
        self._api = api
        self._objects = list(yaml.safe_load_all(manifest))
        (stateful,) = (each for each in self._objects if each["kind"] == "StatefulSet")
        self.spec = stateful["spec"]["template"]["spec"]
        assert set(self.spec) <= _SPEC
        self._folder = folder
        self._name = name
        self.ids: dict[str, str] = {}

    @contextmanager
    def running(self) -> Iterator[Pod]:
        self._fill_volumes()
        image = self.spec["containers"][0]["image"]
        config = self._api.create_host_config(network_mode="none")
        try:
            self._sandbox = self._make("sandbox", image, ["sleep", "infinity"], host_config=config)
            self._api.start(self._sandbox)
            for each in self.spec.get("initContainers", ()):
                made = self._container(each)
                self._api.start(made)
                status = self._api.wait(made, timeout=_PATIENCE_S)["StatusCode"]
                assert status == 0, self._api.logs(made).decode()
            for each in self.spec["containers"]:
                self._api.start(self._container(each))
            yield self
        finally:
            for made in self.ids.values():
                self._api.remove_container(made, force=True, v=True)

    def run(self, container: str, *words: str) -> str:
        """kubectl exec: what it printed."""
        made = self._api.exec_create(self.ids[container], list(words))
        return str(self._api.exec_start(made).decode())

    def lines(self) -> list[str]:
        """kubectl logs --all-containers"""
        return [line for made in self.ids.values() for line in self._api.logs(made).decode().splitlines()]

    # -- containers ------------------------------------------------------------------------------------------

    def _container(self, form: dict[str, Any]) -> str:
        assert set(form) <= _CONTAINER
        security = form["securityContext"]
        config = self._api.create_host_config(
            network_mode=f"container:{self._sandbox}",
            binds=[self._bind(mount) for mount in form["volumeMounts"]],
            cap_drop=security["capabilities"]["drop"],
            cap_add=security["capabilities"]["add"],
            read_only=security["readOnlyRootFilesystem"],
            security_opt=[] if security["allowPrivilegeEscalation"] else ["no-new-privileges"],
        )
        environment = {each["name"]: each["value"] for each in form.get("env", ())}
        return self._make(
            form["name"], form["image"], form["command"], host_config=config, environment=environment
        )

    def _make(self, name: str, image: str, command: list[str], **more: Any) -> str:
        made = self._api.create_container(image, command, name=f"{self._name}-{name}", entrypoint=[], **more)
        self.ids[name] = str(made["Id"])
        return self.ids[name]

    # -- volumes ---------------------------------------------------------------------------------------------

    def _bind(self, mount: dict[str, str]) -> str:
        source = self._folder / mount["name"]
        if "subPath" in mount:
            source = source / mount["subPath"]
            if mount["name"] in self._empty:
                source.mkdir()
        return f"{source}:{mount['mountPath']}:{'rw' if mount['name'] in self._empty else 'ro'}"

    def _fill_volumes(self) -> None:
        self._empty = {volume["name"] for volume in self.spec["volumes"] if "emptyDir" in volume}
        for volume in self.spec["volumes"]:
            folder = self._folder / volume["name"]
            folder.mkdir()
            sources = volume["projected"]["sources"] if "projected" in volume else [volume]
            for source in sources:
                for name, text in self._files(source).items():
                    (folder / name).write_text(text, encoding="utf-8")

    def _files(self, source: dict[str, Any]) -> dict[str, str]:
        for key, kind, data in (("configMap", "ConfigMap", "data"), ("secret", "Secret", "stringData")):
            if key in source:
                found = (each for each in self._objects if each["kind"] == kind)
                files: dict[str, str] = next(
                    each[data] for each in found if each["metadata"]["name"] == source[key]["name"]
                )
                return files
        return {}
