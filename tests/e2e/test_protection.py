"""docs/protection.md takes a reader from nothing to a masked table: its own commands are run, one after the other."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.conftest import service_folder
from tests.e2e.commands import ROOT, call, read_until, running

PAGE = (ROOT / "docs" / "protection.md").read_text(encoding="utf-8")
WITH_FOLDER = ("run", "masks")


def test_the_commands_of_the_page_mask_a_table_and_show_what_is_still_plain(tmp_path: Path) -> None:
    (workbook,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    commands = re.findall(r"^\$ (.*)$", PAGE, re.MULTILINE)
    file = tmp_path / "people.yaml"
    file.write_text(workbook)
    said = {}
    with service_folder() as temporary_folder:
        folder = temporary_folder / "app"
        with running("start", "--port", 0, "--folder", folder, temporary_folder=temporary_folder) as process:
            read_until(process, "localhost upload")
            for command in commands:
                if added := re.fullmatch(r"echo '(.*)' >>people.yaml", command):
                    file.write_text(f"{file.read_text()}{added[1]}\n")
                    continue
                given = shlex.split(command.removeprefix("python -m localhost "))
                words = [str(tmp_path / word) if word.endswith((".yaml", ".xlsx")) else word for word in given]
                ended = call(*words, *(("--folder", folder) if words[0] in WITH_FOLDER else ()))
                assert ended.returncode == 0, (command, ended.stdout, ended.stderr)
                said[command] = ended.stdout
    first, second = (output for command, output in said.items() if " run " in command)
    assert "SUCCEEDED, 1 of 1 jobs done, 23 rows" in first
    assert "SUCCEEDED, 1 of 1 jobs done, 23 rows" in second
    (difference,) = (output for command, output in said.items() if " diff " in command)
    assert "masked_columns" in difference
    assert "keep plain values until maintenance has removed them" in difference
    plain = said["python -m localhost masks pg_people"]
    assert "pg_people masks sizing_name:hash, comments:null." in plain
    assert "1 file(s) in container lake hold plain values:\n- protected/local_pg_sql_sizing/sql_sizing/" in plain
    assert "MAINTENANCE_SCHEDULE" in plain
