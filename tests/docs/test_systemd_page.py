"""docs/systemd.md: its unit is one that systemd accepts, and its configuration one that the program accepts."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

from docs.pages import ROOT
from mtg.config import config_from_table

PAGE = (ROOT / "docs" / "systemd.md").read_text()
UNIT = re.findall(r"```ini\n(.*?)```", PAGE, re.DOTALL)[0]


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "mtg.service"
    unit.write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", UNIT))
    if verifier := shutil.which("systemd-analyze"):
        done = subprocess.run([verifier, "verify", unit], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_the_program_accepts_the_configuration() -> None:
    for written in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL):
        config_from_table(tomllib.loads(written), source="docs")


def test_the_unit_serves_the_file_that_the_page_writes() -> None:
    served = re.findall(r"(?m)^ExecStart=/opt/mtg/bin/mtg run (\S+)$", UNIT)
    assert served == ["/etc/mtg/mtg.toml"]
    assert f"Write `{served[0]}`" in PAGE
