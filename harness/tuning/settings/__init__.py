"""Settings by kind, and how one comes back from what was written down of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.tuning.settings.base import Gone, Setting
from harness.tuning.settings.channels import ChannelsSetting
from harness.tuning.settings.cpusets import CpusetSetting, MemberSetting
from harness.tuning.settings.ethtool import EthtoolSetting
from harness.tuning.settings.files import (
    FileSetting,
    RequestedSetting,
    file_setting,
    requested_setting,
)
from harness.tuning.settings.link import LinkSetting
from harness.tuning.settings.services import ServiceSetting
from harness.tuning.settings.tasks import (
    AffinitySetting,
    FirstAffinitySetting,
    SchedulingSetting,
)

__all__ = ["FileSetting", "Gone", "Setting", "setting_of"]


def _by_target(kind: Callable[[str], Setting]) -> Callable[[Mapping[str, Any]], Setting]:
    def make(raw: Mapping[str, Any]) -> Setting:
        if not isinstance(raw.get("target"), str):
            raise ValueError("no target")
        return kind(raw["target"])

    return make


KINDS: Mapping[str, Callable[[Mapping[str, Any]], Setting]] = {
    FileSetting.kind: file_setting,
    RequestedSetting.kind: requested_setting,
    EthtoolSetting.kind: _by_target(EthtoolSetting),
    LinkSetting.kind: _by_target(LinkSetting),
    ChannelsSetting.kind: _by_target(ChannelsSetting),
    AffinitySetting.kind: _by_target(AffinitySetting),
    FirstAffinitySetting.kind: _by_target(FirstAffinitySetting),
    SchedulingSetting.kind: _by_target(SchedulingSetting),
    CpusetSetting.kind: _by_target(CpusetSetting),
    MemberSetting.kind: _by_target(MemberSetting),
    ServiceSetting.kind: _by_target(ServiceSetting),
}


def setting_of(raw: Mapping[str, Any]) -> Setting:
    """The setting that as_json() wrote down. ValueError for anything else."""
    make = KINDS.get(raw["kind"]) if isinstance(raw.get("kind"), str) else None
    if make is None:
        raise ValueError(f"no such kind of setting: {str(raw.get('kind'))[:40]!r}")
    return make(raw)
