"""Dictionaries: read strictly from XML, looked at from Python, and held against real messages."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.market.dictionary import Checks, Dictionary, reason_text

ROOT = Path(__file__).parents[2]
OK = (0, -1, 0, 0, "")


def shared(name: str) -> Path:
    for folder in (os.environ.get("REDLINE_DATA"), ROOT.parent / "shared" / "data"):
        if folder and (Path(folder) / name).exists():
            return Path(folder) / name
    pytest.skip(f"{name} is not in $REDLINE_DATA nor in ../shared/data")


def load(version: str, checks: Checks | None = None) -> Dictionary:
    path = shared(f"fix/dictionaries/{version}.xml")
    transport = path.parent / "FIXT11.xml" if version.startswith("FIX5") else None
    return Dictionary.load(path, transport, checks=checks)


def messages(name: str) -> list[bytes]:
    """The messages of a log, whatever lies between them."""
    data = shared(name).read_bytes()
    found = []
    at = 0
    while (begin := data.find(b"8=FIX", at)) >= 0:
        at = data.index(b"\x0110=", begin) + 8
        found.append(data[begin:at])
    return found


def message(*fields: str, begin: str = "FIX.4.4") -> bytes:
    """A message of "tag=value" texts, with BodyLength and CheckSum."""
    body = "".join(f"{field}\x01" for field in fields).encode("latin-1")
    head = f"8={begin}\x019={len(body)}\x01".encode() + body
    return head + b"10=%03d\x01" % (sum(head) % 256)


# --- the files ---


@pytest.mark.parametrize(
    ("version", "n_messages", "n_fields", "highest"),
    [
        ("FIX40", 27, 138, 140),
        ("FIX41", 28, 206, 211),
        ("FIX42", 46, 405, 446),
        ("FIX43", 68, 635, 659),
        ("FIX44", 93, 912, 956),
        ("FIX50", 93, 1090, 1139),
        ("FIX50SP1", 105, 1373, 1426),
        ("FIX50SP2", 156, 6028, 50002),
        ("FIXT11", 8, 71, 1409),
    ],
)
def test_a_published_dictionary_has_what_is_known_of_it(
    version: str, n_messages: int, n_fields: int, highest: int
) -> None:
    found = Dictionary.load(shared(f"fix/dictionaries/{version}.xml"))
    assert len(found.messages) == n_messages
    assert len(found.fields) == n_fields
    assert max(found.fields) == highest
    assert len(found.names) == n_fields


@pytest.mark.parametrize(
    ("version", "begin", "depth"),
    [("FIX40", "FIX.4.0", 1), ("FIX44", "FIX.4.4", 4), ("FIX50SP2", "FIXT.1.1", 7)],
)
def test_groups_are_resolved_through_components(version: str, begin: str, depth: int) -> None:
    found = load(version)
    assert found.begin_string == begin
    assert max(group.depth for _, _, group in found.groups()) == depth
    assert found.core.sizes["messages"] == len(found.messages)


def test_names_tags_and_texts_are_looked_up() -> None:
    found = load("FIX44")
    assert found.version == "FIX.4.4"
    assert found.tag("NoMDEntries") == 268
    assert found.field(54).name == "Side"
    assert found.text("Side", "1") == "BUY"
    assert found.text(54, "?") == ""
    assert found.messages["D"].name == "NewOrderSingle"
    assert [m.type for m in found.messages.values() if m.is_admin] == list("012345An")
    required = {m.field.name for m in found.messages["D"].members if m.required}
    assert required == {"ClOrdID", "Side", "TransactTime", "OrdType"}
    with pytest.raises(ValueError, match=r"FIX.4.4: no field 'Sides'"):
        found.tag("Sides")
    with pytest.raises(ValueError, match=r"FIX.4.4: no field 5000"):
        found.field(5000)


def test_a_group_lists_its_members_in_order() -> None:
    (entries,) = [m for m in load("FIX44").messages["X"].members if m.field.tag == 268]
    assert entries.required
    assert entries.group is not None
    assert entries.group.delimiter.name == "MDUpdateAction"
    tags = [m.field.tag for m in entries.group.members]
    assert tags.index(279) < tags.index(269) < tags.index(55) < tags.index(270)


def test_char_was_a_string_before_fix_42() -> None:
    assert load("FIX41").field("ClOrdID").type == "STRING"
    assert load("FIX42").field("Side").type == "CHAR"


def test_an_application_version_needs_a_transport_to_validate() -> None:
    alone = Dictionary.load(shared("fix/dictionaries/FIX50SP2.xml"))
    assert alone.version == "FIX.5.0SP2"
    with pytest.raises(ValueError, match=r"^FIX.5.0SP2: has no header .* transport=FIXT11.xml$"):
        _ = alone.core


def test_a_transport_is_a_transport_and_an_application_none() -> None:
    fix44, fixt = shared("fix/dictionaries/FIX44.xml"), shared("fix/dictionaries/FIXT11.xml")
    with pytest.raises(ValueError, match=r"FIX44.xml:1: a transport is of type FIXT"):
        Dictionary.load(fixt, fix44)
    with pytest.raises(ValueError, match=r"FIXT11.xml:1: FIXT.1.1 is a transport"):
        Dictionary.load(fixt, fixt)
    with pytest.raises(ValueError, match=r"other application versions need a transport"):
        Dictionary.load(fix44, also=[fix44])


# --- real messages ---


@pytest.mark.parametrize("name", ["nos_1k", "er_1k", "mdi_1k"])
def test_generated_messages_are_valid(name: str) -> None:
    core = load("FIX44").core
    found = messages(f"fix/{name}.fix")
    assert len(found) == 1000
    assert {core.validate(m) for m in found} == {OK}
    assert {core.validate(m, 3, True) for m in found} == {OK}


# How the venue of the log differs from the standard: its multicast needs no session header, its
# heartbeats name the application, it has entry types of its own and puts Symbol before the type.
VENUE = {
    "optional": ["MsgSeqNum", "SenderCompID", "TargetCompID"],
    "extra": {"0": ["ApplID"]},
    "values": {"MDEntryType": {"x": "index", "y": "index", "z": "index"}},
}


def test_every_message_of_the_market_data_log_is_valid_by_its_venues_dictionary() -> None:
    venue = load("FIX50SP2").amended(**VENUE, checks=Checks(group_order=False))
    found = messages("fix/fixt11-marketdata.fix")
    assert len(found) == 13_888
    assert {venue.core.validate(m) for m in found} == {OK}


def test_a_header_tag_of_another_version_is_wrong_before_the_body_is() -> None:
    head = ("35=D", "34=2", "49=A", "52=20260105-09:00:00", "56=B")
    body = ("11=a", "21=1", "38=1", "40=w", "54=1", "55=s")
    core = load("FIX40").core
    assert core.validate(message(*head, "144=x", *body, begin="FIX.4.0"))[:3] == (2, 0, 144)
    assert core.validate(message(*head, *body, begin="FIX.4.0"))[:3] == (2, 5, 40)


def test_a_session_message_over_a_transport_knows_the_transports_tags_only() -> None:
    head = ("35=0", "34=2", "49=A", "52=20260105-09:00:00", "56=B")
    core = load("FIX50SP2").core
    assert core.validate(message(*head, "55=s", begin="FIXT.1.1"))[:3] == (2, 0, 55)
    assert core.validate(message(*head, "36=1", begin="FIXT.1.1"))[:3] == (2, 2, 36)
    assert load("FIX44").core.validate(message(*head, "55=s"))[:3] == (2, 2, 55)


@pytest.mark.parametrize(
    ("without", "first", "n"),
    [
        ("optional", (1, 34), 13_888),
        ("extra", (0, 1180), 2_523),
        ("values", (5, 269), 3_009),
        ("checks", (15, 269), 11_365),
    ],
)
def test_without_one_of_the_venues_rules_the_log_is_rejected_for_it(
    without: str, first: tuple[int, int], n: int
) -> None:
    rules = {name: rule for name, rule in VENUE.items() if name != without}
    checks = Checks(group_order=without == "checks")
    core = load("FIX50SP2").amended(**rules, checks=checks).core
    seen = [core.validate(m)[:3] for m in messages("fix/fixt11-marketdata.fix")]
    assert seen.count((2, *first)) == n
    assert seen.count((0, -1, 0)) == 13_888 - n


@pytest.mark.parametrize(
    ("rules", "what"),
    [
        ({"optional": ["Symbol"]}, "the header does not require a field 'Symbol'"),
        ({"extra": {"??": ["ApplID"]}}, "no message type '\\?\\?'"),
        ({"extra": {"0": ["ApplIDs"]}}, "no field 'ApplIDs'"),
        ({"values": {"MDEntryTypes": {"x": ""}}}, "no field 'MDEntryTypes'"),
    ],
)
def test_an_amendment_names_what_is_there(rules: dict[str, object], what: str) -> None:
    with pytest.raises(ValueError, match=f"^FIX.4.4: {what}$"):
        load("FIX44").amended(**rules)  # type: ignore[arg-type]


NOS = ("35=D", "49=A", "56=B", "34=7", "52=20260921-13:55:15", "11=id", "55=X", "54=1")
NOS += ("60=20260921-13:55:15", "40=2")


@pytest.mark.parametrize(
    ("damage", "reason", "tag"),
    [
        (lambda f: [x for x in f if x != "11=id"], 1, 11),
        (lambda f: [*f, "112=x"], 2, 112),
        (lambda f: [*f, "999=x"], 0, 999),
        (lambda f: [*f, "21=9"], 5, 21),
        (lambda f: [*f, "38=+200"], 6, 38),
        (lambda f: ["35=ZZ", *f[1:]], 11, 0),
        (lambda f: [*f, "54=1"], 13, 54),
        (lambda f: [f[0], *f[5:], *f[1:5]], 14, 49),
        (lambda f: [*f, "453=1", "448=a", "452=1", "447=D"], 15, 447),
        (lambda f: [*f, "453=3", "448=a", "447=D", "452=1"], 16, 453),
        (lambda f: [*f, "58="], 4, 58),
    ],
)
def test_each_kind_of_damage_gets_its_reason(damage, reason: int, tag: int) -> None:  # type: ignore[no-untyped-def]
    core = load("FIX44").core
    assert core.validate(message(*NOS)) == OK
    assert core.validate(message(*damage(list(NOS))))[:3] == (2, reason, tag)


def test_levels_look_as_far_as_they_say() -> None:
    core = load("FIX44").core
    bad_body = message(*NOS, "999=x")
    bad_header = message("35=D", "49=A", "34=7", "52=20260921-13:55:15", "11=id")
    assert [core.validate(bad_body, level)[0] for level in range(4)] == [0, 0, 0, 2]
    assert [core.validate(bad_header, level)[1] for level in range(4)] == [-1, -1, 1, 1]
    with pytest.raises(ValueError, match="no such level"):
        core.validate(bad_body, 4)


def test_names_are_expected_by_a_dictionary_of_their_own() -> None:
    core = load("FIX44").core
    mine = core.expecting("A", "B")
    assert mine.validate(message(*NOS)) == OK
    assert core.expecting("A", "C").validate(message(*NOS))[:3] == (2, 9, 0)
    assert core.expecting("B", "B").validate(message(*NOS))[:3] == (2, 9, 0)
    with pytest.raises(ValueError, match="a comp id has 1 to 64"):
        core.expecting("", "B")
    del core
    assert mine.validate(message(*NOS)) == OK  # it keeps the tables alive


def test_checks_are_quickfix_settings() -> None:
    user = message(*NOS, "5001=x")
    other = message(*NOS, "112=x")
    assert load("FIX44").core.validate(user)[1:3] == (0, 5001)
    assert load("FIX44", Checks(undefined_is_3=True)).core.validate(user)[1:3] == (3, 5001)
    lenient = load("FIX44", Checks(user_tags=False)).core
    assert (lenient.validate(user), lenient.validate(other)[1]) == (OK, 2)
    lenient = load("FIX44", Checks(unknown_tags=False)).core
    assert (lenient.validate(user)[1], lenient.validate(other)) == (0, OK)


# --- FIXT ---


def fixt(*fields: str) -> bytes:
    return message(*fields, begin="FIXT.1.1")


SP2_ONLY = ("11=id", "55=X", "54=1", "60=20260921-13:55:15", "40=2", "2362=x")  # SelfMatch...ID
FIXT_HEAD = ("49=A", "56=B", "34=7", "52=20260921-13:55:15")


def test_a_session_message_is_the_transports_and_an_order_the_applications() -> None:
    core = load("FIX50SP2").core
    logon = fixt("35=A", *FIXT_HEAD, "98=0", "108=30", "1137=9")
    assert core.validate(logon) == OK
    assert core.validate(fixt("35=A", *FIXT_HEAD, "98=0", "108=30"))[:3] == (2, 1, 1137)
    assert core.validate(fixt("35=D", *FIXT_HEAD, *SP2_ONLY)) == OK
    assert load("FIX50").core.validate(fixt("35=D", *FIXT_HEAD, *SP2_ONLY))[:3] == (2, 0, 2362)


def test_appl_ver_id_chooses_the_application_version() -> None:
    path = shared("fix/dictionaries/FIX50SP2.xml")
    both = Dictionary.load(path.parent / "FIX50.xml", path.parent / "FIXT11.xml", also=[path]).core
    for version, expected in (
        ((), (2, 0, 2362)),  # FIX 5.0, as nothing is said
        (("1128=7",), (2, 0, 2362)),
        (("1128=9",), (0, -1, 0)),
        (("1128=8",), (2, 18, 1128)),  # known to the transport, but not loaded
        (("1128=x",), (2, 5, 1128)),
    ):
        order = fixt("35=D", *version, *FIXT_HEAD, *SP2_ONLY)
        assert both.validate(order)[:3] == expected
        assert both.validate(order, 3, True)[:3] == expected
    # A session message has no version.
    assert both.validate(fixt("35=0", "1128=8", *FIXT_HEAD)) == OK


def test_a_version_is_not_loaded_twice() -> None:
    path = shared("fix/dictionaries/FIX50.xml")
    with pytest.raises(ValueError, match=r"FIX50.xml:1: FIX.5.0 is there twice"):
        Dictionary.load(path, path.parent / "FIXT11.xml", also=[path])


# --- files that are none ---

SMALL = """<fix type='FIX' major='4' minor='4'>
<header><field name='BeginString' required='Y'/><field name='BodyLength' required='Y'/>
<field name='MsgType' required='Y'/></header>
<messages>
<message name='Order' msgtype='D' msgcat='app'><field name='Side' required='Y'/>
<component name='Parties' required='N'/></message>
</messages>
<trailer><field name='CheckSum' required='Y'/></trailer>
<components>
<component name='Parties'><group name='NoParties' required='N'><field name='Party' required='Y'/>
</group></component>
</components>
<fields>
<field number='8' name='BeginString' type='STRING'/>
<field number='9' name='BodyLength' type='LENGTH'/>
<field number='35' name='MsgType' type='STRING'/>
<field number='10' name='CheckSum' type='STRING'/>
<field number='54' name='Side' type='CHAR'><value enum='1' description='BUY'/></field>
<field number='453' name='NoParties' type='NUMINGROUP'/>
<field number='448' name='Party' type='STRING'/>
</fields>
</fix>
"""


def test_a_small_dictionary_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "small.xml"
    path.write_text(SMALL)
    core = Dictionary.load(path).core
    assert core.validate(message("35=D", "54=1", "453=1", "448=me")) == OK
    assert core.validate(message("35=D", "54=1", "453=2", "448=me"))[:3] == (2, 16, 453)
    # What an entry requires is required though its group is not.
    assert core.validate(message("35=D", "54=1", "453=1"))[:3] == (2, 16, 453)


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ("</fix>", "", 23, "not XML: no element found"),
        ("<fix ", "<!DOCTYPE fix [<!ENTITY a 'b'>]>\n<fix ", 1, "a document type"),
        ("type='FIX'", "type='FIZ'", 1, "type: neither FIX nor FIXT: 'FIZ'"),
        ("major='4'", "", 1, "<fix> has no major"),
        ("minor='4'", "minor='x'", 1, "minor: not a number: 'x'"),
        ("<messages>", "<massages/><messages>", 4, "<massages> has no place in <fix>"),
        ("<messages>", "text<messages>", 4, "text between elements: 'text'"),
        ("<fix ", "<fox><fix ", 1, "<fox> has no place at the top"),
        ("msgcat='app'", "msgcat='both'", 5, "msgcat: neither admin nor app: 'both'"),
        ("msgtype='D'", "", 5, "<message> has no msgtype"),
        ("<field name='Side' required='Y'/>", "<field name='Sid'/>", 5, "field Sid is not defined"),
        ("name='Side' required='Y'", "name='Side' required='?'", 5, "required: neither Y nor N"),
        (
            "<component name='Parties' required",
            "<component name='Party' required",
            6,
            "component P",
        ),
        ("<field name='Party' required='Y'/>\n", "", 10, "group NoParties has no members"),
        (
            "<field name='Party' required='Y'/>\n",
            "<component name='Parties'/>\n",
            10,
            "component Parties is inside itself",
        ),
        ("number='54'", "number='0'", 18, "number: not in 1..2147483647: 0"),
        ("number='54'", "number='99999999999'", 18, "number: not a number"),
        ("number='54'", "number='-1'", 18, "number: not a number: '-1'"),
        ("number='54'", "number='453'", 19, "tag 453 is there twice"),
        ("name='Party' type", "name='Side' type", 20, "field Side is there twice"),
        ("type='CHAR'", "type='CHARS'", 18, "type of Side: not known: 'CHARS'"),
        ("<value enum='1' ", "<value ", 18, "<value> has no enum"),
        (
            "description='BUY'/>",
            "description='BUY'/><value enum='1'/>",
            18,
            "value '1' of Side is there twice",
        ),
        ("<messages>", "<messages/><messages>", 4, "a second <messages>"),
        ("<trailer>", "<trailer><header/>", 8, "<header> has no place in <trailer>"),
    ],
)
def test_a_file_that_is_no_dictionary_is_one_line_with_its_place(
    old: str, new: str, line: int, what: str, tmp_path: Path
) -> None:
    assert old in SMALL
    path = tmp_path / "bad.xml"
    path.write_text(SMALL.replace(old, new, 1))
    with pytest.raises(ValueError, match=r".") as error:
        Dictionary.load(path)
    assert str(error.value).startswith(f"{path}:{line}: {what}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (b"\xff\xfe\x00", "not XML"),
        (b"", "not XML"),
        (b"<fix type='FIX'>" + b"<messages>" * 40, "has no place in"),
        (b"<fix>" + b" " * (33 << 20), "larger than 32 MiB"),
    ],
    ids=["bytes", "empty", "nested", "large"],
)
def test_nonsense_is_refused_before_it_costs_anything(
    text: bytes, what: str, tmp_path: Path
) -> None:
    path = tmp_path / "bad.xml"
    path.write_bytes(text)
    with pytest.raises(ValueError, match=what):
        Dictionary.load(path)


def test_components_that_double_each_other_are_resolved_once(tmp_path: Path) -> None:
    # Each component holds the one before twice: 2^200 fields if each were put in its place.
    doubles = "".join(
        f"<component name='C{i + 1}'><component name='C{i}'/><component name='C{i}'/></component>"
        for i in range(200)
    )
    text = SMALL.replace("<components>", f"<components>{doubles}").replace("'Parties'", "'C0'", 2)
    text = text.replace("<component name='C0' required='N'/>", "<component name='C200'/>")
    path = tmp_path / "doubles.xml"
    path.write_text(text)
    found = Dictionary.load(path)
    assert [m.field.name for m in found.messages["D"].members] == ["Side", "NoParties"]


def test_groups_nest_to_a_bound(tmp_path: Path) -> None:
    def nested(n: int) -> str:
        inside = "<field name='Party'/>"
        for _ in range(n):
            inside = f"<group name='NoParties'>{inside}</group>"
        return SMALL.replace("<component name='Parties' required='N'/>", inside)

    path = tmp_path / "deep.xml"
    path.write_text(nested(16))
    assert Dictionary.load(path).core.sizes["groups"] == 16
    path.write_text(nested(17))
    with pytest.raises(ValueError, match=r"deep.xml:6: groups nested deeper than 16"):
        Dictionary.load(path)


def test_reasons_have_the_words_of_the_specification() -> None:
    assert reason_text(13) == "Tag appears more than once"
    assert reason_text(2**40) == ""
