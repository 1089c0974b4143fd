"""summary.csv and summary.json: one row per clip."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Sequence
from pathlib import Path

from pipeline.batch import records
from pipeline.batch.work import Outcome


def write(out: Path, outcomes: Sequence[Outcome]) -> None:
    """Write both files into the folder `out`.

    Raises MediaError.
    """
    rows = [dataclasses.asdict(outcome) for outcome in outcomes]
    table = io.StringIO()
    writer = csv.DictWriter(table, [field.name for field in dataclasses.fields(Outcome)])
    writer.writeheader()
    for row in rows:
        people = "; ".join(f"{name} {seconds:.1f}" for name, seconds in row["people"].items())
        writer.writerow({name: _harmless(value) for name, value in {**row, "people": people}.items()})
    records.write(out / "summary.csv", table.getvalue())
    records.write(out / "summary.json", json.dumps(rows, ensure_ascii=False, indent=1) + "\n")


def _harmless(value: object) -> object:
    """Return a text so that no spreadsheet takes it for a formula: a clip may have any name."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
