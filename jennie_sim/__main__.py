"""`python -m jennie_sim`."""

from jennie_sim.main import main

if __name__ == "__main__":
    raise SystemExit(main())
