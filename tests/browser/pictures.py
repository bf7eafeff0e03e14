"""`make pictures`: the pictures of the documentation, and every view of the dashboard in both themes and three widths.

The workbook is the demo's, drawn by LibreOffice; the dashboard is the running app's, with 1,000 jobs, in Chromium.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import openpyxl
from openpyxl.worksheet.page import PageMargins
from openpyxl.worksheet.properties import PageSetupProperties
from playwright.sync_api import Browser, expect

from localhost.demo_workbook import first_workbook
from localhost.services import LocalServices
from tests.browser.install import launched
from tests.builders import a_workbook
from tests.conftest import service_folder
from tests.e2e import seeds
from tests.e2e.app import App

ROOT = Path(__file__).parents[2]
DOCUMENTED = ROOT / "docs" / "pictures"
EVERY_VIEW = ROOT / ".localhost" / "pictures"
VIEWS = {
    "overview": "",
    "jobs": "jobs",
    "job": f"jobs/{seeds.BUSY_JOB}",
    "runs": "runs",
    "run": f"runs/{seeds.BIG_RUN}",
    "workbook": "workbook",
}
WIDTHS = {"phone": 390, "tablet": 768, "desktop": 1280}
HEIGHT = 860


def draw_workbook(folder: Path) -> None:
    """Draw the first columns of the sheet of jobs, as LibreOffice prints them on one page.

    Raises:
        FileNotFoundError: LibreOffice or poppler's pdftoppm is not installed.
    """
    book = openpyxl.load_workbook(io.BytesIO(first_workbook()))
    for sheet in book.worksheets:
        sheet.sheet_state = "visible" if sheet.title == "SourceConfig" else "hidden"
    sheet = book["SourceConfig"]
    book.active = book.index(sheet)
    sheet.print_area = "A1:J9"
    sheet.page_setup.orientation, sheet.page_setup.fitToHeight = "landscape", 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.print_options.gridLines = True
    sheet.page_margins = PageMargins(left=0.2, right=0.2, top=0.2, bottom=0.2)
    book.save(folder / "workbook.xlsx")
    convert = ["soffice", "--headless", "--convert-to", "pdf", "--outdir", str(folder), str(folder / "workbook.xlsx")]
    subprocess.run(convert, check=True, capture_output=True)
    area = ["-x", "0", "-y", "0", "-W", "1760", "-H", "230"]
    draw = ["pdftoppm", "-singlefile", "-r", "150", *area, "-png", str(folder / "workbook.pdf")]
    subprocess.run([*draw, str(DOCUMENTED / "workbook")], check=True)


def draw_dashboard(browser: Browser, app: App) -> None:
    """Every view, theme and width into `.localhost/pictures`; the overview into the documentation."""
    for theme in ("light", "dark"):
        for name, width in WIDTHS.items():
            context = browser.new_context(viewport={"width": width, "height": HEIGHT})
            context.add_init_script(f"sessionStorage.setItem('function-key', {json.dumps(app.function_key)})")
            page = context.new_page()
            page.emulate_media(color_scheme="light" if theme == "light" else "dark")
            for view, address in VIEWS.items():
                page.goto(f"{app.url}/api/dashboard#/{address}")
                expect(page.locator("main h1")).to_be_visible(timeout=60_000)
                expect(page.locator("main[aria-busy]")).to_have_count(0, timeout=60_000)
                page.wait_for_load_state("networkidle")
                page.screenshot(path=EVERY_VIEW / f"{view}-{theme}-{name}.png", full_page=width < HEIGHT)
            context.close()
    shutil.copy(EVERY_VIEW / "overview-light-desktop.png", DOCUMENTED / "dashboard.png")


def main() -> None:
    """Draw everything."""
    EVERY_VIEW.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        draw_workbook(Path(folder))
    with (
        service_folder() as folder_of_services,
        LocalServices(folder_of_services) as services,
        tempfile.TemporaryDirectory() as host_folder,
        launched() as browser,
    ):
        app = App(services, Path(host_folder), INGESTION_SCHEDULE="0 0 3 1 1 *")
        with app.host:
            rows = [
                {"job_id": seeds.job_id(number), "source_name": "crm", "table_name": f"table_{number:04}"}
                for number in range(seeds.JOBS)
            ]
            app.upload(a_workbook(*rows))
            seeds.write(services.table_service().get_table_client(app.settings["AUDIT_TABLE"]), runs=130, history=130)
            draw_dashboard(browser, app)
    sys.stdout.write(f"{DOCUMENTED.relative_to(ROOT)} and {EVERY_VIEW.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
