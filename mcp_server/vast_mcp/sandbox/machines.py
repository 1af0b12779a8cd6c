"""The insides of a world's machines: made when somebody first enters, gone with the rental."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from .instances import Instance

if TYPE_CHECKING:
    from .machine.machine import Machine


class Machines:
    """Machines by the id of their rental; what happens to one happens where its guests are served,
    which is what `do` is for.
    """

    def __init__(
        self, do: Callable[[Callable[[], object]], None], clock: Callable[[], float]
    ) -> None:
        self._do, self._clock = do, clock
        self.insides: dict[int, Machine] = {}  # of those that somebody entered
        self._lies: dict[int, tuple[str, ...]] = {}

    def inside(self, instance: Instance, lies: Iterable[str]) -> "Machine":
        """Enter a machine; `lies` are what all machines of this world tell."""
        from .machine.hardware import promised
        from .machine.machine import Machine

        if instance.id not in self.insides:
            hardware = promised(instance.offer, instance.launch.disk)
            given = {name: text for name, text in instance.launch.env.items() if name[0] != "-"}
            environment = given | {"CONTAINER_ID": str(instance.id)}
            made = Machine(instance.id, hardware, environment, self._clock)
            made.lie(self._lies.get(instance.id, tuple(lies)))
            self.insides[instance.id] = made
            _guard(made, instance)
        return self.insides[instance.id]

    def lie(self, instance_id: int, names: Iterable[str]) -> None:
        """Let a machine tell these lies from now on; ValueError for one that is none."""
        from .machine.lies import check

        told = self._lies[instance_id] = check(names)
        made = self.insides.get(instance_id)
        if made is not None:
            self._do(lambda: made.lie(told))

    def guard(self, instance: Instance) -> None:
        """Put into a machine what its watchdog has come to."""
        made = self.insides.get(instance.id)
        if made is not None:
            self._do(lambda: _guard(made, instance))

    def told(self, instance_id: int) -> float:
        """Read the end that stands in the file of a machine's watchdog; 0 where none does."""
        from .machine.guarded import written

        made = self.insides.get(instance_id)
        return 0.0 if made is None else written(made)

    def halt(self, instance_id: int) -> None:
        """End what runs in a machine; its disk stays."""
        made = self.insides.get(instance_id)
        if made is not None:
            self._do(made.halt)

    def empty(self, instance_id: int) -> None:
        """Make a machine anew, with an empty disk."""
        made = self.insides.get(instance_id)
        if made is not None:
            self._do(made.empty)

    def forget(self, instance_id: int) -> None:
        """End a machine for good."""
        self.halt(instance_id)
        self.insides.pop(instance_id, None)
        self._lies.pop(instance_id, None)

    def forget_all(self) -> None:
        """End every machine."""
        for instance_id in [*self.insides, *self._lies]:
            self.forget(instance_id)


def _guard(made: "Machine", instance: Instance) -> None:
    from .machine.guarded import guard

    if instance.watchdog is not None:
        guard(made, instance.watchdog.log, instance.watchdog.later)
