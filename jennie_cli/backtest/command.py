"""The command itself: progress on the terminal, the report on disk, a table at the end."""

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from jennie_cli.backtest import page, terminal
from jennie_cli.backtest.request import BacktestRequest
from jennie_cli.backtest.run import Outcome, run_backtest
from jennie_cli.backtest.texts import PHASES, Text


def backtest(request: BacktestRequest, console: Console, *, plain: bool = False) -> Outcome:
    """Run, write the page in one step, print the summary; raises UserError."""
    text = Text(request.language)
    with _Bar(console, text, plain=plain or not console.is_terminal) as bar:
        outcome = run_backtest(request, bar.tell)
        bar.tell("write", 0, 0)
        write(page.render(outcome), request.out)
    terminal.show(outcome, console)
    return outcome


def write(html: str, path: Path) -> None:
    """Put the page in place whole or not at all."""
    temporary = path.with_name(path.name + ".part")
    try:
        temporary.write_text(html, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


class _Bar:
    """Sessions done, time left; one line per phase where nobody watches."""

    def __init__(self, console: Console, text: Text, *, plain: bool) -> None:
        self._console, self._text, self._plain = console, text, plain
        self._phase = ""
        columns = (
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            TextColumn(text.of("남음", "left")), TimeRemainingColumn(),
        )  # fmt: skip
        self._progress = Progress(*columns, console=console, transient=True, disable=plain)
        self._task = self._progress.add_task("", total=None)

    def __enter__(self) -> "_Bar":
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def tell(self, phase: str, done: int, total: int) -> None:
        """A new phase, or progress within it."""
        name = self._text.of(*PHASES[phase])
        if phase != self._phase:
            self._phase = phase
            if self._plain:
                self._console.print(name, markup=False)
            self._progress.reset(self._task, description=name, total=total or None)
        self._progress.update(self._task, completed=done, total=total or None)
