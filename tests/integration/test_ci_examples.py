"""`examples/ci`: what users copy into their CI is read here, and its commands are run on a small project."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import venv
from pathlib import Path

import pytest
import yaml

from pytest_netchaos.options import LIST_PROFILES, OPTIONS

ROOT = Path(__file__).parents[2]
CI = ROOT / "examples" / "ci"
GITHUB = yaml.safe_load((CI / "github-actions.yml").read_text())
GITLAB = yaml.safe_load((CI / "gitlab-ci.yml").read_text())
CONTAINERFILE = (CI / "Containerfile").read_text()
#: Keywords of GitLab; all else at the top of its file is a job.
KEYWORDS = ("default", "variables")
#: Of an expression in the environment of a GitHub job, as a scheduled run has it.
SCHEDULED = {"${{ inputs.seed || 'random' }}": "random"}

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "shop"
version = "1"

[tool.hatch.build.targets.wheel]
only-include = ["shop.py"]

[tool.pytest.ini_options]
testpaths = ["tests"]
"""
CACHE = """
def test_the_cache_is_there(redis_server, redis_link):
    assert redis_link.url("redis").startswith("redis://127.0.0.1")
    redis_server.flush()
"""


def github_jobs():
    """Each job's name, environment and commands."""
    for name, job in GITHUB["jobs"].items():
        steps = [step["run"] for step in job["steps"] if "run" in step]
        yield name, {key: SCHEDULED.get(value, value) for key, value in job["env"].items()}, steps


def gitlab_jobs():
    """Each job's name, environment and commands."""
    for name, job in GITLAB.items():
        if name not in KEYWORDS:
            yield name, GITLAB["variables"] | job["variables"], GITLAB["default"]["before_script"] + job["script"]


JOBS = [pytest.param(*job[1:], id=f"github-{job[0]}") for job in github_jobs()]
JOBS += [pytest.param(*job[1:], id=f"gitlab-{job[0]}") for job in gitlab_jobs()]


@pytest.mark.parametrize(("environment", "commands"), JOBS)
def test_each_job_has_what_the_guide_says(environment, commands):
    install, test = commands
    assert "pytest-netchaos[redis]" in install
    for option in ("-n auto", "--timeout=", "--junitxml=reports/", "--netchaos-timeline=reports/"):
        assert option in test
    is_nightly = "CHAOS_RUNS" in environment
    assert environment["NETCHAOS_SEED"] == ("random" if is_nightly else "1")
    assert environment["NETCHAOS_STRICT"] == "yes"
    assert ("-m flaky_network" in test) is is_nightly


@pytest.mark.parametrize(
    "path", [*filter(Path.is_file, CI.iterdir()), ROOT / "docs" / "ci.md"], ids=lambda path: path.name
)
def test_what_is_named_exists(path):
    text = path.read_text()
    flags = set(re.findall(r"--netchaos-[a-z-]*[a-z]", text))
    assert flags <= {option.flag for option in OPTIONS} | {LIST_PROFILES}
    assert set(re.findall(r"NETCHAOS_[A-Z_]+", text)) <= {option.variable for option in OPTIONS}


def test_no_reports_of_a_failed_job_are_lost():
    for job in GITHUB["jobs"].values():
        last = job["steps"][-1]
        assert (last["if"], last["with"]["path"]) == ("failure()", "reports/")
    names = [job["steps"][-1]["with"]["name"] for job in GITHUB["jobs"].values()]
    assert len(set(names)) == len(names), "two artifacts of one run can't share a name"
    artifacts = GITLAB["default"]["artifacts"]
    assert (artifacts["when"], artifacts["paths"]) == ("always", ["reports/"])
    assert artifacts["reports"] == {"junit": "reports/junit.xml"}


def test_the_container_does_what_a_job_does():
    _, environment, (install, test) = next(github_jobs())
    installed = re.search("^RUN (.*)$", CONTAINERFILE, re.MULTILINE)[1].replace(" --no-cache-dir", "")
    assert installed == install
    started = [
        word
        for line in re.findall(r"^(?:ENTRYPOINT|CMD) (.*)$", CONTAINERFILE, re.MULTILINE)
        for word in json.loads(line)
    ]
    assert sorted(started) == sorted(test.split())
    variables = re.search("^ENV (.*)$", CONTAINERFILE, re.MULTILINE)[1].split()
    assert sorted(variables) == sorted(f"{name}={value}" for name, value in environment.items())


@pytest.fixture
def project(tmp_path):
    """A user's project: a module, and the tests of the examples."""
    made = tmp_path / "project"
    (made / "tests").mkdir(parents=True)
    (made / "pyproject.toml").write_text(PROJECT)
    (made / "shop.py").touch()
    (made / "tests" / "test_cache.py").write_text(CACHE)
    for example in (ROOT / "examples" / "test_first.py", CI / "test_nightly.py"):
        shutil.copy(example, made / "tests")
    return made


@pytest.fixture
def shell(tmp_path, project, redis_server):
    """Run a command as a CI runner does, with the commands of an environment that had nothing but pip."""
    venv.create(tmp_path / "venv", with_pip=True)
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("NETCHAOS_", "PYTEST_", "PYTHON"))
    }

    def run(command, environment=()):
        added = {key: value.replace("redis:6379", f"127.0.0.1:{redis_server.port}") for key, value in environment}
        added |= {"CHAOS_RUNS": "3"} if "CHAOS_RUNS" in added else {}  # 50 take minutes
        return subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", command],
            cwd=project, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
            env=kept | {
                "CI": "true",
                "PATH": f"{tmp_path / 'venv' / 'bin'}:{os.environ['PATH']}",
                "PIP_DISABLE_PIP_VERSION_CHECK": "1",
                "PYTEST_XDIST_AUTO_NUM_WORKERS": "2",
                **added,
            },
        )  # fmt: skip

    return run


@pytest.mark.timeout(900)  # nearly all of it is pip's; making the environment alone took 138 s under a load of 20
def test_the_commands_work_in_a_fresh_environment(shell, project, tmp_path):
    reached = shell(f"python -m pip download --quiet --no-deps --dest {tmp_path / 'probe'} iniconfig")
    if reached.returncode:
        pytest.skip(f"pip reaches no registry: {reached.stdout.strip().splitlines()[-1]}")
    # This checkout; what is there already isn't looked for by its name in a registry.
    result = shell(f"python -m pip install --quiet --no-deps {ROOT}")
    assert result.returncode == 0, result.stdout
    installed = set()
    done = set()
    for name, environment, (install, test) in [*github_jobs(), *gitlab_jobs()]:
        if install not in installed:
            result = shell(install)
            assert result.returncode == 0, result.stdout
            installed.add(install)
        key = (test, *sorted(environment.items()))
        if key in done:  # the two files have the same jobs
            continue
        done.add(key)
        shutil.rmtree(project / "reports", ignore_errors=True)
        result = shell(test, environment.items())
        assert result.returncode == 0, f"{name}:\n{result.stdout}"
        seed = "" if environment["NETCHAOS_SEED"] == "random" else environment["NETCHAOS_SEED"]
        assert re.search(
            rf"^netchaos: engine embedded, .*--netchaos-seed={seed or '[0-9]+'}$", result.stdout, re.MULTILINE
        )
        assert ("1 test passed all of 3 runs" in result.stdout) is ("CHAOS_RUNS" in environment)
        assert (project / "reports" / "junit.xml").stat().st_size
        assert len(list((project / "reports" / "timelines").glob("*test_no_order_is_lost*.json"))) in (1, 3)
    assert len(done) == 3
