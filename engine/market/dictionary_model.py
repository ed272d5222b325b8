"""What a FIX dictionary is made of: fields, groups, messages. Only values; others read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

MAX_TAG = 2**31 - 1
MAX_GROUP_DEPTH = 16  # RL_FIX_DICT_DEPTH

# enum rl_fix_type
_ANY, _CHAR, _BOOLEAN, _INT, _UINT, _FLOAT, _TIMESTAMP, _TIME, _DATE = range(9)
_LOCAL_DATE, _MONTH, _DAY, _TZ_TIME, _TZ_TIMESTAMP, _LOCAL_TIME = range(9, 15)
_MULTIPLE, _DATA = 1, 2  # RL_FIX_FIELD_*

# How C checks a type of the XML: enum rl_fix_type and RL_FIX_FIELD_*.
TYPES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        **dict.fromkeys(("STRING", "CURRENCY", "EXCHANGE", "COUNTRY", "LANGUAGE"), (_ANY, 0)),
        **dict.fromkeys(("XID", "XIDREF", "TENOR", "PATTERN"), (_ANY, 0)),
        **dict.fromkeys(("RESERVED100PLUS", "RESERVED1000PLUS", "RESERVED4000PLUS"), (_ANY, 0)),
        **dict.fromkeys(("DATA", "XMLDATA"), (_ANY, _DATA)),
        **dict.fromkeys(
            ("MULTIPLEVALUESTRING", "MULTIPLESTRINGVALUE", "MULTIPLECHARVALUE"), (_ANY, _MULTIPLE)
        ),
        **dict.fromkeys(("INT", "LENGTH", "NUMINGROUP", "TAGNUM"), (_INT, 0)),
        **dict.fromkeys(("FLOAT", "PRICE", "QTY", "AMT", "PRICEOFFSET", "PERCENTAGE"), (_FLOAT, 0)),
        **dict.fromkeys(("UTCTIMESTAMP", "TIME"), (_TIMESTAMP, 0)),
        **dict.fromkeys(("UTCDATEONLY", "UTCDATE"), (_DATE, 0)),
        **dict.fromkeys(("LOCALMKTDATE", "DATE"), (_LOCAL_DATE, 0)),
        "CHAR": (_CHAR, 0),
        "BOOLEAN": (_BOOLEAN, 0),
        "SEQNUM": (_UINT, 0),
        "UTCTIMEONLY": (_TIME, 0),
        "MONTHYEAR": (_MONTH, 0),
        "DAYOFMONTH": (_DAY, 0),
        "TZTIMEONLY": (_TZ_TIME, 0),
        "TZTIMESTAMP": (_TZ_TIMESTAMP, 0),
        "LOCALMKTTIME": (_LOCAL_TIME, 0),
    }
)


@dataclass(frozen=True, slots=True)
class Field:
    """A tag: its name, its type (CHAR before FIX 4.2 is STRING), its values (enum -> description).

    Without values any value of the type will do.
    """

    tag: int
    name: str
    type: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Member:
    """A field in a message or in a group; `group` is what it counts."""

    field: Field
    required: bool
    group: Group | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """What an entry may hold, in its order; the first member begins each entry.

    `depth` is how many groups are inside each other, this one included.
    """

    members: tuple[Member, ...]
    depth: int

    @property
    def delimiter(self) -> Field:
        return self.members[0].field


@dataclass(frozen=True, slots=True)
class Message:
    """A message type; `members` are those of its body, components resolved."""

    type: str
    name: str
    is_admin: bool
    members: tuple[Member, ...]


def unique(members: Sequence[Member]) -> tuple[Member, ...]:
    """Each tag once, where it comes first: components overlap. Required if it is anywhere."""
    found: dict[int, Member] = {}
    for member in members:
        first = found.setdefault(member.field.tag, member)
        if member.required and not first.required:
            found[member.field.tag] = replace(first, required=True)
    return tuple(found.values())
