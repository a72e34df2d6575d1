"""Where uploads go to: names are parts of a URL, as the manager's library reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flyte2_messages as make
import pytest
from flyteidl2.dataproxy import dataproxy_service_pb2 as wire

if TYPE_CHECKING:
    from flyte2_client import Client


def upload(owner: str, filename: str, root: str = "r") -> wire.CreateUploadLocationRequest:
    return wire.CreateUploadLocationRequest(
        project=owner, domain=make.DOMAIN, filename=filename, filename_root=root
    )


@pytest.mark.parametrize(
    ("filename", "place"),
    [
        pytest.param("a b.txt", "r/a%20b.txt", id="blank"),
        pytest.param("ä!.txt", "r/%C3%A4%21.txt", id="letters"),
        pytest.param("it's(1)!*.txt", "r/it's(1)!*.txt", id="signs"),
        pytest.param("%41", "r/%41", id="escaped"),
        pytest.param("../up.txt", "up.txt", id="up"),
        pytest.param("./here/..", "r/", id="here"),
        pytest.param("a//b", "r/a//b", id="empty_part"),
        pytest.param("/lead/", "r/lead", id="slashes"),
        pytest.param("a?b", "r/a?b", id="question"),
        pytest.param("a#b", "r/a#b", id="hash"),
    ],
)
async def test_name_of_a_file_is_a_part_of_a_url(
    flyte2: Client, project: str, filename: str, place: str
) -> None:
    answer = await flyte2.ok("CreateUploadLocation", upload(project, filename))
    assert answer.native_url.endswith(f"/uploads/{project}/development/{place}")


@pytest.mark.parametrize(
    ("filename", "reason"),
    [
        pytest.param("100%", 'invalid URL escape "%"', id="percent"),
        pytest.param("%zz", 'invalid URL escape "%zz"', id="escape"),
        pytest.param("tab\tx", "net/url: invalid control character in URL", id="control"),
    ],
)
async def test_name_that_is_no_part_of_a_url_is_refused(
    flyte2: Client, project: str, filename: str, reason: str
) -> None:
    refusal = await flyte2.refused("CreateUploadLocation", upload(project, filename))
    assert refusal.code == "INTERNAL"
    assert refusal.text.startswith("failed to construct storage path: ")
    assert refusal.text.endswith(reason)


@pytest.mark.parametrize("token", ["99999999999999999999", "-1", "1.5", 'a"b', " 1"])
@pytest.mark.parametrize("method", ["ListTasks", "ListTriggers", "ListRuns", "ListActions"])
async def test_token_that_is_no_offset_is_refused(
    flyte2: Client, project: str, method: str, token: str
) -> None:
    flyte2.do_not_record()  # four lists read tokens alike
    asked: Any = flyte2.request(method)
    asked.request.token = token
    refusal = await flyte2.refused(method, asked)
    shown = token.replace('"', '\\"')
    assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", f'invalid token: "{shown}"')
    assert project


async def test_offset_beyond_all_numbers_is_no_token_of_projects(flyte2: Client) -> None:
    request: Any = flyte2.request("ListProjects")
    request.token = "9" * 20
    refusal = await flyte2.refused("ListProjects", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text == f"invalid token format: {'9' * 20}"


async def test_answer_to_nobody_ends_as_a_panic_behind_it_does(flyte2: Client) -> None:
    flyte2.do_not_record()  # the text is that of whoever reads the end of the stream
    request: Any = flyte2.request("SignalEvent")
    request.payload.bool_value = True
    assert (await flyte2.refused("SignalEvent", request)).code == "UNAVAILABLE"
