from __future__ import annotations

import threading
import urllib.request
from pathlib import Path

import pytest

from reports.__main__ import main
from reports.serve import server


def test_build_prints_where_the_site_is_and_needs_no_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("reports.build.cpu_count", lambda: 1)  # pages of nothing are no work for several processes
    (tmp_path / "records").mkdir()
    out = tmp_path / "site"
    assert main(["build", "--records", str(tmp_path / "records"), "--out", str(out)]) == 0
    assert (out / "index.html").resolve().as_uri() in capsys.readouterr().out
    assert "not tested" in (out / "index.html").read_text()


def test_damaged_record_is_named_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "half.jsonl").write_text('{"schema": 1')
    assert main(["build", "--records", str(tmp_path), "--out", str(tmp_path / "site")]) == 2
    message = capsys.readouterr().err
    assert "half.jsonl" in message
    assert message.count("\n") == 1


def test_folder_of_records_that_does_not_exist_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["build", "--records", str(tmp_path / "missing")])
    assert "missing is not a folder" in capsys.readouterr().err


def test_serve_refuses_a_folder_without_a_site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--site", str(tmp_path)]) == 2
    assert "there is no site" in capsys.readouterr().err


def test_served_page_is_the_built_one(site: Path) -> None:
    with server(site, 0) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{listening.server_port}/index.html") as answer:
                assert answer.read() == (site / "index.html").read_bytes()
        finally:
            listening.shutdown()
            thread.join()
