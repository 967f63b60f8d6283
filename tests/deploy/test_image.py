"""The image: its Dockerfile read, and its build stage performed without a container engine."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy" / "images" / "Dockerfile"
FORBIDDEN = ("torch", "transformers", "optimum", "onnx", "calfkit", "hatchling", "pip")

Instruction = tuple[str, str]


def read_stages() -> list[list[Instruction]]:
    """The instructions of each stage, without comments; what precedes the first stage is left."""
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    stages: list[list[Instruction]] = []
    for keyword, _, rest in (line.partition(" ") for line in lines if line.strip()):
        if keyword == "FROM":
            stages.append([])
        if stages:
            stages[-1].append((keyword, " ".join(rest.split())))
    return stages


def values(stage: list[Instruction], keyword: str) -> list[str]:
    return [rest for found, rest in stage if found == keyword]


def pairs(stage: list[Instruction], keyword: str) -> dict[str, str]:
    """The `name=value` pairs of every ARG, ENV or LABEL."""
    words = [word for rest in values(stage, keyword) for word in shlex.split(rest)]
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def copy_context(target: Path) -> None:
    """Copy what .dockerignore lets into the build."""
    rules = (ROOT / ".dockerignore").read_text().splitlines()
    for name in (rule.removeprefix("!") for rule in rules if rule.startswith("!")):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(
                source, target / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
            )
        else:
            shutil.copy(source, target / name)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `/opt/tidings` that the build stage's own RUN instructions make."""
    context = tmp_path_factory.mktemp("context")
    opt = tmp_path_factory.mktemp("opt")
    build = read_stages()[0]
    copy_context(context)
    environment = {
        **os.environ,
        **pairs(build, "ENV"),
        **pairs(build, "ARG"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PIP_NO_CACHE_DIR": "0",  # a layer has no use for the cache, a test that is repeated has
    }
    for step in values(build, "RUN"):
        performed = subprocess.run(
            ["sh", "-ec", step.replace("/opt/", f"{opt}/")],
            cwd=context,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert performed.returncode == 0, f"{step}\n{performed.stdout}\n{performed.stderr}"
    return opt / "tidings"


def run_installed(
    installed: Path, *command: str, text: str | None = None, home: Path | None = None
) -> str:
    """Standard output of a command of the image, with the image's variables."""
    variables = pairs(read_stages()[-1], "ENV") | {"PATH": f"{installed / 'bin'}:/usr/bin:/bin"}
    done = subprocess.run(
        [str(installed / "bin" / command[0]), *command[1:]],
        cwd=home or installed.parent,
        env=variables if home is None else variables | {"HOME": str(home)},
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_both_stages_start_from_the_one_base_that_an_argument_pins() -> None:
    assert DOCKERFILE.read_text().count("ARG PYTHON_IMAGE=") == 1
    assert [values(stage, "FROM")[0].split()[0] for stage in read_stages()] == [
        "${PYTHON_IMAGE}",
        "${PYTHON_IMAGE}",
    ]


def test_image_runs_the_command_as_the_user_and_in_the_directory_of_the_pods() -> None:
    final = read_stages()[-1]
    patch = yaml.safe_load((ROOT / "deploy/k8s/base/patches/pod.yaml").read_text())
    pod = patch["spec"]["template"]["spec"]
    security = pod["securityContext"]
    written = [mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]]

    assert values(final, "USER") == [f"{security['runAsUser']}:{security['runAsGroup']}"]
    assert values(final, "WORKDIR")[0] in written
    assert json.loads(values(final, "ENTRYPOINT")[0]) == ["tidings"]


def test_final_stage_installs_nothing() -> None:
    for step in values(read_stages()[-1], "RUN"):
        assert not re.search(r"\b(pip|apt-get|gcc|curl|wget)\b", step)


def test_every_lock_that_is_named_exists_and_has_no_training() -> None:
    named = set(re.findall(r"\bworker[a-z-]*\.txt", DOCKERFILE.read_text()))

    assert named == {"worker.txt", "worker-gpu.txt"}
    for name in named:
        lock = (ROOT / "requirements" / name).read_text()
        assert not re.search(r"^(torch|transformers|optimum)", lock, re.MULTILINE)


@pytest.mark.parametrize(
    ("image", "checkout"), [("worker.txt", "runtime.txt"), ("worker-gpu.txt", "runtime-gpu.txt")]
)
def test_image_has_the_versions_that_are_tested(image: str, checkout: str) -> None:
    def pins(name: str) -> set[str]:
        text = (ROOT / "requirements" / name).read_text()
        return set(re.findall(r"^\S+==\S+", text, re.MULTILINE))

    assert pins(image)
    assert pins(image) <= pins(checkout)


def test_image_and_overlay_name_the_version_of_the_project() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    overlay = yaml.safe_load((ROOT / "deploy/k8s/overlays/dev/kustomization.yaml").read_text())

    assert pairs(read_stages()[-1], "ARG")["VERSION"] == version
    assert overlay["images"][0]["newTag"] == version
    assert overlay["labels"][0]["pairs"]["app.kubernetes.io/version"] == version


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("hadolint is not in the test lock")

    linted = subprocess.run(
        [str(hadolint), str(DOCKERFILE)], capture_output=True, text=True, check=False
    )

    assert (linted.returncode, linted.stdout) == (0, "")


def test_installed_image_tells_its_version(installed: Path) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert run_installed(installed, "tidings", "--version").strip() == f"tidings {version}"


def test_installed_image_has_neither_training_nor_build_tools(installed: Path) -> None:
    program = (
        "import importlib.util, sys;"
        "print(*[name for name in sys.argv[1:] if importlib.util.find_spec(name)])"
    )

    assert run_installed(installed, "python", "-c", program, *FORBIDDEN).split() == []


def test_installed_packages_agree_with_each_other(installed: Path) -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(installed / "bin" / "python"), "check"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout


def test_installed_image_classifies_with_the_shipped_bundle_and_leaves_no_file(
    installed: Path, tmp_path: Path
) -> None:
    decided = run_installed(
        installed,
        "tidings",
        "classify",
        "intents-banking77",
        text="My card was stolen.\n",
        home=tmp_path,
    )

    assert json.loads(decided)["label"] == "lost_or_stolen_card"
    assert list(tmp_path.iterdir()) == [], "ONNX Runtime's usage data?"
