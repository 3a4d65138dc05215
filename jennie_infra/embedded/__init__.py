"""Real servers as child processes: what a machine without Docker and without services needs.

Each module finds its program, writes a private configuration into a folder of mode 0700 and gives the argv. A process
supervisor runs the argv; tests and one-off commands use the context manager `running`.
"""

from jennie_infra.embedded.child import EmbeddedServerError

__all__ = ["EmbeddedServerError"]
