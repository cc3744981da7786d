"""The compose file takes no secret for granted and shows nothing to the outside."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml


@pytest.fixture(scope="module")
def text(project: Path) -> str:
    return (project / "docker-compose.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def services(text: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text)["services"]
    return found


def test_every_secret_must_be_set_and_has_a_line_in_the_example(text: str, project: Path) -> None:
    used = set(re.findall(r"\$\{(\w+):\?set it in \.env\}", text))
    assert used
    assert text.count("${") == len(re.findall(r"\$\{\w+:\?set it in \.env\}", text))
    example = (project / ".env.example").read_text(encoding="utf-8")
    assert set(re.findall(r"^(\w+)=$", example, re.MULTILINE)) == used
    assert not re.search(r"^\w+=.+", example, re.MULTILINE), "an example is soon a default"


def test_services_are_published_on_this_machine_only(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert len(ports) == 4
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_lasting_service_has_a_health_check(services: dict[str, Any]) -> None:
    lasting = {name for name, service in services.items() if service.get("restart") != "no"}
    assert lasting == set(services) - {"init"}
    assert [name for name in lasting if not services[name].get("healthcheck", {}).get("test")] == []
