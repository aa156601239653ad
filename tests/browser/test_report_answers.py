"""What someone who has only the file wants to know, each within a few steps from its first screen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opening import opened, watched
from playwright.sync_api import Browser, Locator, Page, expect


@pytest.fixture
def page(browser: Browser, judged_address: str) -> Iterator[Page]:
    yield from watched(browser, judged_address)


@pytest.fixture(params=[True, False], ids=["script", "no script"])
def plain_page(browser: Browser, judged_address: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    with browser.new_context(java_script_enabled=request.param) as context:
        yield opened(context, judged_address)[0]


def answer(page: Page) -> Locator:
    """The line on the Cameraman at ×4 in the first table of the page."""
    page.locator(".contents a", has_text="Who is best").click()
    row = page.locator("#best tbody tr", has_text="Cameraman 512², ×4")
    expect(row).to_be_in_viewport()
    return row


def test_which_arm_wins_on_the_cameraman_and_whether_that_is_significant(plain_page: Page) -> None:
    cells = answer(plain_page).locator("th, td").all_inner_texts()
    assert (cells[1], cells[4], cells[5]) == ("Bicubic", "SIREN", "not significant")
    assert cells[2].split() == ["26.667", "dB"]


def test_what_the_paper_says_for_it(plain_page: Page) -> None:
    assert answer(plain_page).locator("td").last.inner_text().split() == ["26.667", "(Bicubic)"]


def test_how_that_one_cell_is_run_again(plain_page: Page) -> None:
    answer(plain_page).get_by_role("link", name="Bicubic").click()
    command = plain_page.locator("details[open] .command").first
    expect(command).to_be_in_viewport()
    assert "snakemake results/cells/sr/cameraman-512-x4/bicubic/cell.json" in command.inner_text()


def test_on_what_machine_it_ran(plain_page: Page) -> None:
    machine = plain_page.locator("header .facts div", has_text="Machine")
    expect(machine).to_be_in_viewport()
    assert "cpu (a processor), 1 thread, host node-1" in machine.inner_text()


def shown(page: Page) -> dict[str, str]:
    """The claims that are seen, and their verdicts."""
    rows = page.locator("#claims tr[data-verdict]:visible").all()
    return {str(row.get_attribute("id")): str(row.get_attribute("data-verdict")).split()[0] for row in rows}


def test_whether_positional_encoding_and_vgg_hurt_siren(page: Page) -> None:
    page.get_by_label("Claims with").fill("P.E. + VGG hurts SIREN")
    assert shown(page) == {"claim:S7-06": "not-testable"}
    assert (
        "sr/div2k-0144-512-x4/siren-3x256/steps=1000 is not in this run"
        in page.locator("[id='claim:S7-06']").inner_text()
    )
    page.get_by_label("Claims with").fill("p.e. vgg relu network")
    assert shown(page) == {"claim:X6": "holds", "claim:DEV-11": "refuted", "claim:S7-06": "not-testable"}
    assert page.locator("#claims [role=status]").inner_text() == "3 of 272"


def test_without_script_that_claim_leads_to_the_one_on_what_the_paper_shows_under_its_name(
    browser: Browser, judged_address: str
) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{judged_address}#claim:S7-06")
        page.locator("[id='claim:S7-06']").get_by_role("link", name="X6").click()
        expect(page.locator("[id='claim:X6']")).to_be_in_viewport()
        expect(page.locator("[id='claim:X6']")).to_contain_text("is a ReLU network")


def test_a_count_of_the_header_leads_to_the_claims_that_it_counts(page: Page) -> None:
    count = page.locator("header a.badge", has_text="fails")
    wanted = int(count.inner_text().split()[0])
    count.click()
    expect(page.locator("#title-claims")).to_be_in_viewport()
    assert list(shown(page).values()) == ["fails"] * wanted
    assert page.locator("#claims .choices [aria-pressed=true]").inner_text() == "fails"


def test_the_address_keeps_what_is_chosen(page: Page) -> None:
    page.get_by_role("group", name="Show").first.get_by_role("button", name="refuted").click()
    page.get_by_label("Claims with").fill("SRGAN: ×4")
    address = str(page.evaluate("location.href"))
    assert address.endswith("#claims:refuted:SRGAN%3A%20%C3%974")
    page.get_by_label("Claims with").fill("interpolation")
    before = shown(page)
    assert set(before.values()) == {"refuted"}
    kept = str(page.evaluate("location.href"))
    page.goto("about:blank")
    page.goto(kept)
    assert shown(page) == before
    assert page.get_by_label("Claims with").input_value() == "interpolation"


def test_the_claims_of_one_section_are_chosen_by_keyboard_and_kept_in_the_address(page: Page) -> None:
    sections = page.locator("#claims select")
    sections.focus()
    page.keyboard.type("Image fitting")
    expect(sections).to_have_value("fitting")
    assert str(page.evaluate("location.hash")) == "#claims:::fitting"
    before = shown(page)
    assert [one for one in before if "FIT-" in one] == list(before) != []
    page.get_by_role("group", name="Show").first.get_by_role("button", name="not testable").press("Enter")
    assert set(shown(page).values()) == {"not-testable"}
    page.evaluate("location.hash = '#claims:::poisson'")
    expect(sections).to_have_value("poisson")
    assert not before.items() & shown(page).items()
    page.evaluate("location.hash = '#claims:::nothing'")
    expect(sections).to_have_value("")


def test_what_holds_without_a_run_is_told_from_what_this_run_shows(page: Page) -> None:
    count = page.locator("header a", has_text="without a run")
    wanted = int(count.inner_text().split()[0])
    assert 30 < wanted < int(page.locator("header a.badge", has_text="holds").inner_text().split()[0])
    count.click()
    assert list(shown(page).values()) == ["holds"] * wanted
    assert page.locator("#claims .choices [aria-pressed=true]").inner_text() == "holds without a run"
    grounds = page.locator("#claims tr[data-verdict]:visible > td:nth-child(2)").all_inner_texts()
    assert all("without a run: " in text for text in grounds)


@pytest.mark.parametrize("address", ["#claims:nothing", "#claims:fails:%", "#claims::::", "#claim:%E0", "#%", "#:"])
def test_an_address_that_means_nothing_stops_nothing(page: Page, address: str) -> None:
    page.evaluate("address => { location.hash = address; }", address)
    page.wait_for_timeout(50)
    assert page.locator("#claims tr[data-verdict]").count() == 272


def test_a_link_to_a_claim_shows_it_whatever_is_chosen(page: Page) -> None:
    page.locator("header a.badge", has_text="fails").click()
    row = page.locator("[id='claim:X1']")
    expect(row).to_be_hidden()
    page.evaluate("location.hash = 'claim:X1'")
    expect(row).to_be_in_viewport()


def test_every_claim_is_reached_by_its_address(page: Page) -> None:
    ids = [str(row.get_attribute("id")) for row in page.locator("#claims tr[data-verdict]").all()]
    assert len(ids) == len(set(ids)) == 272
    for one in ids[::17]:
        page.evaluate("one => { location.hash = one; }", one)
        expect(page.locator(f"[id='{one}']")).to_be_in_viewport()


def test_a_claim_and_a_cell_lead_to_the_studies_that_show_them(page: Page) -> None:
    claim = page.locator("#claims tr[data-verdict]", has=page.locator("a[href*='siren'][href^='#cell:fit']")).first
    page.evaluate("one => { location.hash = one; }", claim.get_attribute("id"))
    claim.locator("summary").press("Enter")
    shown_in = claim.locator(".grounds p", has_text="Shown in:")
    assert shown_in.locator("a").count() == 1, "no cell of the demo is in two studies"
    study = str(shown_in.locator("a").get_attribute("href"))
    claim.locator("li a").first.press("Enter")
    shown_in_study = page.locator("#cells details[open] .facts div", has_text="Shown in").locator("a")
    assert shown_in_study.get_attribute("href") == study
    shown_in_study.press("Enter")
    expect(page.locator(f"[id='{study[1:]}'] h2")).to_be_in_viewport()
