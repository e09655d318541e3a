"""Generates edge/v1, emulator/v1 and optimizer/v1 from proto/; with --check, compares instead of writing."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PACKAGE_DOC = '"""Generated from proto/ by tools/generate_proto.py; do not edit."""\n'


def generate(target: Path) -> list[Path]:
    """Writes all generated files below `target`; returns their paths relative to it."""
    sources = sorted(str(path.relative_to(ROOT / "proto")) for path in (ROOT / "proto").rglob("*.proto"))
    outputs = [f"--python_out={target}", f"--pyi_out={target}", f"--grpc_python_out={target}"]
    if protoc.main(["protoc", f"--proto_path={ROOT / 'proto'}", *outputs, *sources]) != 0:
        raise click.ClickException("protoc failed; its message stands above")
    for package in {(target / source).parent for source in sources}:
        (package / "__init__.py").write_text(PACKAGE_DOC)
    return sorted(path.relative_to(target) for path in target.rglob("*.py*") if path.parent.name == "v1")


def stale(fresh: Path, files: list[Path]) -> list[str]:
    """Names of committed files that differ from a fresh generation, are missing, or should not be there."""
    committed = {
        path.relative_to(ROOT)
        for package in ("edge", "emulator", "optimizer")
        for path in (ROOT / package / "v1").glob("*.py*")
    }
    differing = {
        file for file in files if file in committed and (ROOT / file).read_bytes() != (fresh / file).read_bytes()
    }
    return sorted(str(path) for path in differing | (committed ^ set(files)))


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 when the committed code is not what proto/ gives.")
def main(check: bool) -> None:
    """Generate the protobuf and gRPC code, or check it."""
    with tempfile.TemporaryDirectory() as folder:
        files = generate(Path(folder))
        if check:
            differing = stale(Path(folder), files)
            if differing:
                click.echo(f"not what proto/ gives: {', '.join(differing)}; run: make proto", err=True)
                sys.exit(1)
            click.echo(f"{len(files)} generated files are current")
            return
        for file in files:
            (ROOT / file).write_bytes((Path(folder) / file).read_bytes())
        click.echo(f"wrote {len(files)} files")


if __name__ == "__main__":
    main()
