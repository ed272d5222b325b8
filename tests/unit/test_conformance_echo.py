"""The application of the conformance acceptor: what comes back, and in which order."""

from __future__ import annotations

from functools import cache

import pytest
from test_dictionary import load

from engine.session import Delivered, Refusal, Refuse, Send
from harness.conformance.echo import EchoApplication


@cache
def application(version: str = "FIX44") -> EchoApplication:
    return EchoApplication(load(version))


def delivered(text: str, *, may_be_known: bool = False) -> Delivered:
    fields = [field.partition("=") for field in text.rstrip("|").split("|")]
    pairs = tuple((int(tag), value.encode()) for tag, _, value in fields)
    return Delivered(b"", pairs, 2, is_poss_dup=False, is_poss_resend=may_be_known)


FRAME = "8=FIX.4.4|9=0|35={}|34=2|49=TW44|52=20260105-09:00:00|56=ISLD|"


def echoed(type_: str, body: str, *, head: str = "", version: str = "FIX44") -> tuple[str, str]:
    """(header, body) of what comes back."""
    echo = application(version)
    echo.forget()
    (answer,) = echo(delivered(FRAME.format(type_) + head + body + "10=000|"))
    assert isinstance(answer, Send)
    assert answer.type == type_
    return tuple(part.decode().replace("\x01", "|") for part in (answer.head, answer.body))  # type: ignore[return-value]


def test_a_body_comes_back_ascending_by_tag() -> None:
    assert echoed("D", "60=t|55=s|11=a|54=1|") == ("", "11=a|54=1|55=s|60=t|")


def test_the_header_keeps_what_is_not_the_sessions() -> None:
    head, _ = echoed("D", "11=a|", head="97=Y|43=Y|122=t|50=desk|115=me|")
    assert head == "50=desk|97=Y|115=me|"


def test_a_group_stays_behind_its_count_in_the_dictionarys_order() -> None:
    body = "78=2|80=1|79=b|79=a|80=2|11=x|60=t|"
    # As QuickFIX splits entries: a field that is there already begins one, so does the first field.
    assert echoed("D", body)[1].startswith("11=x|60=t|78=2|")
    assert echoed("D", "78=2|79=b|80=1|79=a|80=2|11=x|")[1] == "11=x|78=2|79=b|80=1|79=a|80=2|"
    assert echoed("D", "11=x|78=1|79=b|80=1|467=i|")[1] == "11=x|78=1|79=b|467=i|80=1|"


def test_a_group_within_a_group_stays_within_its_entry() -> None:
    body = "453=2|448=p|447=D|452=1|802=1|523=sub|803=2|448=q|447=D|452=3|11=x|"
    assert echoed("D", body)[1] == "11=x|" + body.removesuffix("11=x|")


def test_a_signature_stays_last() -> None:
    assert echoed("D", "11=a|60=t|93=1|89=x|")[1] == "11=a|60=t|89=x|93=1|"


def test_hops_stay_together() -> None:
    head, _ = echoed("D", "11=a|", head="627=1|628=x|629=t|630=4|50=desk|")
    assert head == "50=desk|627=1|628=x|629=t|630=4|"


@pytest.mark.parametrize("type_", ["8", "B", "E", "V", "AE"])
def test_another_type_is_not_supported(type_: str) -> None:
    assert application()(delivered(FRAME.format(type_))) == [Refuse(Refusal.TYPE)]


@pytest.mark.parametrize("type_", ["D", "d", "C"])
def test_three_types_are(type_: str) -> None:
    assert echoed(type_, "11=a|")[1] == "11=a|"


def test_an_order_without_an_id_is_refused() -> None:
    assert application()(delivered(FRAME.format("D"))) == [Refuse(Refusal.MISSING, 11)]


def test_a_possible_repetition_of_a_known_order_is_dropped() -> None:
    echo = EchoApplication(load("FIX44"))
    order = FRAME.format("D") + "11=a|"
    assert len(echo(delivered(order, may_be_known=True))) == 1  # not known yet
    assert echo(delivered(order, may_be_known=True)) == []
    assert len(echo(delivered(order))) == 1  # no repetition, it says
    echo.forget()
    assert len(echo(delivered(order, may_be_known=True))) == 1
