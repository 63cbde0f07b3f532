"""`python -m fuzz TARGET --seconds N --seed S`: one target, for as long as you like."""

import argparse
import secrets

from fuzz.target import spend
from fuzz.targets import NAMES, named

parser = argparse.ArgumentParser(prog="python -m fuzz", description="Targets: " + ", ".join(NAMES))
parser.add_argument("target", choices=NAMES)
parser.add_argument("--seconds", type=float, default=60.0)
parser.add_argument("--seed", type=int, default=None)
wanted = parser.parse_args()
first_seed = secrets.randbelow(2**32) if wanted.seed is None else wanted.seed
with named(wanted.target) as target:
    print(f"{target.name}: {wanted.seconds:g} s from seed {first_seed}", flush=True)
    print(f"{spend(target, wanted.seconds, first_seed)} inputs, none that failed")
