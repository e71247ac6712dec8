"""Look at all pages of the built documentation in Chromium, and print what is wrong.

    python .ci/check_site.py docs/_build/html

Wrong are: errors in the console, a page that is wider than the window at 1280 or 420 pixels, a block of code that is
cut at 1280 pixels, and links to pages or places that are not there. Without a Chromium nothing is looked at.
"""

import shutil
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from playwright.sync_api import sync_playwright

WIDTHS = (1280, 420)
CUT_BLOCKS = """() => [...document.querySelectorAll("div.highlight pre")]
    .filter(block => block.scrollWidth > block.clientWidth + 1).map(block => block.innerText.split("\\n")
    .reduce((longest, line) => line.length > longest.length ? line : longest, ""))"""
IDS = "() => [...document.querySelectorAll('[id]')].map(element => element.id)"
LINKS = "() => [...document.querySelectorAll('a[href]')].map(link => link.href)"


def main(folder):
    """Look at all pages and exit with 1 if something is wrong."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("There is no Chromium here: the pages are not looked at.")
        return
    pages = sorted(page for page in folder.rglob("*.html") if "_static" not in page.parts)
    wrong, ids, links = [], {}, {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page()
        tab.add_init_script("localStorage.mode ||= 'auto'")  # without one the theme writes to the console
        tab.on("console", lambda message: message.type == "error" and wrong.append(f"{tab.url}: {message.text}"))
        tab.on("pageerror", lambda error: wrong.append(f"{tab.url}: {error}"))
        for page in pages:
            for width in WIDTHS:
                tab.set_viewport_size({"width": width, "height": 900})
                tab.goto(page.as_uri())
                name = f"{page.relative_to(folder)} at {width} px"
                if (actual := tab.evaluate("() => document.documentElement.scrollWidth")) > width:
                    wrong.append(f"{name}: the page is {actual} px wide")
                if width == WIDTHS[0]:
                    wrong += [f"{name}: code is cut: {line}" for line in tab.evaluate(CUT_BLOCKS)]
            ids[page.as_uri()], links[page] = set(tab.evaluate(IDS)), set(tab.evaluate(LINKS))
        browser.close()
    for page, targets in links.items():
        wrong += [f"{page.relative_to(folder)}: {target} is not there" for target in targets if is_dead(target, ids)]
    print(*wrong, f"{len(pages)} pages, {len(wrong)} faults", sep="\n")
    sys.exit(bool(wrong))


def is_dead(target, ids):
    """Whether a link within the documentation leads nowhere."""
    parts = urlsplit(target)
    if parts.scheme != "file":
        return False
    page = parts._replace(fragment="", query="").geturl()
    if page not in ids:
        return not Path(unquote(parts.path)).exists()
    return bool(parts.fragment) and unquote(parts.fragment) not in ids[page]


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
