#!/usr/bin/env python
"""Seconds and peak memory of each stage of the demo, beside an empty notebook executed in the same run.

    python benchmarks/stages.py            # writes benchmarks/stages.md
    python benchmarks/stages.py FOLDER     # the same for a folder of postings, DD-MM-YYYY/N.txt; writes no file
"""
import sys
import tempfile
import time
from pathlib import Path

import nbformat

from skillnb.config import load
from skillnb.fetch import TextFolder, collect
from skillnb.flow import execute, run
from skillnb.store import Store

HERE = Path(__file__).parent


def empty_notebook(folder):
    "Seconds that papermill takes for a notebook that imports pandas and does nothing: the floor under every stage."
    book = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "python3", "language": "python"}},
                                    cells=[nbformat.v4.new_code_cell("", metadata={"tags": ["parameters"]}), nbformat.v4.new_code_cell("import pandas")])
    nbformat.write(book, folder/"empty.ipynb")
    start = time.perf_counter()
    execute(folder/"empty.ipynb", folder/"log"/"empty.ipynb", {})
    return time.perf_counter() - start


def table(rows, floor):
    lines = ["| stage | seconds | × an empty notebook | peak MB | rows |", "|---|---:|---:|---:|---:|"]
    for r in rows.itertuples(): lines.append(f"| {r.stage} | {r.seconds:.1f} | {r.seconds / floor:.1f} | {r.peak_mb:.0f} | {r.rows:,} |")
    lines.append(f"| all | {rows.seconds.sum():.1f} | {rows.seconds.sum() / floor:.1f} | {rows.peak_mb.max():.0f} | |")
    return "\n".join(lines)


def main():
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp)
        config = load("demo", [f"report.out={tmp/'site'}"], root=str(tmp/"data"), environ={})
        empty_notebook(tmp)   # the first start of a kernel reads everything from disk
        floor = min(empty_notebook(tmp) for _ in range(3))
        first = None
        if len(sys.argv) > 1:
            first, sightings = "clean", collect([TextFolder(sys.argv[1])]).sightings
            for day, rows in sightings.groupby("collected_on"):
                Store(config.root, stage="import-text").write("sightings", rows.drop(columns="collected_on"), str(day)[:10])
        text = table(run(config, first), floor) + f"\n\nAn empty notebook that imports pandas: {floor:.1f} s.\n"
        print(text)
        if first is None: (HERE/"stages.md").write_text("# Seconds per stage, demo\n\nMade by `python benchmarks/stages.py`; two cores.\n\n" + text)


if __name__ == "__main__": main()
