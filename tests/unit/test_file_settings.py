"""Settings that are files of the kernel: what is read can be written, and means the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.tuning.host import Host
from harness.tuning.settings import FileSetting, setting_of
from harness.tuning.settings.files import RequestedSetting, mask_text
from harness.tuning.tree import cpu_mask, cpus_text

FILE = "/proc/sys/vm/swappiness"
cpu_sets = st.sets(st.integers(0, 300), max_size=40)


def host_with(root: Path, text: str) -> Host:
    path = root / FILE.lstrip("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return Host(root)


@pytest.mark.parametrize(
    ("form", "text", "value"),
    [
        ("number", "60\n", "60"),
        ("text", "4\t4\t1\t7\n", "4\t4\t1\t7"),
        ("choice", "always [madvise] never\n", "madvise"),
        ("choice", "haltpoll\n", "haltpoll"),
        ("cpus", "0-2,5\n", "0-2,5"),
        ("cpus", "\n", ""),
        ("mask", "3\n", "0-1"),
        ("mask", "00000000,00000027\n", "0-2,5"),
        ("mask", "1,00000000\n", "32"),
    ],
)
def test_what_is_read_is_what_could_be_written(
    tmp_path: Path, form: str, text: str, value: str
) -> None:
    host = host_with(tmp_path, text)
    assert FileSetting(FILE, form).read(host) == value  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["60\n", "-1\n", "4\t4\t1\t7\n", "0-2,5\n"])
def test_writing_what_was_read_leaves_the_same_bytes(tmp_path: Path, text: str) -> None:
    host = host_with(tmp_path, text)
    setting = FileSetting(FILE, "text")
    setting.write(host, setting.read(host))
    assert (tmp_path / FILE.lstrip("/")).read_text() == text


@pytest.mark.parametrize("text", ["3\n", "ff\n", "00000000,00000003\n", "ffffffff,00000001\n"])
def test_a_mask_keeps_the_width_that_the_kernel_gives_it(tmp_path: Path, text: str) -> None:
    host = host_with(tmp_path, text)
    setting = FileSetting(FILE, "mask")
    before = setting.read(host)
    setting.write(host, "0")
    setting.write(host, before)
    assert (tmp_path / FILE.lstrip("/")).read_text() == text


@given(cpu_sets)
def test_a_mask_is_the_set_of_its_bits(cpus: set[int]) -> None:
    slow = sum(2**cpu for cpu in cpus)

    class OneFile(Host):
        text = ""

        def read(self, name: str) -> str:
            return self.text

        def write(self, name: str, text: str) -> None:
            self.text = text

    host = OneFile()
    setting = FileSetting("/sys/mask", "mask")
    setting.write(host, cpus_text(sorted(cpus)))
    assert int(host.text.replace(",", ""), 16) == slow
    assert setting.read(host) == cpus_text(sorted(cpus))


@given(cpu_sets, st.integers(1, 320))
def test_a_mask_is_as_wide_and_grouped_as_the_kernels(cpus: set[int], n_cpus: int) -> None:
    """The slow way: every bit a character, cut into groups of 32 from the right."""
    bits = "".join("1" if cpu in cpus else "0" for cpu in range(n_cpus))
    padded = bits + "0" * (-n_cpus % 4)
    groups = [padded[i : i + 32] for i in range(0, len(padded), 32)]
    hexes = [f"{int(one[::-1], 2):0{len(one) // 4}x}" for one in groups]
    like = ",".join("0" * len(one) for one in reversed(hexes))
    inside = sorted(cpu for cpu in cpus if cpu < n_cpus)
    assert mask_text(inside, like) == ",".join(reversed(hexes))
    assert cpu_mask(mask_text(inside, like)) == inside


def test_a_cpu_that_has_no_bit_in_the_mask_is_refused() -> None:
    assert mask_text([3], like="f") == "8"
    with pytest.raises(OSError, match="CPU 4 is none of this mask"):
        mask_text([4], like="f")


@pytest.mark.parametrize("text", ["", "0x3", "3g", "0-3", "f" * 5000, "\x1b[2J"])
def test_a_garbled_mask_cannot_be_read(tmp_path: Path, text: str) -> None:
    host = host_with(tmp_path, text)
    with pytest.raises(OSError, match="not a mask of CPUs"):
        FileSetting(FILE, "mask").read(host)


def test_what_was_asked_is_read_and_what_became_of_it_is_written_over(tmp_path: Path) -> None:
    host = host_with(tmp_path, "3\n")
    assert RequestedSetting(FILE, "mask").read(host) == "0-1"
    host.path(f"{FILE}_requested").write_text("f\n")
    assert RequestedSetting(FILE, "mask").read(host) == "0-3"
    RequestedSetting(FILE, "mask").write(host, "1")
    assert host.path(FILE).read_text().strip() == "2"


@given(cpu_sets, cpu_sets)
def test_lists_of_cpus_are_the_same_when_their_sets_are(one: set[int], other: set[int]) -> None:
    setting = FileSetting(FILE, "cpus")
    loose = ",".join(map(str, one))
    assert setting.same(loose, cpus_text(sorted(one)))
    assert setting.same(loose, cpus_text(sorted(other))) == (one == other)


@pytest.mark.parametrize(
    ("form", "one", "other", "same"),
    [
        ("number", "0x10", "16", True),
        ("number", "1", "2", False),
        ("number", "n/a", "0", False),
        ("text", "4 4 1 7", "4\t4\t1\t7", True),
        ("choice", "never", "madvise", False),
        ("cpus", "garbage", "0", False),
    ],
)
def test_values_are_compared_as_the_kernel_understands_them(
    form: str, one: str, other: str, same: bool
) -> None:
    assert FileSetting(FILE, form).same(one, other) is same  # type: ignore[arg-type]


def test_an_empty_list_is_written_as_a_line(tmp_path: Path) -> None:
    host = host_with(tmp_path, "0\n")
    FileSetting(FILE, "cpus").write(host, "")
    assert (tmp_path / FILE.lstrip("/")).read_text().strip() == ""
    assert (tmp_path / FILE.lstrip("/")).read_text() != ""


def test_the_command_is_what_a_person_would_type() -> None:
    assert FileSetting(FILE, "number").command("60") == f"echo 60 > {FILE}"
    assert FileSetting("/sys/mask", "mask").command("0-2") == "echo 7 > /sys/mask"


@pytest.mark.parametrize("form", ["text", "number", "choice", "cpus", "mask"])
@pytest.mark.parametrize("rounds", [False, True])
def test_a_setting_comes_back_from_what_was_written_down(form: str, rounds: bool) -> None:
    setting = FileSetting(FILE, form, rounds)  # type: ignore[arg-type]
    assert setting_of(setting.as_json()) == setting


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"kind": "file"},
        {"kind": ["file"], "target": FILE},
        {"kind": "no such", "target": FILE},
        {"kind": "file", "target": 7},
        {"kind": "file", "target": "/etc/passwd"},
        {"kind": "file", "target": "/proc/../etc/passwd"},
        {"kind": "file", "target": "/sys//x"},
        {"kind": "file", "target": "/proc/self/root/etc/passwd"},
        {"kind": "file", "target": "proc/sys/vm/swappiness"},
        {"kind": "file", "target": "/proc/sys/a\nb"},
        {"kind": "file", "target": "/proc/" + "a" * 600},
        {"kind": "file", "target": "/proc/sysrq-trigger"},
        {"kind": "file", "target": "/proc/sys/kernel/core_pattern"},
        {"kind": "file", "target": "/proc/sys/kernel/modprobe"},
        {"kind": "file", "target": "/proc/sys/kernel/usermodehelper/bset"},
        {"kind": "requested", "target": "/sys/kernel/uevent_helper"},
        {"kind": "file", "target": "/sys/bus/pci/drivers/ice/unbind"},
        {"kind": "file", "target": "/sys/firmware/efi/efivars/Boot0001"},
        {"kind": "file", "target": FILE, "rounds": 1},
        {"kind": "file", "target": FILE, "form": "tune"},
        {"kind": "ethtool", "target": "-s eth0"},
    ],
)
def test_no_journal_makes_us_write_anything_else(raw: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"no|not|neither"):
        setting_of(raw)
