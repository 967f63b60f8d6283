"""What the dashboard answers."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from harness.dashboard import DashboardApp
from harness.outputs import routed
from tidings_services.dashboard.app import STATIC
from tidings_services.dashboard.status import FeedStatus


@pytest.fixture
def dashboard() -> DashboardApp:
    return DashboardApp()


@pytest.fixture
async def client(dashboard: DashboardApp) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(dashboard.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://dashboard") as client:
        yield client


@pytest.mark.parametrize(
    "path", ["/", "/api/state", "/healthz", "/metrics", "/static/scripts/main.js", "/nowhere"]
)
async def test_every_answer_has_the_security_headers(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers

    policy = dict(
        directive.strip().split(" ", 1)
        for directive in headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_page_has_no_inline_script_or_style_and_no_foreign_address() -> None:
    html = (STATIC / "index.html").read_text()

    assert not re.search(r"<script(?![^>]*\ssrc=)", html)
    assert not re.search(r"<style|\sstyle=|\son\w+=", html)
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", html)


async def test_everything_the_page_names_is_there(client: httpx.AsyncClient) -> None:
    html = (await client.get("/")).text
    named = set(re.findall(r"""(?:src|href)="(/static/[^"]+)""", html))

    assert len(named) >= 6
    assert {path: (await client.get(path)).status_code for path in named} == dict.fromkeys(
        named, 200
    )


def test_scripts_never_read_text_as_markup() -> None:
    own = [path for path in STATIC.rglob("*.js") if "vendor" not in path.parts]

    assert own
    for path in own:
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", path.read_text()
        ), path


async def test_state_is_json_of_the_whole_picture(
    dashboard: DashboardApp, client: httpx.AsyncClient
) -> None:
    dashboard.picture.fold(routed(5))

    response = await client.get("/api/state")

    assert response.headers["content-type"] == "application/json"
    state = response.json()
    assert state["feed"]["state"] == "reading"
    assert state["totals"]["outcomes"]["routed"]["total"] == 1
    assert state["decisions"][0]["text"] == "where is my new card?"


async def test_customer_is_not_named(dashboard: DashboardApp, client: httpx.AsyncClient) -> None:
    dashboard.picture.fold(routed(5, customer_id="C-SECRET"))

    assert "C-SECRET" not in (await client.get("/api/state")).text


async def test_ready_once_kafka_answers(dashboard: DashboardApp, client: httpx.AsyncClient) -> None:
    dashboard.status = FeedStatus(state="connecting")
    assert (await client.get("/readyz")).status_code == 503

    dashboard.status = FeedStatus(state="waiting", detail="kafka:9092")
    assert (await client.get("/readyz")).status_code == 200


async def test_alive_while_kafka_is_away(
    dashboard: DashboardApp, client: httpx.AsyncClient
) -> None:
    dashboard.status = FeedStatus(state="away", detail="kafka:9092")

    assert (await client.get("/healthz")).status_code == 200
    assert (await client.get("/readyz")).status_code == 503


async def test_metrics_count_records_by_topic(
    dashboard: DashboardApp, client: httpx.AsyncClient
) -> None:
    dashboard.metrics.records.labels("routed-messages").inc(3)

    text = (await client.get("/metrics")).text

    assert 'tidings_dashboard_records_total{topic="routed-messages"} 3.0' in text
    assert "tidings_dashboard_clients 0.0" in text
