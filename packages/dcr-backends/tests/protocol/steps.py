"""The steps of the processes that work on a chord.

One step is what the database or the broker does at once: a statement of its own, or a transaction that begins by
taking the lock of the counter's row. A process is known by the step that it takes next; between two steps anything may
happen to it and around it (see ``search``). Each function gets the state without that process, the process, and the
index of the leaf that it runs (-1 for publishers and sweeps); None says that it has to wait for another process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from .model import (
    END,
    Counter,
    Leaf,
    Protocol,
    Run,
    State,
    all_runs,
    change_counter,
    change_holders,
    change_leaf,
    unready,
)

Outcome: TypeAlias = tuple[State, Run] | None
Step: TypeAlias = Callable[[State, Run, int, Protocol], Outcome]


# What a publisher does


def apply(state: State, run: Run, home: int, protocol: Protocol) -> Outcome:
    """Insert the counter unless there is one, and send the header. An uncommitted one makes it wait."""
    if _uncommitted(state):
        return None
    return _send_header(_created(state, protocol), run, protocol), run._replace(at=END)


def begin(state: State, run: Run, home: int, protocol: Protocol) -> Outcome:
    """Do the same in a transaction that stays open."""
    if _uncommitted(state):
        return None
    inserts = state.counter is None or not protocol.keep_live_counter
    return _send_header(state, run, protocol), run._replace(at="commit", noted=int(inserts))


def commit(state: State, run: Run, home: int, protocol: Protocol) -> Outcome:
    """Commit, then recount: parts that returned before could not see the counter."""
    if run.noted:
        state = _created(state, protocol)
    return state, run._replace(at="recount" if protocol.recount_on_commit else END, noted=0)


def _uncommitted(state: State) -> bool:
    return any(run.at == "commit" and run.noted for run in state.others)


def _created(state: State, protocol: Protocol) -> State:
    if state.counter is not None and protocol.keep_live_counter:
        return state
    new = state.counter is None
    leaves = tuple(
        leaf._replace(
            listed=leaf.kind != "grown", owes=leaf.owes or new, row="none" if leaf.row == "gone" else leaf.row
        )
        for leaf in state.leaves
    )
    counter = Counter(left=sum(leaf.listed for leaf in leaves))
    return state._replace(leaves=leaves, counter=counter, counters=state.counters + new)


def _send_header(state: State, publisher: Run, protocol: Protocol) -> State:
    by = publisher.name and f" of {publisher.name}"
    leaves = (leaf if leaf.kind == "grown" else _sent(leaf, by, protocol) for leaf in state.leaves)
    return state._replace(leaves=tuple(leaves))


def _sent(leaf: Leaf, by: str, protocol: Protocol) -> Leaf:
    at = protocol.first_step(leaf.kind)
    deliveries = (Run(at, name=by and f"{leaf.name}{n + 1}{by}") for n in range(leaf.deliveries))
    return leaf._replace(runs=(*leaf.runs, *deliveries))


# What a part does


def start(state: State, run: Run, home: int, protocol: Protocol) -> Outcome:
    """Report STARTED, which replaces a FAILURE of an earlier run."""
    if state.leaves[home].row == "ready":
        state = change_leaf(state, home, row="restarted", owes=True)
    return state, run._replace(at="store")


def store(state: State, run: Run, home: int, protocol: Protocol) -> Outcome:
    """Store state and value: Celery does it, or the backend for a part that Celery stores nothing for."""
    following = {0: "decrement", 1: "recount"}.get(run.noted, END)  # not counted yet; counted as the last; as another
    return change_leaf(state, home, row="ready"), run._replace(at=following, noted=0)


def decrement(state: State, run: Run, home: int, protocol: Protocol) -> Outcome:
    """Take one off, never below zero, and read it back."""
    leaf, counter = state.leaves[home], state.counter
    unstored = leaf.row == "none" and protocol.first_step(leaf.kind) == "decrement"
    row = "returned" if unstored else leaf.row
    left = 1
    if counter is None:
        state = change_leaf(state, home, row=row)
    else:
        left = max(counter.left - 1, 0) if protocol.clamp else counter.left - 1
        state = change_leaf(state, home, row=row, owes=leaf.owes and row != "ready")
        state = change_counter(state, left=left)
    if leaf.kind == "kept" and protocol.unstored[-1] == "store":
        return state, run._replace(at="store", noted=2 if left > 0 else 1)
    return state, run._replace(at=END if left > 0 else "recount")


def grow(state: State, run: Run, home: int, protocol: Protocol) -> Outcome:
    """Under the counter's lock list a new task and count it.

    Fail where there is no counter or it is claimed: such a part sends nothing and returns as failed.
    """
    counter, again = state.counter, run.noted
    following = protocol.following("grow")[0]
    run = run._replace(at=following, noted=int(following == "send"))
    if again and protocol.grow_once:
        return state, run
    if counter is None or (counter.claim != "free" and protocol.claim_closes):
        return state, run._replace(at="store", noted=0)
    state = change_counter(state, left=counter.left + 1)
    if again:
        return state, run
    if protocol.growth[0] == "send":
        sent = next(i for i, leaf in enumerate(state.leaves) if leaf.kind == "grown" and not leaf.listed)
        return change_leaf(state, sent, listed=True), run
    return state._replace(leaves=(*state.leaves, Leaf("grown", listed=True, name=run.name and "X"))), run


def peek(state: State, run: Run, home: int, protocol: Protocol) -> Outcome:
    """Read the list of tasks without the lock."""
    return state, run._replace(at="append", noted=len(_grown_listed(state)))


def append(state: State, run: Run, home: int, protocol: Protocol) -> Outcome:
    """Write the list back as it was read and one more, over what another has added meanwhile."""
    for overwritten in _grown_listed(state)[run.noted :]:
        state = change_leaf(state, overwritten, listed=False)
    return grow(state, run._replace(noted=0), home, protocol._replace(growth=("grow", "send")))


def send(state: State, run: Run, home: int, protocol: Protocol) -> Outcome:
    """Send the new task."""
    delivery = Run("store", name=run.name and f"X of {run.name}")
    if protocol.growth[0] == "send":
        leaf = Leaf("grown", runs=(delivery,), name=run.name and "X")
        return state._replace(leaves=(*state.leaves, leaf)), run._replace(at="grow")
    # Those with neither a row nor a run are all alike, so any of them will do.
    unsent = (leaf.kind == "grown" and leaf.row == "none" and not leaf.runs for leaf in state.leaves)
    return change_leaf(state, list(unsent).index(True), runs=(delivery,)), run._replace(at="store", noted=0)


def _grown_listed(state: State) -> list[int]:
    return [i for i, leaf in enumerate(state.leaves) if leaf.kind == "grown" and leaf.listed]


# What anybody does who finds the count at zero; sweeps begin here


def recount(state: State, run: Run, home: int, protocol: Protocol) -> Outcome:
    """Lock the counter, ask the rows how many listed tasks are not ready, and act on the answer."""
    if state.counter is None:
        return state, run._replace(at=END)
    run = run._replace(noted=_unready(state, protocol))
    if protocol.recount == "atomic":
        return settle(state, run, home, protocol)
    return change_counter(state, locked=protocol.recount == "locked"), run._replace(at="settle")


def settle(state: State, run: Run, home: int, protocol: Protocol) -> Outcome:
    """Some are not ready: set count to that number. None: claim, unless another has a claim that has not lapsed."""
    counter, missing = state.counter, run.noted
    run = run._replace(noted=0)
    if counter is None:
        return state, run._replace(at=END)
    own = run.hold == "own" and protocol.know_own_claim
    if missing:
        claim = "free" if own and protocol.give_back else counter.claim
        left = missing if protocol.correct_count else counter.left
        return change_counter(state, left=left, locked=False, claim=claim), run._replace(at=END)
    if not (own or counter.claim == "free" or counter.claim in protocol.taken_over):
        return change_counter(state, locked=False), run._replace(at=END)
    if protocol.new_token:
        state = change_holders(state, lambda other: other._replace(hold="lost"))
    return change_counter(state, left=0, locked=False, claim="held"), run._replace(at=protocol.finish[0], hold="own")


def join(state: State, run: Run, home: int, protocol: Protocol) -> Outcome:
    """Read the results; recount where a row is not ready any more.

    Either a redelivered run hides it, or it went with the counter, which an earlier claimer has deleted.
    """
    noted = _unready(state, protocol)
    if noted and protocol.go_back:
        return state, run._replace(at="recount")
    return state, run._replace(at=protocol.following("join")[0], noted=noted)


def renew(state: State, run: Run, home: int, protocol: Protocol) -> Outcome:
    """Make the lease run anew where the counter has the own token; otherwise leave the chord to others."""
    following = protocol.following("renew")[0]
    if run.hold != "own" or state.counter is None:
        return state, run._replace(at=END if protocol.check_renewal else following)
    window = state.counter.orphaned or any(other.hold and other.late for other in all_runs(state))
    state = change_counter(state, claim="held")._replace(windows=state.windows + window)
    return state, run._replace(at=following, late=False)


def publish(state: State, run: Run, home: int, protocol: Protocol) -> Outcome:
    """Send the body."""
    early = run.noted > 0
    if run.hold:  # the counter that it claimed is still there
        early = early or any(leaf.listed and leaf.row == "none" for leaf in state.leaves)
        state = change_counter(state, served=True)
    state = state._replace(published=state.published + 1, early=state.early or early)
    return state, run._replace(at=protocol.following("publish")[0], noted=0)


def tidy(state: State, run: Run, home: int, protocol: Protocol) -> Outcome:
    """Delete the rows that were kept for the chord only."""
    return _without_kept_rows(state), run._replace(at=protocol.following("tidy")[0])


def delete(state: State, run: Run, home: int, protocol: Protocol) -> Outcome:
    """Delete the counter and, only where there was one to delete, the rows that were kept for it."""
    run = run._replace(at=protocol.following("delete")[0])
    may = {"row": run.hold != "", "token": run.hold == "own", "group": True}[protocol.delete]
    if state.counter is None or not may:
        return state, run
    dropped = state.dropped or not state.counter.served
    state = _without_kept_rows(state)._replace(counter=None, dropped=dropped)
    return change_holders(state, lambda other: other._replace(hold="")), run._replace(hold="")


def _unready(state: State, protocol: Protocol) -> int:
    return unready(state) if protocol.ask_rows else 0


def _without_kept_rows(state: State) -> State:
    return state._replace(
        leaves=tuple(
            leaf._replace(row="gone") if leaf.kind == "kept" and leaf.row == "ready" else leaf for leaf in state.leaves
        )
    )


STEPS: dict[str, Step] = {
    step.__name__: step
    for step in (
        *(apply, begin, commit),
        *(start, store, decrement, grow, peek, append, send),
        *(recount, settle, join, renew, publish, tidy, delete),
    )
}
#: Steps that wait while another process has the lock of the counter's row.
LOCKING = frozenset({"decrement", "grow", "append", "recount", "renew", "delete"})
