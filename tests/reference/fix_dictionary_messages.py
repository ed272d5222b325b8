"""Seeded messages that a dictionary allows, and seeded damage to them."""

from __future__ import annotations

from random import Random

from reference.fix_dictionary import Level, Reference, Types

SOH = b"\x01"
Fields = list[tuple[int, bytes]]

DAMAGE = (
    "drop",
    "twice",
    "again",
    "swap",
    "move",
    "value",
    "other value",
    "tag",
    "insert",
    "count",
    "type",
    "stray",
)

VALUES = (
    *(b"x", b"-1", b"+1", b"0", b"00", b"1.", b".5", b"-.5", b"-", b".", b"1.2.3", b"1e5", b" 1"),
    *(b"Y", b"y", b"A B", b"A  B", b" ", b"1 2", b"99999999999999999999", b"-007", b"1234567890"),
    *(b"20240229", b"20230229", b"20241301", b"00000101", b"202402", b"202413", b"202402w5"),
    *(b"202402w6", b"31", b"32", b"0", b"12:00:60", b"24:00:00", b"23:59:59.123456789"),
    *(b"12:30Z", b"12:30+05:30", b"12:30:00-14", b"12:30+15", b"20240229-12:00:00Z"),
    *(b"20240229-12:00:00", b"20240230-12:00:00.000", b"20240131-23:59:60.123456"),
    *(b"20240131-23:59:61", b"20240131 23:59:59", b"20240131-23:59:59.", b"20240100-00:00:00"),
    *(b"20240131-23:59:59.1234567890", b"20240131-2a:59:59", b"\xff", b"\x00", b"A" * 40),
)


def value_of(random: Random, tag: int, types: Types) -> bytes:
    """Something that the type allows."""
    kind, values = types.get(tag, ("STRING", set()))
    if values:
        listed = sorted(values)
        if kind.startswith("MULTIPLE") and random.random() < 0.5:
            return b" ".join(random.choices(listed, k=2))
        return random.choice(listed)
    number = str(random.choice((1, 7, 42, 100, 12345, 99999999, 123456789012))).encode()
    decimals = random.choice((b"", b".5", b".25", b".0001", b".123456789"))
    stamp = b"%04d%02d%02d" % (random.randint(1970, 2099), random.randint(1, 12), 28)
    clock = b"%02d:%02d:%02d" % (random.randrange(24), random.randrange(60), random.randrange(60))
    clock += random.choice((b"", b".123", b".123456", b".123456789"))
    match kind:
        case "INT" | "LENGTH" | "NUMINGROUP" | "TAGNUM" | "SEQNUM":
            return number
        case "FLOAT" | "PRICE" | "QTY" | "AMT" | "PRICEOFFSET" | "PERCENTAGE":
            return random.choice((b"", b"-")) + number + decimals
        case "BOOLEAN":
            return random.choice((b"Y", b"N"))
        case "CHAR":
            return random.choice((b"1", b"A", b"z"))
        case "UTCTIMESTAMP" | "TIME":
            return stamp + b"-" + clock
        case "UTCTIMEONLY" | "LOCALMKTTIME":
            return clock
        case "UTCDATEONLY" | "UTCDATE" | "LOCALMKTDATE" | "DATE":
            return stamp
        case "MONTHYEAR":
            return random.choice((stamp, stamp[:6], stamp[:6] + b"w3"))
        case "DAYOFMONTH":
            return b"%d" % random.randint(1, 31)
        case "TZTIMEONLY":
            return clock + random.choice((b"Z", b"+01", b"-05:30"))
        case "TZTIMESTAMP":
            return stamp + b"-" + clock[:5] + b"Z"
        case _:
            return random.choice((b"text", b"a=b", b"X", b"a longer text of several words"))


def fill(random: Random, level: Level, types: Types, lengths: dict[int, int], depth: int) -> Fields:
    """Members that are required and some that are not, in the dictionary's order."""
    fields: Fields = []
    share = min(1.0, 12 / max(1, len(level.members))) / depth
    states = {length: tag for tag, length in lengths.items() if length}
    for tag, required in level.members.items():
        is_first = depth > 1 and tag == next(iter(level.members))
        if not (required or is_first or random.random() < share) or tag in lengths:
            continue
        if tag in states and states[tag] in level.members:
            data = random.choice((b"raw", b"with\x01SOH", b"a=b\x01\x01"))
            fields += [(tag, str(len(data)).encode()), (states[tag], data)]
        elif tag in states:
            continue
        elif tag in level.groups:
            listed = types[tag][1]  # some count only to what is enumerated
            n = random.choice((0, 1, 1, 2, 3)) if depth < 4 else 0
            n = int(min(listed)) if listed else n
            fields.append((tag, str(n).encode()))
            for _ in range(n):
                fields += fill(random, level.groups[tag], types, lengths, depth + 1)
        else:
            fields.append((tag, value_of(random, tag, types)))
    return fields


def message(random: Random, reference: Reference, type_: str) -> Fields:
    """Fields between BodyLength and CheckSum: 35 first."""
    frame = (8, 9, 35, 10, 1128)
    types = reference.frame_types if type_ in reference.session else reference.app_types
    taken = reference.header.members.keys() | reference.trailer.members.keys()
    body = fill(random, reference.messages[type_], types, reference.lengths, 1)
    header = fill(random, reference.header, reference.frame_types, reference.lengths, 1)
    fields = [(35, type_.encode())]
    fields += [(t, v if t != 34 else b"7") for t, v in header if t not in frame]
    fields += body if not any(t in taken for t, _ in body) else []
    return fields


def damaged(random: Random, reference: Reference, fields: Fields, how: str) -> Fields:
    out = list(fields)
    at = random.randrange(1, len(out))
    tag, value = out[at]
    tags = sorted(reference.types)
    match how:
        case "drop":
            del out[at]
        case "twice":
            out.insert(at, out[at])
        case "again":
            out.insert(random.randrange(1, len(out) + 1), out[at])
        case "swap":
            other = random.randrange(1, len(out))
            out[at], out[other] = out[other], out[at]
        case "move":
            out.insert(random.randrange(1, len(out)), out.pop(at))
        case "value":
            out[at] = tag, random.choice(VALUES)
        case "other value":
            out[at] = tag, random.choice(out)[1]
        case "tag":
            out[at] = random.choice((*tags, 5001, 9999, 20000, 99999999)), value
        case "insert":
            new = random.choice((*tags, 144, 369, 370, 1129, 4999, 5000, 5001, 70000, 2147483647))
            out.insert(at, (new, value_of(random, new, reference.types)))
        case "count":
            counts = [i for i, (_, v) in enumerate(out) if i and v in (b"0", b"1", b"2", b"3")]
            if counts:
                at = random.choice(counts)
                more = random.choice((-1, 1, 1000000))
                out[at] = out[at][0], str(int(out[at][1]) + more).encode()
        case "type":
            other_type = random.choice((*sorted(reference.messages), "*", "ZZ", "U99"))
            out[0] = 35, other_type.encode()
        case "stray":
            level = reference.messages.get(out[0][1].decode("latin-1"), Level())
            inside = [t for group in level.groups.values() for t in group.members] or tags
            new = random.choice(inside)
            out.insert(at, (new, value_of(random, new, reference.types)))
    return out


def encode(begin: str, fields: Fields) -> bytes:
    """With BeginString, BodyLength and CheckSum."""
    body = b"".join(b"%d=%b\x01" % field for field in fields)
    head = b"8=%b\x019=%d\x01" % (begin.encode(), len(body)) + body
    return head + b"10=%03d\x01" % (sum(head) % 256)
