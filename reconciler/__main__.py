"""`python -m reconciler` is `reconcile`."""

from reconciler.cli.main import run

if __name__ == "__main__":
    run()
