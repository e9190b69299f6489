from __future__ import annotations

from agent.progress import LiveReporter, PlainReporter, make_reporter
from checks.model import Gap, Reason

TITLES = {"ad": "Active Directory"}


def test_plain_lines_tell_each_step_once_and_gaps_at_once(capsys):
    reporter = PlainReporter(TITLES)
    reporter.step("ad", "Lecture", 0, 10)
    reporter.step("ad", "Lecture", 5, 10)
    reporter.step("ad", "Évaluation\x1b[2J", 0, None)
    reporter.finished("ad", Gap(reason=Reason.UNREACHABLE, detail="Le serveur ne répond pas."))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "Active Directory : Lecture",
        "Active Directory : Évaluation\ufffd[2J",
        "Active Directory : NON ÉVALUÉ (unreachable) Le serveur ne répond pas.",
    ]


def test_live_table_writes_to_standard_error_only_and_ends(capsys):
    reporter = LiveReporter(TITLES)
    reporter.step("ad", "Lecture [bold]des objets[/bold]", 5, 10)
    reporter.step("ad", "Questions réseau", 0, None)
    reporter.finished("ad", None)
    reporter.close()
    out, err = capsys.readouterr()
    assert out == ""
    assert "terminé" in err


def test_quiet_says_nothing(capsys):
    reporter = make_reporter(TITLES, quiet=True)
    reporter.step("ad", "Lecture", 0, None)
    reporter.finished("ad", None)
    reporter.close()
    assert capsys.readouterr() == ("", "")
