"""docs/topology.md is what the schema says."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from emulator.topology import loads
from emulator.topology.schema import Scenario

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("topology_reference", ROOT / "tools" / "topology_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_current(reference: ModuleType) -> None:
    assert (ROOT / "docs" / "topology.md").read_text(encoding="utf-8") == reference.page()


def test_every_key_is_described_and_every_link_leads_somewhere(reference: ModuleType) -> None:
    page = reference.page()
    for key in Scenario.known_keys():
        assert f"`{key}`" in page
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= set(re.findall(r'<a id="([^"]+)">', page))
    assert not [line for line in page.splitlines() if re.search(r"\| +\|$", line)], "a key without a meaning"


def test_the_example_on_the_page_is_valid(reference: ModuleType) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", reference.page(), flags=re.DOTALL)
    assert loads(example).name == yaml.safe_load(example)["name"]
