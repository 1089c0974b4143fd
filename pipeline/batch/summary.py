"""summary.csv and summary.json: one row per clip."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Sequence
from pathlib import Path

from pipeline.batch import records, shared
from pipeline.batch.work import Outcome


def write(out: Path | str, outcomes: Sequence[Outcome]) -> None:
    """Write both files into the folder `out`, or at the fsspec address.

    Raises MediaError.
    """
    rows = [dataclasses.asdict(outcome) for outcome in outcomes]
    table = io.StringIO()
    writer = csv.DictWriter(table, [field.name for field in dataclasses.fields(Outcome)])
    writer.writeheader()
    for row in rows:
        people = "; ".join(f"{name} {seconds:.1f}" for name, seconds in row["people"].items())
        writer.writerow({name: _harmless(value) for name, value in {**row, "people": people}.items()})
    texts = {"summary.csv": table.getvalue(), "summary.json": json.dumps(rows, ensure_ascii=False, indent=1) + "\n"}
    for name, text in texts.items():
        text = text.encode(errors="replace").decode()  # names of files need not be UTF-8
        if isinstance(out, str):
            shared.write(f"{out}/{name}", text)
        else:
            records.write(out / name, text)


def _harmless(value: object) -> object:
    """Return a text so that no spreadsheet takes it for a formula: a clip may have any name."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
