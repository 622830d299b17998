"""What omero-py knows of OMERO's types: their members, hierarchy and relations.

IcePy keeps the members of a Slice class to itself, so they are read from the text of the modules
that slice2py generated (`omero_model_*_ice.py`); what may be null comes from `_field_info` of the
implementation classes (`omero.model.ImageI`), what is ordered from their `getPrimary...` methods.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import omero
import omero.all

Kind = Literal["scalar", "quantity", "named_values", "strings", "bytes", "reference", "collection"]

_CLASS = re.compile(
    r"IcePy\.defineClass\('::omero::model::(\w+)', \w+, -1, \(\), \w+, \w+, ([\w.]+), \(\), "
    r"\((.*?)\n?\s*\)\)\n",
    re.S,
)
_MEMBER = re.compile(r"\('_(\w+)', \(\), ([\w.]+), ")
_SEQUENCE = re.compile(
    r"_M_omero\.model\.(_t_\w+Seq) = "
    r"IcePy\.defineSequence\('[^']*', \(\), _M_omero\.model\._t_(\w+)\)"
)
_QUANTITIES = (
    "ElectricPotential",
    "Frequency",
    "Length",
    "Power",
    "Pressure",
    "Temperature",
    "Time",
)
_NOT_STORED = ("IObject", "Details", "Permissions", "NamedValue", *_QUANTITIES)


@dataclass(frozen=True, slots=True)
class Member:
    """One field of a type.

    `target` is the rtype of a scalar ("RInt"), the class of a quantity ("Length"), the type that a
    reference points to or that a collection holds; "" otherwise. `inverse` is the reference by
    which the elements of a collection point back. `required` fields refuse null.
    """

    name: str
    kind: Kind
    target: str = ""
    required: bool = False
    ordered: bool = False
    inverse: str = ""


@dataclass(frozen=True)
class Type:
    """One type of OMERO's model. `root` is the ancestor that it shares its ids with.

    `is_global`: belongs to no one (no owner, no group). `is_mutable`: can be changed once saved.
    """

    name: str
    base: str
    root: str
    members: dict[str, Member]
    is_abstract: bool
    is_global: bool
    is_mutable: bool
    is_link: bool

    @property
    def is_enumeration(self) -> bool:
        return self.is_global and not self.is_mutable and "value" in self.members

    @cached_property
    def java_name(self) -> str:
        """How OMERO's messages and event logs name it: "ome.model.core.Image"."""
        heir = type_of(self.concrete[0]).implementation.DETAILS.removesuffix("_details")
        return f"{heir.rsplit('.', 1)[0]}.{self.name}"

    @cached_property
    def positions(self) -> frozenset[str]:
        """References by which objects of this type have a place in an ordered collection."""
        return frozenset(
            m.inverse
            for t in all_types().values()
            for m in t.collections
            if m.ordered and m.target in lineage(self.name)
        )

    @property
    def implementation(self) -> Any:
        """The class to instantiate: omero.model.ImageI. Raises for an abstract type."""
        return getattr(omero.model, self.name + "I")

    @cached_property
    def references(self) -> tuple[Member, ...]:
        return tuple(m for m in self.members.values() if m.kind == "reference")

    @cached_property
    def collections(self) -> tuple[Member, ...]:
        return tuple(m for m in self.members.values() if m.kind == "collection")

    @cached_property
    def concrete(self) -> tuple[str, ...]:
        """Names of the types that an object found under this type can have."""
        return tuple(
            t.name
            for t in all_types().values()
            if self.name in lineage(t.name) and not t.is_abstract
        )

    def __hash__(self) -> int:
        return hash(self.name)


def type_of(named: Any) -> Type:
    """The type of that name or of that object: "Image", "ImageI", "ome.model.core.Image",
    "::omero::model::Image", an instance. KeyError when there is none.
    """
    return _type_named(named if isinstance(named, str) else type(named).__name__)


@cache
def _type_named(name: str) -> Type:
    short = re.split(r"[.:]", name)[-1]
    types = all_types()
    return types[short] if short in types else types[short.removesuffix("I")]


@cache
def lineage(name: str) -> tuple[str, ...]:
    """A type's name and its ancestors', nearest first, without IObject."""
    declared = _declarations()
    names = []
    while name != "IObject":
        names.append(name)
        name = declared[name][0]
    return tuple(names)


@cache
def all_types() -> dict[str, Type]:
    """Every type whose objects can be stored, by name."""
    return {name: _build(name) for name in _declarations() if name not in _NOT_STORED}


def _build(name: str) -> Type:
    implementation = getattr(omero.model, name + "I", None)
    # An abstract type has no implementation: any of its heirs says whether it is global.
    witness = implementation or next(
        getattr(omero.model, heir + "I")
        for heir in _declarations()
        if heir not in _NOT_STORED and name in lineage(heir) and hasattr(omero.model, heir + "I")
    )
    return Type(
        name=name,
        base=_declarations()[name][0],
        root=lineage(name)[-1],
        members=_members(name, witness),
        is_abstract=implementation is None,
        # These say the same of every instance; making one of a deprecated type would warn.
        is_global=witness.isGlobal(None),
        is_mutable=witness.isMutable(None),
        is_link=witness.isLink(None),
    )


def _members(name: str, implementation: Any) -> dict[str, Member]:
    members = {}
    for ancestor in reversed(lineage(name)):
        for field, slice_type in _declarations()[ancestor][1]:
            member = _member(ancestor, field, slice_type, implementation)
            if member:
                members[member.name] = member
    return members


def _member(owner: str, field: str, slice_type: str, implementation: Any) -> Member | None:
    target = slice_type.rsplit("_t_", 1)[-1]
    required = not getattr(implementation._field_info, field, _NULLABLE).nullable
    if field == "version" or target in ("bool", "CountMap"):
        return None
    if target in ("RInt", "RLong", "RBool", "RDouble", "RFloat", "RString", "RTime"):
        return Member(field, "scalar", target, required)
    if target in _QUANTITIES:
        return Member(field, "quantity", target, required)
    if target == "NamedValueList":
        return Member(field, "named_values", required=required)
    if target == "StringArray":
        return Member(field, "strings", required=required)
    if target == "ByteSeq":
        return Member(field, "bytes", required=required)
    if target.endswith("Seq") and "_t_" + target in _sequences():
        element = _sequences()["_t_" + target]
        ordered = hasattr(implementation, "getPrimary" + element)
        return Member(
            field.removesuffix("Seq"),
            "collection",
            element,
            ordered=ordered,
            inverse=_inverse(owner, element),
        )
    return Member(field, "reference", target, required)


def _inverse(owner: str, element: str) -> str:
    """The field of `element` that points to `owner`; `parent` where a link joins like to like."""
    for ancestor in lineage(element):
        for field, slice_type in _declarations()[ancestor][1]:
            if slice_type.rsplit("_t_", 1)[-1] == owner:
                return field
    raise TypeError(f"{element} has no reference to {owner}")


class _Nullable:
    nullable = True


_NULLABLE = _Nullable()


@cache
def _declarations() -> dict[str, tuple[str, tuple[tuple[str, str], ...]]]:
    """name -> (name of the base, ((field, Slice type), ...)), as slice2py wrote them down."""
    found = {}
    for text in _generated_sources():
        for name, base, members in _CLASS.findall(text):
            found[name] = (base.rsplit("_t_", 1)[-1], tuple(_MEMBER.findall(members)))
    return found


@cache
def _sequences() -> dict[str, str]:
    return {
        sequence: element
        for text in _generated_sources()
        for sequence, element in _SEQUENCE.findall(text)
    }


@cache
def _generated_sources() -> tuple[str, ...]:
    generated = find_spec("omero_model_IObject_ice")
    if generated is None or generated.origin is None:
        raise ImportError("omero-py is installed without its generated modules (omero_model_*)")
    folder = Path(generated.origin).parent
    return tuple(path.read_text("utf-8") for path in sorted(folder.glob("omero_model_*_ice.py")))
