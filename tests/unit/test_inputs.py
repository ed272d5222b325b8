"""Captures are known by their content; whatever is wrong with one is said in one line."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import struct
from pathlib import Path

import pytest
import zstandard

from harness.traffic import inputs
from harness.traffic.inputs import InputError, open_input, read_bytes

DBN = b"DBN\x01" + struct.pack("<I", 4) + b"meta" + bytes(56)
FIX = b"8=FIX.4.4\x019=5\x0135=0\x0110=163\x01"
DELETE = b"D" + bytes(18)
ADD = b"A" + bytes(35)


def itch(*messages: bytes, lengths: bool = True) -> bytes:
    return b"".join(struct.pack(">H", len(m) if lengths else 0) + m for m in messages)


def pcap(magic: int, order: str) -> bytes:
    return struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, 1)


PCAPNG = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)

CONTENTS = {
    "dbn": DBN,
    "fix": FIX,
    "itch": itch(ADD, DELETE),
    "pcap": pcap(0xA1B2C3D4, "<"),
    "pcapng": PCAPNG,
    "binance": b'1723161256172216566 {"u":1}\n',
}
PACKERS = {
    "none": bytes,
    "zstandard": zstandard.ZstdCompressor().compress,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
}


def put(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "capture.txt"  # a name that says nothing about the content
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("kind", CONTENTS)
@pytest.mark.parametrize("compression", PACKERS)
def test_a_kind_is_told_by_content_whatever_it_is_packed_in(tmp_path, kind, compression):
    content = CONTENTS[kind]
    path = put(tmp_path, PACKERS[compression](content))
    found = open_input(path)
    assert (found.kind, found.compression, found.data) == (kind, compression, content)
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.path == path
    assert f"{len(content)} bytes" in found.description
    assert (compression in found.description) == (compression != "none")


@pytest.mark.parametrize("magic", [0xA1B2C3D4, 0xA1B23C4D])
@pytest.mark.parametrize("order", "<>")
def test_both_byte_orders_and_both_clocks_of_pcap_are_known(tmp_path, magic, order):
    found = open_input(put(tmp_path, pcap(magic, order)))
    assert found.kind == "pcap"
    assert ("nano" in found.description) == (magic == 0xA1B23C4D)


def test_itch_files_with_zero_lengths_are_known(tmp_path):
    assert open_input(put(tmp_path, itch(ADD, DELETE, ADD, lengths=False))).kind == "itch"


def test_an_itch_file_that_ends_within_a_message_is_left_to_the_indexer(tmp_path):
    assert open_input(put(tmp_path, itch(ADD, DELETE)[:-1])).kind == "itch"
    assert open_input(put(tmp_path, itch(ADD) + b"\x00")).kind == "itch"


@pytest.mark.parametrize(
    "content",
    [
        b"hello world",
        b"\x00",
        b"\x00\x13",
        struct.pack(">H", 20) + DELETE,  # the length of another type
        itch(ADD) + struct.pack(">H", 36) + b"?" * 36,
        struct.pack("<H", 19) + DELETE,  # little endian
        b"DBM",
        b"17 [1]",
        b"172316125617221656617231 {}",
        b"9=FIX",
        bytes(100),
    ],
)
def test_anything_else_is_refused_with_its_first_bytes(tmp_path, content):
    path = put(tmp_path, content)
    with pytest.raises(InputError) as caught:
        open_input(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: byte 0: ")
    assert line.endswith(content[:8].hex(" "))
    assert "\n" not in line


@pytest.mark.parametrize("order", "<>")
def test_pcapng_is_known_in_both_byte_orders(tmp_path, order):
    content = struct.pack(order + "IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    assert open_input(put(tmp_path, content)).kind == "pcapng"


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(InputError, match=r"nowhere: no such file or directory$"):
        open_input(tmp_path / "nowhere")


def test_a_directory_is_one_line(tmp_path):
    with pytest.raises(InputError, match="is a directory"):
        open_input(tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"", gzip.compress(b"", mtime=0), bz2.compress(b""), zstandard.ZstdCompressor().compress(b"")],
)
def test_nothing_is_not_a_capture(tmp_path, content):
    with pytest.raises(InputError, match=r"byte 0: .*(empty)"):
        open_input(put(tmp_path, content))


@pytest.mark.parametrize(
    "pack", [zstandard.ZstdCompressor(level=1).compress, gzip.compress, bz2.compress]
)
@pytest.mark.parametrize("keep", [0.3, 0.99])
def test_a_truncated_file_is_refused_where_it_ends(tmp_path, pack, keep):
    packed = pack(b"".join(i.to_bytes(4, "big") for i in range(20_000)))
    path = put(tmp_path, packed[: int(len(packed) * keep)])
    with pytest.raises(InputError, match=rf"byte {path.stat().st_size}: cut off within its"):
        open_input(path)


@pytest.mark.parametrize(
    "pack",
    [
        zstandard.ZstdCompressor(write_checksum=True).compress,
        lambda data: gzip.compress(data),
        bz2.compress,
    ],
)
def test_one_wrong_byte_in_compressed_data_is_found(tmp_path, pack):
    packed = bytearray(pack(b"".join(i.to_bytes(4, "big") for i in range(20_000))))
    packed[-6] ^= 0x55
    with pytest.raises(InputError, match=r"byte \d+: "):
        open_input(put(tmp_path, bytes(packed)))


@pytest.mark.parametrize("pack", [PACKERS["zstandard"], gzip.compress, bz2.compress])
def test_several_compressed_streams_in_one_file_are_one_capture(tmp_path, pack):
    path = put(tmp_path, pack(FIX) + pack(FIX * 1000))
    assert open_input(path).data == FIX * 1001


@pytest.mark.parametrize("pack", [PACKERS["zstandard"], gzip.compress, bz2.compress])
def test_rubbish_behind_compressed_data_is_found(tmp_path, pack):
    packed = pack(FIX)
    with pytest.raises(InputError, match=rf"byte {len(packed)}: something else follows"):
        open_input(put(tmp_path, packed + b"rubbish"))


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_a_file_that_would_fill_the_memory_is_refused(tmp_path, pack):
    path = put(tmp_path, pack(bytes(3_000_000)))
    assert len(read_bytes(path, 3_000_000)[0]) == 3_000_000
    with pytest.raises(InputError, match="more than 2,999,999"):
        read_bytes(path, 2_999_999)


def test_the_refusal_comes_before_the_memory_is_taken(tmp_path, monkeypatch):
    """A small file of 1 GB is given up within one feed of the decompressor."""
    packed = zstandard.ZstdCompressor().compress(bytes(1 << 30))
    taken: list[int] = []
    unzstd = inputs._unzstd

    def counted(path, data):
        for piece in unzstd(path, data):
            taken.append(len(piece))
            yield piece

    monkeypatch.setattr(inputs, "_unzstd", counted)
    with pytest.raises(InputError, match="decompresses to more than"):
        read_bytes(put(tmp_path, packed), 1 << 20)
    assert sum(taken) < 200 << 20


def test_the_sizes_of_itch_messages_cover_every_type():
    assert len(inputs.ITCH_SIZES) == 23
    assert inputs.ITCH_SIZES[ord("A")] == 36
    assert inputs.ITCH_SIZES[ord("U")] == 35
