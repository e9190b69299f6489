"""The questions that Wi-Fi controls ask are those that `ausculte init` writes, with answers of the right kind."""

from __future__ import annotations

import datetime as dt
import tomllib

import pytest

from agent.commands.init import QUESTIONS, render_profile
from agent.profile import parse_profile
from checks.catalogue import load_catalogue
from checks.model import Reason
from checks.wifi.controls.administration import UPDATED
from checks.wifi.controls.declarations import LOG_DAYS, NOTICE, OUTSIDE
from tests.wifi.sites import every, site

CONTROLS = {
    UPDATED: ("administration.recent_update", "attacks.known_flaws"),
    LOG_DAYS: ("declarations.visitor_logs",),
    NOTICE: ("declarations.rules_of_use",),
    OUTSIDE: ("declarations.coverage",),
}
WRITTEN = render_profile(
    {question.option: question.default for question in QUESTIONS}
    | {"name": "EHPAD Les Tilleuls", "authorised-by": "Mme Durand, directrice", "emergency-contact": "0123456789"},
    dt.date(2026, 11, 22),
)
ANSWERED = WRITTEN.replace("# wifi_", "wifi_")


def test_every_question_is_written_in_comment():
    assert tomllib.loads(WRITTEN)["questions"] == {}
    assert set(tomllib.loads(ANSWERED)["questions"]) == set(CONTROLS)
    answers = parse_profile(ANSWERED.encode(), "site.toml", load_catalogue()).profile.questions
    assert set(answers) == set(CONTROLS)


@pytest.mark.parametrize("question", CONTROLS)
def test_the_example_is_an_answer_that_the_controls_understand(question):
    answer = tomllib.loads(ANSWERED)["questions"][question]
    for control in CONTROLS[question]:
        assert [one.reason for one in every(control, site())] == [Reason.NOT_CONFIGURED]
        assert all(one.reason != Reason.MALFORMED for one in every(control, site(), **{question: answer}))
        assert any(not one.reason for one in every(control, site(), **{question: answer}))
