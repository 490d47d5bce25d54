"""One database: all contestants side by side, row by row, in rounds; then the same once more for counting."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from . import servers
from .lineup import Contestant
from .process import ContestantError, ContestantProcess, NoAnswerError
from .proxy import counting_proxy
from .results import Cell, Results
from .rows import Row
from .wire import Tally

#: Operations that warm a contestant up before the first round of a row that has many.
WARM_UP = 20

#: Seconds of a row after which ``--quick`` starts no further round.
QUICK_SECONDS = 2


@dataclass(frozen=True)
class Plan:
    """What a run was asked for."""

    rows: tuple[Row, ...]
    quick: bool
    #: Takes a line about where the run is.
    say: Callable[[str], None]


def measure(database: str, contestants: Sequence[Contestant], plan: Plan) -> Results:
    """Measure all rows of the plan on one database.

    Raises ContestantError where a contestant cannot even start; what it cannot do is in its cells.
    """
    rows = [row for row in plan.rows if row.is_for(database, quick=plan.quick)]
    results = Results(database, servers.TITLES[database], {each.name: each.title for each in contestants})
    with ExitStack() as stack:
        heat = Heat(results, contestants, plan, stack)
        for row in rows:
            plan.say(f"{database}: {row.title}")
            heat.time(row)
        plan.say(f"{database}: counting statements")
        counted = [row for row in rows if row.counted]
        with ThreadPoolExecutor() as pool:  # at the same time: counts do not depend on it
            playing = [each for each in contestants if not (plan.quick and each.is_celerys)]
            list(pool.map(lambda contestant: heat.count(counted, contestant), playing))
    return results


class Heat:
    """The processes of all contestants on one database."""

    def __init__(self, results: Results, contestants: Sequence[Contestant], plan: Plan, stack: ExitStack) -> None:
        """Start them all; they end when ``stack`` is left. What they do goes into ``results``."""
        self.results = results
        self.contestants = contestants
        self.plan = plan
        self.stack = stack
        self.logs = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=servers.PREFIX)))
        self.specifications = {each.name: each.specification(results.database, stack) for each in contestants}
        self.processes: dict[str, ContestantProcess] = {}
        for contestant in contestants:
            self._start(contestant)
        for contestant in contestants:  # they have got ready at the same time
            self.processes[contestant.name].receive()
            results.versions[contestant.name] = self.processes[contestant.name].ask("versions")

    def time(self, row: Row) -> None:
        """Measure a row: in every round each contestant once, another one first each time."""
        quick = self.plan.quick
        operations = row.quick if quick else row.operations
        rounds = min(row.rounds, row.quick_rounds) if quick else row.rounds
        racers = [contestant for contestant in self.contestants if self._takes_part(contestant, row)]
        if operations > WARM_UP:
            for contestant in racers:
                self._play(row, contestant, WARM_UP)
        started = time.monotonic()
        for turn in range(rounds):
            if quick and turn and time.monotonic() - started > QUICK_SECONDS:
                break
            first = turn % max(len(racers), 1)
            for contestant in racers[first:] + racers[:first]:
                if answer := self._play(row, contestant, operations):
                    self._cell(row, contestant).add(answer, operations)

    def count(self, rows: list[Row], contestant: Contestant) -> None:
        """Count the statements and bytes of one contestant, whose connections go through a proxy from now on."""
        with ExitStack() as stack:
            proxy = counts = None
            if server := self._server(contestant):
                proxy = stack.enter_context(counting_proxy(*server))
            for row in rows:
                if not self._takes_part(contestant, row):
                    continue
                process = self.processes[contestant.name]
                if counts is not process:  # the first row, or a new process after a row that failed
                    process.ask("count", port=proxy.port if proxy else None)
                    counts = process
                answer = self._play(row, contestant, row.counted, proxy.tally if proxy else None)
                if answer:
                    cell = self._cell(row, contestant)
                    cell.statements = {word: n / row.counted for word, n in sorted(answer["statements"].items())}
                    cell.bytes = answer["bytes"] / row.counted if "bytes" in answer else None

    def _play(
        self, row: Row, contestant: Contestant, operations: int, tally: Tally | None = None
    ) -> dict[str, Any] | None:
        """Let a contestant play a row once, with the counts of ``tally``; None where it cannot: its cell says why."""
        cell = self._cell(row, contestant)
        if cell.error:
            return None
        process = self.processes[contestant.name]
        name, parameters = row.scenario or row.name, row.arguments(quick=self.plan.quick)
        try:
            process.ask("arrange", scenario=name, operations=operations, parameters=parameters)
            if tally:
                tally.reset()
            answer = process.ask("run")
            if tally:
                answer.update(statements=dict(tally.statements), bytes=tally.bytes)
            return {**answer, **process.ask("finish")}
        except ContestantError as error:
            cell.error = str(error)
            self.plan.say(f"{self.results.database}: {row.name}: {contestant.title}: {error}")
            if isinstance(error, NoAnswerError):
                process.close()
                self._start(contestant)
                self.processes[contestant.name].receive()
            return None

    def _start(self, contestant: Contestant) -> None:
        """Start the process of a contestant; it gets ready by itself."""
        process = ContestantProcess(
            contestant.python(), self.specifications[contestant.name], self.logs / f"{contestant.name}.log"
        )
        self.stack.callback(process.close)
        self.processes[contestant.name] = process

    def _takes_part(self, contestant: Contestant, row: Row) -> bool:
        """Return whether a contestant plays a row in this run."""
        return contestant.name in row.contestants and not (self.plan.quick and contestant.name in row.slow)

    def _cell(self, row: Row, contestant: Contestant) -> Cell:
        return self.results.cells.setdefault(row.name, {}).setdefault(contestant.name, Cell())

    def _server(self, contestant: Contestant) -> tuple[str, tuple[str, int]] | None:
        """Return protocol, and host and port, of what a contestant stores to; None where it is a file."""
        if contestant.protocol == "redis":
            url = urlsplit(servers.REDIS_URL)
            return "redis", (url.hostname or "127.0.0.1", url.port or 6379)
        address = servers.address(self.results.database)
        return None if address is None else (servers.vendor_of(self.results.database), address)
