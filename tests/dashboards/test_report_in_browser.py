"""Nothing of a document runs in a real browser, and no request leaves it (headless Chromium)."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.dashboards.run_folder import QUALITY, STAGES, build_run, document, english, quarantined

from curate.dashboards.report import write_report

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed (pip install 'curate[dev]')"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no chromium found; install it (apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """A server that writes down whatever asks it: (its URL, the paths asked for)."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()


def attacks(url: str) -> list[str]:
    """Text that runs or loads wherever one kind of escaping is missing."""
    run = "document.documentElement.dataset.ran=1"
    return [
        f"<script>{run};fetch('{url}/script')</script>",
        f"<img src=x onerror=\"{run}\"><img src='{url}/image'>",
        f"</script><script>{run}</script>",
        f"</style></title></textarea></blockquote><svg onload={run}>",
        f'"><body onload="{run}"><iframe src=\'{url}/frame\'></iframe>',
        f"' onfocus='{run}' autofocus='",
        f"<link rel=stylesheet href='{url}/style'><style>@import '{url}/import'</style>",
        f"<!--</script><meta http-equiv=refresh content='0;url={url}/refresh'>",
        f"javascript:{run}",
        "{{ 7 * 7 }}{% raw %}${7*7}",
        f"\u2028\u202e</SCRIPT\x00><details open ontoggle={run}>",
    ]


def hostile_run(folder: Path, url: str) -> None:
    """A run whose every string is an attack: texts, ids, urls, names, reasons, versions, bytes."""
    all_attacks = attacks(url)
    whole = "".join(all_attacks)
    documents = [
        document(f"{attack} " * (1 + place % 3), "web", place * 100, id=f"web/{attack}#{place}")
        | {"locator": attack, "url": attack, "date": attack, "language": attack, "meta": whole}
        for place, attack in enumerate(all_attacks * 2)
    ]
    bad = [
        quarantined(place, id=attack, locator=attack, stage=attack, error=attack, message=attack)
        | {"raw": attack.encode()}
        for place, attack in enumerate(all_attacks)
    ]
    rules = tuple(replace(rule, name=whole + rule.name) for rule in QUALITY)
    stages = {f"{whole}quality": rules, "exact_dedup": STAGES["exact_dedup"]}
    build_run(folder, [*documents, *english(20)], bad, stages)
    record = json.loads((folder / "run.json").read_bytes())
    record["tokenizer"] = {"measured_on": whole, "sources": {whole: {whole: whole}}, whole: 1}
    for key in ("versions", "fingerprints", "executor"):
        record[key] = {whole: whole}
    record["step_seconds"] = {whole: 1.0}
    record["name"] = whole
    record["warnings"] = all_attacks
    record["error"] = {"type": whole, "message": whole}
    record["spec"] = {"text": whole, "path_name": whole}
    record["skipped"] = {whole: {whole: 1}}
    record["determinism"] = {"weakest": whole, "stage": whole}
    record["tokens"] = {whole: {whole: {"documents": 1, "tokens": 1}}}
    source = record["sources"]["web"] | {"license": whole, "tags": all_attacks, "kind": whole}
    record["sources"][whole] = source | {"format": whole}
    (folder / "run.json").write_text(json.dumps(record))


def open_everything(page: Any) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    page.evaluate("document.querySelectorAll('*').forEach((e) => { if (e.focus) e.focus(); })")
    page.wait_for_timeout(300)


@pytest.mark.parametrize("policy", ["with policy", "escaping alone"])
def test_nothing_of_a_document_runs_and_no_request_leaves(tmp_path, browser, listener, policy):
    url, asked = listener
    hostile_run(tmp_path, url)
    page_path = Path(write_report(str(tmp_path), title="".join(attacks(url))))
    if policy == "escaping alone":
        text = page_path.read_text(encoding="utf-8")
        head, _, tail = text.partition('<meta http-equiv="Content-Security-Policy"')
        page_path.write_text(head + "<meta" + tail, encoding="utf-8")
    page = browser.new_page(viewport={"width": 390, "height": 800})
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("dialog", lambda dialog: requests.append(f"dialog {dialog.message}"))
    page.goto(page_path.as_uri())
    open_everything(page)
    assert page.evaluate("document.documentElement.dataset.ran") is None
    assert asked == []
    assert requests == [page_path.as_uri()]
    assert page.evaluate("document.scripts.length") == 2
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert (
        page.evaluate("document.querySelectorAll('img,iframe,link,base,form,object').length") == 0
    )
    assert page.evaluate("document.querySelectorAll('meta[http-equiv=refresh]').length") == 0
    # The attack is there to be read, and the template engine did not run it either.
    shown = page.inner_text("main")
    assert "<script>document.documentElement.dataset.ran=1" in shown
    assert "{{ 7 * 7 }}" in shown
    assert "[U+202E]" in shown
    page.close()


def test_the_attacks_do_run_where_nothing_stops_them(tmp_path, browser, listener):
    """The test above can see what it looks for."""
    url, asked = listener
    page_path = tmp_path / "bare.html"
    page_path.write_text("<!DOCTYPE html><body>" + "".join(attacks(url)[:2]), encoding="utf-8")
    page = browser.new_page()
    page.goto(page_path.as_uri())
    open_everything(page)
    assert page.evaluate("document.documentElement.dataset.ran") == "1"
    assert asked
    page.close()


def test_the_policy_alone_stops_an_attack_that_was_not_escaped(tmp_path, browser, listener):
    url, asked = listener
    build_run(tmp_path, english(30))
    page_path = Path(write_report(str(tmp_path)))
    text = page_path.read_text(encoding="utf-8")
    page_path.write_text(text.replace("</main>", "".join(attacks(url)[:7]) + "</main>"))
    page = browser.new_page()
    page.goto(page_path.as_uri())
    open_everything(page)
    assert page.evaluate("document.documentElement.dataset.ran") is None
    assert asked == []
    page.close()


@pytest.fixture
def page(tmp_path, browser) -> Iterator[Any]:
    build_run(tmp_path, english(200), [quarantined(1)])
    page = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme="dark")
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(Path(write_report(str(tmp_path))).as_uri())
    yield page
    page.close()
    assert complaints == []


def test_the_page_fits_a_phone_and_follows_the_dark_mode(page):
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("#theme")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark


def test_the_page_can_be_used_with_the_keyboard(page):
    page.focus("#rules details.rule:nth-of-type(2) summary")
    page.keyboard.press("Enter")
    assert page.evaluate("document.querySelectorAll('#rules details.rule')[1].open")
    page.focus("figure.signal:nth-of-type(2)")
    page.keyboard.press("ArrowRight")
    assert "kept" in page.inner_text("figure.signal:nth-of-type(2) .reading")
    page.fill("#rule-filter", "duplicate")
    assert page.inner_text("#rule-found").endswith("of 5 rules")
