"""What `kubectl apply -k` sends: valid for Kubernetes, restricted, and true to the command."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tidings_services.settings import PREFIX, Settings, variable_name

pytestmark = pytest.mark.deploy

Object = dict[str, Any]

K8S = Path(__file__).parents[2] / "deploy" / "k8s"
KUSTOMIZATIONS = [K8S / "base", *sorted(path.parent for path in K8S.glob("overlays/*/kust*.yaml"))]
OVERLAYS = KUSTOMIZATIONS[1:]
KUBERNETES_VERSIONS = ("1.30", kubernetes_validate.latest_version())
# The volumes that the restricted profile of Pod Security allows.
RESTRICTED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def render(directory: Path) -> list[Object]:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.fail(
            "kubectl 1.27 or later is needed to render deploy/k8s; no cluster is. "
            "https://kubernetes.io/docs/tasks/tools/ says how to get it."
        )
    rendered = subprocess.run(
        [kubectl, "kustomize", str(directory)], capture_output=True, text=True, check=False
    )
    assert rendered.returncode == 0, rendered.stderr
    assert rendered.stderr == "", "kustomize warns"
    return [item for item in yaml.safe_load_all(rendered.stdout) if item]


@pytest.fixture(scope="module", params=KUSTOMIZATIONS, ids=lambda path: str(path.relative_to(K8S)))
def objects(request: pytest.FixtureRequest) -> list[Object]:
    return render(request.param)


@pytest.fixture(scope="module", params=OVERLAYS, ids=lambda path: str(path.relative_to(K8S)))
def overlay(request: pytest.FixtureRequest) -> list[Object]:
    return render(request.param)


def of_kind(objects: list[Object], *kinds: str) -> list[Object]:
    found = [item for item in objects if item["kind"] in kinds]
    assert found, f"no {' or '.join(kinds)}"
    return found


def pods(objects: list[Object], *kinds: str) -> list[tuple[str, Object]]:
    """Each workload's name and its pod's spec."""
    return [
        (item["metadata"]["name"], item["spec"]["template"]["spec"])
        for item in of_kind(objects, *(kinds or ("Deployment", "Job")))
    ]


def containers(objects: list[Object], *kinds: str) -> list[tuple[str, Object]]:
    """Each workload's name and each of its containers, those that initialize included."""
    return [
        (name, container)
        for name, pod in pods(objects, *kinds)
        for container in [*pod["containers"], *pod.get("initContainers", [])]
    ]


def environment(objects: list[Object], container: Object) -> dict[str, str]:
    """The variables of a container; one that comes from a Secret has the text `secret`."""
    maps = {item["metadata"]["name"]: item["data"] for item in of_kind(objects, "ConfigMap")}
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        found |= maps[source["configMapRef"]["name"]]
    for variable in container.get("env", []):
        found[variable["name"]] = variable.get("value", "secret")
    return found


def mebibytes(quantity: str) -> int:
    assert quantity.endswith("Mi"), quantity
    return int(quantity.removesuffix("Mi"))


def test_there_is_an_overlay() -> None:
    assert OVERLAYS


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
def test_every_object_follows_the_schema_of_kubernetes(objects: list[Object], version: str) -> None:
    for item in objects:
        kubernetes_validate.validate(item, version, strict=True)


def test_schema_check_refuses_a_misspelt_field(objects: list[Object]) -> None:
    misspelt = dict(of_kind(objects, "Deployment")[0])
    misspelt["spec"] = misspelt["spec"] | {"replica": 1}

    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(misspelt, KUBERNETES_VERSIONS[-1], strict=True)


def test_base_names_no_namespace() -> None:
    assert [item for item in render(K8S / "base") if "namespace" in item["metadata"]] == []


def test_overlay_puts_every_object_into_a_namespace_that_enforces_restricted(
    overlay: list[Object],
) -> None:
    (namespace,) = of_kind(overlay, "Namespace")
    labels = namespace["metadata"]["labels"]
    others = [item for item in overlay if item is not namespace]

    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert {item["metadata"]["namespace"] for item in others} == {namespace["metadata"]["name"]}


def test_overlay_names_registry_and_tag_of_every_image(overlay: list[Object]) -> None:
    for name, container in containers(overlay):
        repository, separator, tag = container["image"].rpartition(":")
        assert "/" in repository, name
        assert separator, name
        assert tag not in ("", "latest"), name


def test_both_applications_and_the_page_are_deployed(objects: list[Object]) -> None:
    commands = {tuple(container["args"]) for _, container in containers(objects, "Deployment")}

    assert commands == {("run", "intents"), ("run", "sentiment"), ("dashboard",)}


def test_every_command_exists(objects: list[Object]) -> None:
    for name, container in containers(objects):
        asked = subprocess.run(
            [sys.executable, "-m", "tidings_services", *container["args"], "--help"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert asked.returncode == 0, f"{name}: {asked.stderr}"


def test_pods_follow_the_restricted_profile(objects: list[Object]) -> None:
    for name, pod in pods(objects):
        security = pod["securityContext"]
        assert security["runAsNonRoot"] is True, name
        assert security["runAsUser"] > 0, name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert {"hostNetwork", "hostPID", "hostIPC"}.isdisjoint(pod), name
        for volume in pod.get("volumes", []):
            assert volume.keys() - {"name"} <= RESTRICTED_VOLUMES, name


def test_containers_follow_the_restricted_profile(objects: list[Object]) -> None:
    for name, container in containers(objects):
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False, name
        assert security["capabilities"] == {"drop": ["ALL"]}, name
        assert security["readOnlyRootFilesystem"] is True, name
        assert {"privileged", "procMount", "runAsUser"}.isdisjoint(security), name
        assert all("hostPort" not in port for port in container.get("ports", [])), name


def test_what_is_written_is_a_volume_of_bounded_size(objects: list[Object]) -> None:
    for name, pod in pods(objects):
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        for container in pod["containers"]:
            written = {
                mount["mountPath"]: volumes[mount["name"]]
                for mount in container["volumeMounts"]
                if not mount.get("readOnly")
            }
            assert written.keys() == {"/tmp"}, name  # noqa: S108
            assert all(volume["emptyDir"]["sizeLimit"] for volume in written.values()), name


def test_no_pod_has_a_token_or_the_variables_of_services(objects: list[Object]) -> None:
    accounts = {item["metadata"]["name"]: item for item in of_kind(objects, "ServiceAccount")}
    for name, pod in pods(objects):
        account = accounts[pod["serviceAccountName"]]
        assert account["automountServiceAccountToken"] is False, name
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["enableServiceLinks"] is False, name


def test_every_container_has_requests_and_limits(objects: list[Object]) -> None:
    for name, container in containers(objects):
        requests, limits = container["resources"]["requests"], container["resources"]["limits"]
        assert requests.keys() == limits.keys() == {"cpu", "memory"}, name
        assert mebibytes(requests["memory"]) <= mebibytes(limits["memory"]), name


def test_every_process_that_stays_has_three_probes_on_its_port(objects: list[Object]) -> None:
    paths = {
        "startupProbe": "/healthz",
        "readinessProbe": "/readyz",
        "livenessProbe": "/healthz",
    }
    for name, container in containers(objects, "Deployment"):
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        variables = environment(objects, container)
        for probe, path in paths.items():
            get = container[probe]["httpGet"]
            assert get["path"] == path, name
            assert str(ports[get["port"]]) == variables["TIDINGS_HTTP_PORT"], name
        assert variables["TIDINGS_HTTP_HOST"] == "0.0.0.0", name  # noqa: S104


def test_start_up_may_take_a_minute_at_least(objects: list[Object]) -> None:
    for name, container in containers(objects, "Deployment"):
        probe = container["startupProbe"]
        assert probe["periodSeconds"] * probe["failureThreshold"] >= 60, name


def test_metrics_are_announced_on_the_port_they_are_served_on(objects: list[Object]) -> None:
    for item in of_kind(objects, "Deployment"):
        template = item["spec"]["template"]
        annotations = template["metadata"]["annotations"]
        (container,) = template["spec"]["containers"]
        assert annotations["prometheus.io/scrape"] == "true"
        assert annotations["prometheus.io/path"] == "/metrics"
        assert annotations["prometheus.io/port"] == str(container["ports"][0]["containerPort"])


def test_every_variable_is_a_setting_and_its_value_is_valid(
    objects: list[Object], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {variable_name(field.alias or name) for name, field in Settings.model_fields.items()}
    for name, container in containers(objects):
        variables = environment(objects, container)
        ours = {variable for variable in variables if variable.startswith(PREFIX)}
        assert ours <= known, name
        with monkeypatch.context() as patch:
            for variable in known:
                patch.delenv(variable, raising=False)
            for variable in ours:
                patch.setenv(variable, variables[variable])
            settings = Settings()
        assert settings.bootstrap_servers == variables["TIDINGS_BOOTSTRAP_SERVERS"], name


def test_password_comes_from_a_secret_that_is_not_shipped(objects: list[Object]) -> None:
    assert not [item for item in objects if item["kind"] == "Secret"]
    for name, container in containers(objects):
        (password,) = [
            variable for variable in container["env"] if variable["name"] == "TIDINGS_SASL_PASSWORD"
        ]
        assert password["valueFrom"]["secretKeyRef"]["name"] == "tidings-kafka", name
    for item in of_kind(objects, "ConfigMap"):
        assert not [variable for variable in item["data"] if "PASSWORD" in variable]


def test_there_are_no_more_workers_than_partitions(objects: list[Object]) -> None:
    for item in of_kind(objects, "Deployment"):
        (container,) = item["spec"]["template"]["spec"]["containers"]
        partitions = int(environment(objects, container)["TIDINGS_PARTITIONS"])
        assert 1 <= item["spec"]["replicas"] <= partitions


def test_selectors_find_exactly_their_own_pods(objects: list[Object]) -> None:
    labels = {
        item["metadata"]["name"]: item["spec"]["template"]["metadata"]["labels"]
        for item in of_kind(objects, "Deployment", "Job")
    }

    def selected(selector: dict[str, str]) -> list[str]:
        return [name for name, found in labels.items() if selector.items() <= found.items()]

    for item in of_kind(objects, "Deployment"):
        assert selected(item["spec"]["selector"]["matchLabels"]) == [item["metadata"]["name"]]
    for item in of_kind(objects, "Service"):
        assert selected(item["spec"]["selector"]) == [item["metadata"]["name"]]


def test_every_object_has_the_recommended_labels(objects: list[Object]) -> None:
    for item in of_kind(objects, "Deployment", "Job", "Service", "ServiceAccount"):
        labels = item["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == "tidings"
        assert labels["app.kubernetes.io/part-of"] == "tidings"
    for item in of_kind(objects, "Deployment", "Job"):
        component = item["metadata"]["labels"]["app.kubernetes.io/component"]
        assert item["metadata"]["name"] == f"tidings-{component}"


def test_finished_job_removes_itself_so_that_the_next_apply_may_run_it(
    objects: list[Object],
) -> None:
    for item in of_kind(objects, "Job"):
        assert item["spec"]["ttlSecondsAfterFinished"] <= 300
