"""Every order in which the steps of a chord can happen, with everything that can go wrong between them.

Beside the steps themselves: a process is killed, a transaction rolls back, the lease of a claim runs out, a sweep
begins (beside other sweeps too), a statement is done and its reply is lost, so that it is done again. Each can come at
any moment; all but rolling back have a budget, without which there would be no end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from typing import NamedTuple, TypeAlias

from .model import END, Kind, Leaf, Protocol, Run, State, all_runs, change_counter, change_holders, change_leaf
from .promises import broken_now, broken_when_quiet
from .steps import LOCKING, STEPS

#: Statements that are done again when the connection is lost before the reply. That the broker gets a body twice when
#: its reply is lost is out of reach.
REPEATED = frozenset({"decrement", "grow", "recount", "renew", "delete"})
Move: TypeAlias = tuple[str, str]  # who, what


class Chord(NamedTuple):
    """A chord to search: its header, how it is applied, and how often what may go wrong."""

    parts: tuple[Kind, ...]
    #: How often the broker delivers the message of each part; once where the tuple is too short.
    deliveries: tuple[int, ...] = ()
    #: "apply", or "begin" for a publisher in a transaction. Two publishers apply the same group id, in any order.
    publishers: tuple[str, ...] = ("apply",)
    kills: int = 0
    lapses: int = 0
    lost_replies: int = 0
    sweeps: int = 0

    def initial(self, *, named: bool) -> State:
        """Return the state before anything happened; without names, what differs by them only is one."""
        deliveries = chain(self.deliveries, repeat(1))
        leaves = (
            Leaf(kind, deliveries=next(deliveries), name=chr(ord("A") + index) if named else "")
            for index, kind in enumerate(self.parts)
        )
        publishers = (
            Run(at, name=f"publisher {index + 1}" if named else "") for index, at in enumerate(self.publishers)
        )
        budgets = {name: getattr(self, name) for name in ("kills", "lapses", "lost_replies", "sweeps")}
        return canonical(State(tuple(leaves), tuple(publishers), **budgets))


class Search:
    """Walks through all states of a chord, nearest first."""

    def __init__(self, chord: Chord, protocol: Protocol, *, named: bool = False) -> None:
        self.chord = chord
        self.protocol = protocol
        start = chord.initial(named=named)
        #: How each state was reached first.
        self.origins: dict[State, tuple[State, Move] | None] = {start: None}
        self._queue = deque([start])

    def states(self) -> Iterator[State]:
        """Yield each state once."""
        while self._queue:
            state = self._queue.popleft()
            yield state
            for move, after in moves(state, self.protocol):
                if after not in self.origins:
                    self.origins[after] = (state, move)
                    self._queue.append(after)

    def broken(self, state: State) -> Iterator[str]:
        """Yield the promises that the state breaks."""
        if not is_quiet(state):
            return broken_now(state)
        undisturbed = (state.kills, state.lapses) == (self.chord.kills, self.chord.lapses)
        return broken_when_quiet(state, self.protocol, undisturbed=undisturbed)

    def story(self, state: State) -> list[str]:
        """Return a shortest way to the state, a line per move, with what it changed for all to see."""
        lines: list[str] = []
        while (origin := self.origins[state]) is not None:
            before, (who, what) = origin
            shown = "" if summary(state) == summary(before) else f" -> {summary(state)}"
            lines.append(f"{who}: {what}{shown}")
            state = before
        return lines[::-1]


def broken_promises(chord: Chord, protocol: Protocol) -> set[str]:
    """Return the promises that some state of the chord breaks."""
    search = Search(chord, protocol)
    return {promise for state in search.states() for promise in search.broken(state)}


def story(chord: Chord, protocol: Protocol, wanted: Callable[[Search, State], bool]) -> list[str]:
    """Return the shortest way to a wanted state, with the names of all processes; empty where there is none."""
    search = Search(chord, protocol, named=True)
    return next((search.story(state) for state in search.states() if wanted(search, state)), [])


def summary(state: State) -> str:
    """Return what there is to see of the chord from outside."""
    counter = state.counter
    shown = "no counter" if counter is None else f"count {counter.left}, claim {counter.claim}"
    return f"{shown}, bodies sent {state.published}"


def is_quiet(state: State) -> bool:
    """Return whether no process is left."""
    return not any(True for _ in all_runs(state))


def moves(state: State, protocol: Protocol) -> Iterator[tuple[Move, State]]:
    """Yield everything that can happen next."""
    for home, run, rest in _each_run(state):
        yield from _moves_of(run, rest, home, protocol)
    counter = state.counter
    if counter is None:
        return
    if state.lapses and counter.claim == "held":
        yield ("lease", "runs out"), _lapsed(state._replace(lapses=state.lapses - 1), protocol)
    if state.sweeps:
        name = f"sweep {state.sweeps}" if state.leaves[0].name else ""
        yield (name, "begin"), _placed(state._replace(sweeps=state.sweeps - 1), Run("recount", name=name), -1)


def _each_run(state: State) -> Iterator[tuple[int, Run, State]]:
    """Yield each process, one of those that are alike, with the index of its leaf and the state without it."""
    for run in dict.fromkeys(state.others):
        yield -1, run, state._replace(others=_without(state.others, run))
    for home, leaf in enumerate(state.leaves):
        if home and leaf == state.leaves[home - 1]:
            continue
        for run in dict.fromkeys(leaf.runs):
            yield home, run, change_leaf(state, home, runs=_without(leaf.runs, run))


def _without(runs: tuple[Run, ...], run: Run) -> tuple[Run, ...]:
    index = runs.index(run)
    return runs[:index] + runs[index + 1 :]


def _moves_of(run: Run, rest: State, home: int, protocol: Protocol) -> Iterator[tuple[Move, State]]:
    waits = rest.counter is not None and rest.counter.locked and run.at in LOCKING
    outcome = None if waits else STEPS[run.at](rest, run, home, protocol)
    if outcome is not None:
        after, changed = outcome
        yield (run.name, run.at), _placed(after, changed, home)
        if rest.lost_replies and run.at in REPEATED:
            after = after._replace(lost_replies=rest.lost_replies - 1)
            yield (run.name, f"{run.at}, reply lost"), _placed(after, changed._replace(at=run.at), home)
    if run.at == "commit":
        yield (run.name, "rolls back"), rest  # as it does when it is killed here
    elif rest.kills:
        yield (run.name, f"is killed before {run.at}"), _killed(run, rest, protocol)


def _killed(run: Run, rest: State, protocol: Protocol) -> State:
    """Return the state after the process was killed: its lock is free, its claim stays."""
    if rest.counter is not None:
        locked = rest.counter.locked and run.at != "settle"
        orphaned = rest.counter.orphaned or (run.hold != "" and run.at in protocol.following("publish"))
        rest = change_counter(rest, locked=locked, orphaned=orphaned)
    return canonical(rest._replace(kills=rest.kills - 1))


def _lapsed(state: State, protocol: Protocol) -> State:
    """Return the state after the lease of the claim has run out."""
    window = protocol.following("renew")

    def late(run: Run) -> Run:
        return run._replace(late=run.late or (run.hold == "own" and run.at in window))

    return canonical(change_holders(change_counter(state, claim="lapsed"), late))


def _placed(state: State, run: Run, home: int) -> State:
    """Return the state with the process in its place again, unless it has ended."""
    if run.at == END:
        return canonical(state)
    if home < 0:
        return canonical(state._replace(others=(*state.others, run)))
    return canonical(change_leaf(state, home, runs=(*state.leaves[home].runs, run)))


def canonical(state: State) -> State:
    """Return the one state that stands for all that differ only by the order of their tasks and processes."""
    leaves = (leaf._replace(runs=tuple(sorted(leaf.runs))) if len(leaf.runs) > 1 else leaf for leaf in state.leaves)
    return state._replace(leaves=tuple(sorted(leaves)), others=tuple(sorted(state.others)))
