"""The configuration of a cell as data; :mod:`sirenbench.names` makes it from a name and checks it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from sirenbench.errors import Mistake, UserError
from sirenbench.options import Option, Track, Value

_PARTS = ("task", "image", "size", "factor", "arm", "depth", "width")


class SpecError(UserError):
    """A configuration or a cell name that means nothing; ``key`` tells which part is wrong."""

    def __init__(self, key: str, message: str) -> None:
        self.key = key
        self.message = message
        super().__init__(f"{key}: {message}" if key else message)

    def at(self, where: str, prefix: str = "") -> Mistake:
        """The same mistake, with the file and the key in it."""
        return Mistake(where, ".".join(filter(None, (prefix, self.key))), self.message)


@dataclass(frozen=True)
class CellSpec:
    """One configuration. Make it by :func:`sirenbench.names.make_spec` or ``parse_name``, which check it.

    Attributes
    ----------
    factor
        Only for tasks that have one (``sr``), else None.
    arm
        A baseline, or a network with its encoding and its loss: ``bicubic``, ``siren``, ``siren+pe+vgg``.
    depth, width
        None for baselines.
    encoding, loss
        None where the arm names none: raw coordinates, mean squared error.
    options
        Every option that applies, in the canonical order, defaults filled in.
    """

    task: str
    image: str
    size: int
    factor: int | None
    arm: str
    depth: int | None
    width: int | None
    encoding: str | None
    loss: str | None
    options: tuple[tuple[Option, Value], ...]

    def __getitem__(self, option: str) -> Value:
        return self.values[option]

    def __contains__(self, option: object) -> bool:
        return option in self.values

    @cached_property
    def values(self) -> dict[str, Value]:
        """Option name -> value."""
        return {option.name: value for option, value in self.options}

    @property
    def is_baseline(self) -> bool:
        return self.depth is None

    @property
    def network(self) -> str:
        """The arm without its encoding and its loss."""
        return self.arm.partition("+")[0]

    @property
    def shape(self) -> str:
        """``3x512``, or nothing for a baseline."""
        return "" if self.is_baseline else f"{self.depth}x{self.width}"

    @property
    def data(self) -> str:
        """The image as it stands in the name: ``cameraman-512-x8``."""
        return f"{self.image}-{self.size}" + (f"-x{self.factor}" if self.factor else "")

    @cached_property
    def name(self) -> str:
        """The cell's name: the target that makes it, and its folder."""
        arm = self.arm if self.is_baseline else f"{self.arm}-{self.shape}"
        switches = [f"{option.name}={option.text(value)}" for option, value in self.options if value != option.default]
        return "/".join([self.task, self.data, arm, *switches])

    @property
    def track(self) -> Track:
        """The track of the cell by itself."""
        return self.track_in("as-run")

    def track_in(self, wanted: Track) -> Track:
        """The track of the cell in a study of the track ``wanted``.

        A cell whose options say nothing of it follows the paper's text and its authors' code alike. One that mixes
        what belongs to the one with what belongs to the other follows neither, and a study of ours stays together.
        """
        named = {track for option, value in self.options if (track := option.track_of(value))}
        if len(named) > 1 or wanted == "improved":
            return "improved"
        return next(iter(named), wanted)

    def as_dict(self) -> dict[str, Value]:
        """Every part and option, for records and tables (no entry for what does not apply)."""
        parts = {key: getattr(self, key) for key in _PARTS}
        return {key: value for key, value in parts.items() if value is not None} | self.values
