"""The chat page's files: open to all, and closed to everything that is not theirs."""

import re

from tests.service.apps import served


def test_the_page_is_there_and_what_it_asks_for_too() -> None:
    with served(page=True, api_keys=["alpha"]) as service:
        page = service.client.get("/")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        names = re.findall(r'(?:src|href)="([\w./-]+)"', page.text)
        assert names
        for name in names:
            file = service.client.get(f"/{name}")
            assert file.status_code == 200
            kind = "javascript" if name.endswith("js") else "css"
            assert kind in file.headers["content-type"]
            assert file.headers["x-content-type-options"] == "nosniff"
        assert service.client.get("/__init__.py").status_code == 404
        assert service.client.get("/page/index.html").status_code == 404


def test_there_need_be_no_page() -> None:
    with served(page=False) as service:
        assert service.client.get("/").status_code == 404
