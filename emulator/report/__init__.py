"""A run's report: report.json (documented schema), report.html (self-contained), PNGs and the received pictures.

`write` makes a folder from a filled Report and the pictures, `build` makes page and plots again from that folder.
Nothing here drives a run, and nothing here needs torch; matplotlib is loaded only while plots are drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from emulator.report.schema import Report, ReportError
from emulator.report.scoring import Picture, ReceivedKey

__all__ = ["Picture", "ReceivedKey", "Report", "ReportError", "build", "write"]


def write(report: Report, originals: Mapping[str, Picture], received: Mapping[ReceivedKey, Picture], out: Path) -> Path:
    """Writes the whole folder `out` (made when missing) and returns the path of its report.json, which is written last.

    originals: image name -> [H, W, 3] uint8 as it was sent. received: (session, message_id, destination) -> [H, W, 3].
    Completes `report` in place: scores, picture paths, averages of receivers, steps and alignments (an accuracy already
    there is kept where no classifier's answers are).
    Raises ReportError, one sentence, for pictures that fit no message and for a folder that cannot be written.
    """
    from emulator.report import files, pairs, scoring

    scoring.score(report, originals, received)
    pairs.compare_alignments(report)
    path = out / files.REPORT_NAME
    try:
        out.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        files.save_pictures(report, originals, received, out)
        _draw(report, originals, received, out)
        files.write_atomically(path, report.to_json().encode())
    except OSError as error:
        raise ReportError(f"{out}: cannot be written ({error.strerror}); choose another folder with --out") from error
    return path


def build(out: Path) -> Path:
    """Makes report.html and the plots again from `out`/report.json and the saved pictures; returns the page's path.

    Raises ReportError, one sentence, when report.json is missing, foreign or damaged, or when a picture is.
    """
    from emulator.report import files

    report = files.read_report(out)
    originals, received = files.load_pictures(report, out)
    try:
        _draw(report, originals, received, out)
    except OSError as error:
        raise ReportError(
            f"{out}: cannot be written ({error.strerror}); copy the folder to where you may write"
        ) from error
    return out / "report.html"


def _draw(report: Report, originals: Mapping[str, Picture], received: Mapping[ReceivedKey, Picture], out: Path) -> None:
    from emulator.report import files, html, pictures

    pictures.draw(report, originals, received, out)
    files.write_atomically(out / "report.html", html.page(report, originals, received).encode())
