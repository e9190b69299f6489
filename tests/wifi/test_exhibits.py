"""Pictures of the Wi-Fi page: the table of networks, channels, signal over time, what a station reaches."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.catalogue import load_catalogue
from checks.common.exhibits import MAX_SERIES, Cell, Lane, Lines, Span, Spans, Table
from checks.evaluate import domain_exhibits, evaluate_facts
from checks.model import Level, Outcome, Severity, Verdict
from checks.wifi.capture.link import channel_of
from checks.wifi.exhibits import (
    BANDS,
    CHANNEL_WIDTH,
    IMITATORS,
    OURS,
    THEIRS,
    centre,
    channel_plan,
    exhibits,
    signal_over_time,
)
from checks.wifi.facts import Sample, WifiFacts
from checks.wifi.networks_table import COLUMNS, FOREIGN_ROWS, JUDGES, networks_table
from tests.wifi.sites import (
    CONTEXT,
    GUESTS,
    MIXED,
    MUTE,
    NEIGHBOUR,
    NOTHING,
    OPEN,
    OWE,
    PRO,
    PRO_5,
    PRO_24,
    PSK,
    RES_5,
    RESIDENTS,
    STRANGER,
    WEP,
    WPA,
    air,
    exports,
    network,
    reset,
    retuned,
    setting,
    site,
    with_networks,
)
from tests.wifi.sites import (
    THEIRS as THEIR_BOX,
)

START = 1_795_338_000
CATALOGUE = load_catalogue(["checks.wifi"])


def table(facts: WifiFacts) -> Table:
    found = networks_table(facts)
    assert found is not None
    return found


def row(facts: WifiFacts, name: str) -> dict[str, Cell]:
    found = table(facts)
    (cells,) = [cells for cells in found.rows if cells[0].text == name]
    return dict(zip(found.columns, cells, strict=True))


def texts(facts: WifiFacts, name: str) -> dict[str, str]:
    return {column: cell.text for column, cell in row(facts, name).items()}


# --- The table of networks


def test_table_says_what_each_network_offers() -> None:
    assert texts(site(), PRO) == {
        "Réseau": PRO,
        "Usage": "professionnel",
        "Chiffrement": "WPA3",
        "Entrée": "compte (802.1X)",
        "PMF": "obligatoire",
        "WPS": "non",
        "Séparation": "VLAN 10",
        "Isolement": "",
        "Canaux": "2,4\u00a0GHz\u00a0: 6 ; 5\u00a0GHz\u00a0: 36",
        "Bornes": "2",
        "Source": "tilleuls.pcapng, controleur.json",
    }
    assert texts(site(), GUESTS)["Entrée"] == "libre"
    assert texts(site(), RESIDENTS)["Isolement"] == "oui"


def test_ours_come_first_by_what_they_are_for_then_the_strongest_around() -> None:
    facts = with_networks(
        network("a0:b1:c2:d3:e4:01", "Voisin faible", strongest=-88),
        network("a0:b1:c2:d3:e4:02", "Voisin fort", strongest=-41),
    )
    names = [cells[0].text for cells in table(facts).rows]
    assert names == [PRO, RESIDENTS, GUESTS, "Voisin fort", "Voisin faible", NEIGHBOUR]
    assert texts(facts, "Voisin fort")["Signal (dBm)"] == "\u221241"


def test_best_signal_of_all_radios() -> None:
    facts = retuned(PRO_5, retuned(PRO_24, strongest=-60), strongest=-48)
    assert texts(facts, PRO)["Signal (dBm)"] == "\u221248"


def test_a_neighbour_is_described_and_never_judged() -> None:
    cells = row(site(), NEIGHBOUR)
    assert (cells["Chiffrement"].text, cells["Entrée"].text, cells["WPS"].text) == ("WPA", "mot de passe", "actif")
    assert {cell.level for cell in cells.values()} == {Level.NONE}


def test_names_around_share_a_row_and_are_counted() -> None:
    facts = with_networks(network(STRANGER, "", hidden=True), network("de:ad:be:ef:00:02", "", hidden=True))
    assert texts(facts, "(nom masqué)")["Bornes"] == "2"
    assert "3 réseaux de l'établissement" in table(facts).note
    assert "2 noms voisins ou inconnus (3 bornes)" in table(facts).note


def test_a_crowd_is_bounded_and_counted() -> None:
    crowd = tuple(network(f"a0:{n >> 8:02x}:{n & 255:02x}:d3:00:00", f"Voisin {n}") for n in range(FOREIGN_ROWS + 1))
    found = table(with_networks(*crowd))
    assert len(found.rows) == 3 + FOREIGN_ROWS
    assert "2 autres noms voisins sans ligne" in found.note


def test_columns_that_say_nothing_are_left_out() -> None:
    facts = air(networks=(network(THEIR_BOX, "Camping"),), roles={}, declared_bssids=())
    assert table(facts).columns == tuple(c for c in COLUMNS if c not in {"Séparation", "Isolement", "Signal (dBm)"})
    assert networks_table(NOTHING) is None


def test_what_the_data_does_not_say_is_a_question_mark_not_a_blank() -> None:
    cells = row(air(networks=(network(RES_5, RESIDENTS, **MUTE),)), RESIDENTS)
    for name in ("Chiffrement", "PMF", "WPS", "Séparation", "Isolement"):
        assert cells[name].level is Level.UNKNOWN
        assert cells[name].detail


def test_a_network_that_shares_the_vlan_of_the_staff_says_so_in_words() -> None:
    assert texts(reset(RESIDENTS, vlan=10), RESIDENTS)["Séparation"] == "VLAN 10, non séparé"
    assert texts(reset(RESIDENTS, vlan=None), RESIDENTS)["Séparation"] == ""


def test_a_role_nobody_declared_is_a_question_mark() -> None:
    facts = msgspec.structs.replace(NOTHING, configurations=(setting("Reseau12"),))
    assert row(facts, "Reseau12")["Usage"].level is Level.UNKNOWN
    guessed = air(networks=(network(PRO_5, "Soins"),), roles={}, declared_bssids=())
    assert texts(guessed, "Soins")["Usage"] == "professionnel (déduit du nom)"
    assert "à confirmer" in table(guessed).note


def test_without_inventory_the_note_says_what_cannot_be_told() -> None:
    assert "access_points" in table(site(declared_bssids=())).note
    assert "access_points" not in table(site()).note


def house(**fields: Any) -> WifiFacts:
    """The careful house with one radio of residents changed."""
    return retuned(RES_5, **fields)


SITES = {
    "careful": site(),
    "open pro": retuned(PRO_5, **OPEN),
    "wep pro": retuned(PRO_5, **WEP),
    "psk pro": retuned(PRO_5, **PSK),
    "mixed pro": retuned(PRO_5, **MIXED),
    "owe pro": retuned(PRO_5, **OWE),
    "no pmf": house(pmf="none"),
    "capable": house(pmf="capable"),
    "wpa": house(**WPA),
    "open residents": house(**OPEN),
    "wps": house(wps="configured"),
    "wps locked": house(wps="configured", locked=True),
    "wps button": house(wps="configured", wps_methods=("push-button",)),
    "mute": house(**MUTE),
    "six": retuned(PRO_5, band="6", channel=5, pmf="capable"),
    "same vlan": reset(RESIDENTS, vlan=10),
    "no isolation": reset(RESIDENTS, isolation=False),
    "isolation unknown": reset(RESIDENTS, isolation=None),
    "imitation": with_networks(network(STRANGER, PRO)),
    "weak imitation": with_networks(network(STRANGER, PRO, **OPEN)),
    "air": air(),
    "exports": exports(),
}
ORDER = [*(Level(str(severity)) for severity in Severity), Level.UNKNOWN, Level.NONE]


def worst(outcomes: list[Outcome], ids: dict[str, bool], ssid: str) -> Level:
    """What the verdicts of some controls on one SSID come to."""
    found = [Level.NONE]
    for outcome in outcomes:
        if outcome.control in ids and outcome.subject == ssid:
            if outcome.verdict is Verdict.FAIL:
                found.append(Level(str(outcome.severity)))
            elif outcome.verdict is Verdict.NOT_ASSESSED and ids[outcome.control]:
                found.append(Level.UNKNOWN)
    return min(found, key=ORDER.index)


def control_ids(column: str) -> dict[str, bool]:
    domain = CATALOGUE.domains["wifi"]
    found = {}
    for judge in JUDGES[column]:
        (entry,) = [c for c in domain.controls if domain.control_function(c) is judge.control]
        assert entry.severity is judge.severity, entry.id
        found[entry.id] = judge.doubt
    return found


@pytest.mark.parametrize("name", SITES)
def test_a_cell_is_as_grave_as_the_verdicts_it_shows(name: str) -> None:
    facts = SITES[name]
    outcomes = evaluate_facts(CATALOGUE.domains["wifi"], facts, CONTEXT)
    for ssid in (PRO, RESIDENTS, GUESTS):
        cells = row(facts, ssid)
        for column in JUDGES:
            level = cells[column].level if column in cells else Level.NONE
            assert level is worst(outcomes, control_ids(column), ssid), (ssid, column)


def test_the_verdicts_of_these_sites_are_not_all_the_same() -> None:
    levels = {cell.level for facts in SITES.values() for cells in table(facts).rows for cell in cells}
    assert levels == {Level.NONE, Level.LOW, Level.MEDIUM, Level.HIGH, Level.CRITICAL, Level.UNKNOWN}


# --- Channels


@pytest.mark.parametrize(
    ("band", "channel", "frequency"),
    [("2.4", 1, 2412), ("2.4", 13, 2472), ("2.4", 14, 2484), ("5", 36, 5180), ("5", 165, 5825), ("6", 1, 5955),
     ("6", 2, 5935), ("6", 233, 7115)],
)  # fmt: skip
def test_channels_are_where_the_norm_puts_them(band: str, channel: int, frequency: int) -> None:
    assert centre(band, channel) == frequency


@pytest.mark.parametrize(("band", "channel"), [("2.4", 0), ("2.4", 15), ("5", 14), ("5", 178), ("6", 234), ("60", 2)])
def test_a_channel_that_a_band_does_not_have(band: str, channel: int) -> None:
    assert centre(band, channel) is None


def test_the_plan_reads_back_as_captures_are_read() -> None:
    for name, band in BANDS.items():
        for channel in (*band.channels, *band.exceptions):
            frequency = centre(name, channel)
            assert frequency is not None
            if (name, channel) != ("6", 2) and frequency not in (5160, 5935):
                assert channel_of(frequency) == (name, channel)


def plan(facts: WifiFacts) -> Spans:
    found = channel_plan(facts)
    assert found is not None
    return found


def lane(facts: WifiFacts, title: str) -> Lane:
    return next(one for one in plan(facts).lanes if one.label == title)


def test_ours_and_theirs_are_apart_on_the_same_channel() -> None:
    facts = with_networks(
        network("a0:b1:c2:d3:e4:01", "Voisin 1", band="2.4", channel=6, strongest=-80),
        network("a0:b1:c2:d3:e4:02", "Voisin 2", band="2.4", channel=6, strongest=-70),
    )
    found = plan(retuned(PRO_24, facts, strongest=-50))
    assert found.groups == (OURS, THEIRS)
    (ours, theirs) = found.lanes[0].spans[0], next(s for s in found.lanes[0].spans if s.group == 1 and s.start == 2427)
    assert ours == Span(
        label=PRO, start=2427, stop=2447, height=-50.0, group=0,
        detail=f"Canal 6, 1 borne : « {PRO} », mieux reçu à \u221250\u00a0dBm.",
    )  # fmt: skip
    assert (theirs.label, theirs.height) == ("×\u00a02", -70.0)
    assert "« Voisin 1 », « Voisin 2 »" in theirs.detail
    assert ours.stop - ours.start == CHANNEL_WIDTH


def test_networks_of_one_access_point_share_a_shape() -> None:
    (span,) = [span for span in lane(site(), "5 GHz").spans if span.group == 0]
    assert span.label == f"{PRO}, {RESIDENTS} et 1 autre"
    assert "3 bornes" in span.detail


def test_an_imitation_stands_apart_and_is_marked() -> None:
    found = plan(with_networks(network(STRANGER, PRO, band="2.4", channel=11)))
    assert IMITATORS in found.groups
    (span,) = [s for one in found.lanes for s in one.spans if found.groups[s.group] == IMITATORS]
    assert (span.label, span.level) == (PRO, Level.HIGH)


def test_a_signal_that_was_not_measured_has_no_height() -> None:
    found = plan(site())
    assert found.scale == ""
    assert {span.height for one in found.lanes for span in one.spans} == {None}
    assert "non mesuré" in found.lanes[0].spans[0].detail
    assert plan(retuned(PRO_5, strongest=-50)).scale


def test_only_bands_where_something_is_are_drawn() -> None:
    assert [one.label for one in plan(site()).lanes] == ["2,4 GHz", "5 GHz"]
    assert [one.label for one in plan(retuned(PRO_5, band="6", channel=5)).lanes] == ["2,4 GHz", "5 GHz", "6 GHz"]


def test_channel_fourteen_has_room_only_when_used() -> None:
    usual, japan = lane(site(), "2,4 GHz"), lane(retuned(PRO_24, channel=14), "2,4 GHz")
    assert (usual.ticks[-1].label, japan.ticks[-1].label) == ("13", "14")
    assert usual.stop < japan.stop == 2494


def test_channels_outside_the_bands_are_counted() -> None:
    found = plan(
        with_networks(network(STRANGER, "Loin", band="60", channel=2), network(STRANGER, "Flou", channel=None))
    )
    assert "2 réseaux sur un canal inconnu" in found.note


def test_no_channel_no_drawing() -> None:
    assert channel_plan(exports()) is None
    assert channel_plan(NOTHING) is None
    only = exhibits(exports())
    assert [type(one) for one in only] == [Table]
    assert "Pas de dessin des canaux" in only[0].note


@given(st.lists(st.tuples(st.sampled_from(["", "2.4", "5", "6", "60", "x"]), st.none() | st.integers(-300, 300),
                          st.none() | st.integers(-200, 50), st.text(max_size=40)), max_size=30))  # fmt: skip
def test_any_capture_can_be_drawn(found: list[tuple[str, int | None, int | None, str]]) -> None:
    networks = tuple(
        network(f"a0:b1:c2:d3:e4:{n:02x}", ssid, band=band, channel=channel, strongest=signal)
        for n, (band, channel, signal, ssid) in enumerate(found)
    )
    for facts in (air(networks=networks), air(networks=networks, roles={found[0][3] or "x": "pro"} if found else {})):
        for picture in domain_exhibits(CATALOGUE.domains["wifi"], facts):
            assert picture.title != "Tableaux indisponibles"


# --- Signal over time


def samples(*means: float | None, seconds: int = 10, start: int = START) -> tuple[Sample, ...]:
    """One sample per period; a text leaves the period out."""
    return tuple(
        Sample(start=start + n * seconds, seconds=seconds, frames=9, mean=mean)
        for n, mean in enumerate(means)
        if mean != 0
    )


def lines(facts: WifiFacts) -> Lines:
    found = signal_over_time(facts)
    assert found is not None
    return found


def test_one_line_per_radio_of_ours_the_strongest_first() -> None:
    facts = retuned(RES_5, retuned(PRO_5, samples=samples(-70.0, -71.0)), samples=samples(-50.0, -52.5))
    facts = retuned(THEIR_BOX, facts, samples=samples(-30.0, -30.0))
    found = lines(facts)
    assert [one.label for one in found.series] == ["Tilleuls-Residen… 55:51", "Tilleuls-Pro 55:50"]
    assert [(point.at, point.value) for point in found.series[0].points] == [(START, -50.0), (START + 10, -52.5)]
    assert RES_5 in found.series[0].detail
    assert "période de 10 s" in found.note


def test_a_line_is_cut_where_nothing_was_heard() -> None:
    (one,) = lines(retuned(PRO_5, samples=samples(-60.0, 0, 0, -62.0, None, -61.0))).series
    assert [(point.at - START, point.value) for point in one.points] == [
        (0, -60.0), (10, None), (30, -62.0), (40, None), (50, -61.0)
    ]  # fmt: skip


def test_an_unknown_radio_with_our_name_has_a_line_that_says_so() -> None:
    found = lines(with_networks(network(STRANGER, PRO, samples=samples(-60.0, -61.0))))
    assert "hors inventaire" in found.series[0].detail


def test_lines_are_bounded_and_the_others_counted() -> None:
    crowd = tuple(
        network(f"00:11:22:33:99:{n:02x}", PRO, samples=samples(-40.0 - n, -40.0)) for n in range(MAX_SERIES + 2)
    )
    facts = with_networks(*crowd, base=site(declared_bssids=()))
    found = lines(facts)
    assert len(found.series) == MAX_SERIES
    assert "2 autres bornes moins bien reçues" in found.note
    assert "Une autre borne" in lines(with_networks(*crowd[:-1], base=site(declared_bssids=()))).note


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (retuned(PRO_5, samples=samples(-60.0)), "la capture est trop courte"),
        (retuned(PRO_5, samples=samples(None, None)), "n'enregistre pas la force du signal"),
        (site(), "n'enregistre pas la force du signal"),
        (air(networks=(network(PRO_5, PRO, source="scan", strongest=-40),)), "sans durée"),
        (exports(), "aucune de nos bornes n'a été entendue"),
        (air(networks=(network(THEIR_BOX, "Camping"),), roles={}, declared_bssids=()), "aucun réseau n'est connu"),
    ],
)
def test_without_a_line_the_table_says_why(facts: WifiFacts, why: str) -> None:
    assert signal_over_time(facts) is None
    (found,) = [one for one in exhibits(facts) if one.title == "Réseaux Wi-Fi et leurs protections"]
    assert why in found.note


def test_the_order_of_samples_does_not_matter_and_none_counts_twice() -> None:
    shuffled = (*reversed(samples(-60.0, -61.0, -62.0)), samples(-60.0)[0])
    (one,) = lines(retuned(PRO_5, samples=shuffled)).series
    assert [point.value for point in one.points] == [-60.0, -61.0, -62.0]


# --- The room


def test_the_room_of_the_domain_gives_them_all() -> None:
    facts = retuned(PRO_5, samples=samples(-60.0, -61.0), strongest=-58)
    found = domain_exhibits(CATALOGUE.domains["wifi"], facts)
    assert [type(one) for one in found] == [Table, Table, Spans, Lines]
    assert found[0].title == f"Essai depuis le Wi-Fi des résidents (« {RESIDENTS} »)"
    assert found[1].title == "Réseaux Wi-Fi et leurs protections"
    assert domain_exhibits(CATALOGUE.domains["wifi"], NOTHING) == ()


def test_a_test_from_inside_is_shown_without_any_radio() -> None:
    facts = msgspec.structs.replace(NOTHING, inside=site().inside)
    (found,) = domain_exhibits(CATALOGUE.domains["wifi"], facts)
    assert found.lead.startswith("D'un poste résident")


def test_an_ssid_with_hostile_characters_is_cleaned_everywhere() -> None:
    name = "Pro\u202e\x1b[2J<b>"
    facts = air(networks=(network(PRO_5, name, samples=samples(-1.0, -2.0), strongest=-1),), roles={name: "pro"})
    text = msgspec.json.encode(domain_exhibits(CATALOGUE.domains["wifi"], facts)).decode()
    assert "Pro\ufffd\ufffd[2J<b>" in text
    assert "\u202e" not in text
    assert "\x1b" not in text
