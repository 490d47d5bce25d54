"""Time as the tables keep it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from dcr_models import utils


class TestNow:
    def test_is_aware_in_the_current_time_zone(self) -> None:
        with timezone.override("Asia/Tokyo"):
            moment = utils.now()
        assert moment.utcoffset() == timedelta(hours=9)
        assert timezone.now() - moment < timedelta(seconds=1)

    def test_is_naive_where_the_project_has_no_time_zones(self, settings: Any) -> None:
        settings.USE_TZ = False
        assert timezone.is_naive(utils.now())


def test_now_localtime_converts_an_aware_time() -> None:
    moment = timezone.now()
    with timezone.override("Asia/Tokyo"):
        local = utils.now_localtime(moment)
    assert (local, local.utcoffset()) == (moment, timedelta(hours=9))
