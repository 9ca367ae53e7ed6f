"""Draw the demo shop's pictures: `python -m tools.demo_images [--only NAME…] [--missing] [--jobs N] [--out FOLDER]`."""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from tools.demo_images import catalogue, export

OUTPUT_FOLDER = Path("demo/pictures")


def main(arguments: list[str] | None = None) -> int:
    """Draw what is asked for, then write the manifest of everything that the catalogue needs. Returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        jobs = catalogue.jobs(options.catalogue)
    except catalogue.CatalogueError as error:
        print(error, file=sys.stderr)
        return 1
    unknown = set(options.only or ()) - {job.name for job in jobs}
    if unknown:
        print(f"The catalogue has no picture {', '.join(sorted(unknown))}.", file=sys.stderr)
        return 1
    options.out.mkdir(parents=True, exist_ok=True)
    wanted = [job for job in jobs if _is_wanted(job, options)]
    with ProcessPoolExecutor(options.jobs) as pool:
        for number, line in enumerate(pool.map(partial(_draw, folder=options.out), wanted), start=1):
            print(f"{number}/{len(wanted)} {line}", flush=True)
    export.write_manifest(options.out, catalogue.entries(options.catalogue))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.demo_images", description="Draw the demo shop's pictures.")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="draw these pictures or swatches")
    parser.add_argument("--missing", action="store_true", help="draw only what has no files yet")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes (default 1)")
    parser.add_argument("--out", type=Path, default=OUTPUT_FOLDER, metavar="FOLDER")
    parser.add_argument("--catalogue", type=Path, default=catalogue.CATALOGUE_FOLDER, metavar="FOLDER")
    return parser


def _is_wanted(job: catalogue.Job, options: argparse.Namespace) -> bool:
    if options.only and job.name not in options.only:
        return False
    return not (options.missing and all((options.out / file).exists() for file in job.files))


def _draw(job: catalogue.Job, *, folder: Path) -> str:
    started = time.monotonic()
    job.run(folder)
    weight = sum((folder / file).stat().st_size for file in job.files) / 1000
    return f"{job.name}: {time.monotonic() - started:.1f} s, {weight:.0f} kB in {len(job.files)} files"


if __name__ == "__main__":
    sys.exit(main())
