"""Which stored object or action a path names."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from checkout_daemon.sandbox.api.router import Router
from checkout_daemon.sandbox.box import Box, Operation
from checkout_daemon.sandbox.errors import ApiError
from checkout_daemon.sandbox.parameters.specs import Params
from checkout_daemon.sandbox.storage import Body


def _named(name: str) -> Callable[[Box, Params, str], Body]:
    return lambda _box, _params, _id: {"name": name}


@pytest.mark.parametrize(
    ("path", "name", "object_id"),
    [
        ("/v1/things", "all", ""),
        ("/v1/things/th_1", "one", "th_1"),
        ("/v1/things/search", "search", ""),
        ("/v1/things/th_1/parts", "parts", "th_1"),
        ("/v1/things/th_1/parts/pt_1", "part", "th_1/pt_1"),
        ("/v1/things/th_1/parts/all", "every part", "th_1"),
        ("/v1/things/{id}", "one", "{id}"),
    ],
)
def test_fixed_paths_win_and_two_identifiers_come_joined(path: str, name: str, object_id: str) -> None:
    paths = {
        "/v1/things": "all",
        "/v1/things/{id}": "one",
        "/v1/things/search": "search",
        "/v1/things/{id}/parts": "parts",
        "/v1/things/{id}/parts/all": "every part",
        "/v1/things/{id}/parts/{id}": "part",
    }
    router = Router(Operation("GET", path, _named(called), {}) for path, called in paths.items())

    operation, found = router.find("GET", path)

    assert (paths[operation.path], found) == (name, object_id)


@pytest.mark.parametrize(
    "path", ["/v1/things//parts", "/v1/things/", "/v1/things/th_1/parts/", "/v1/none", "/v1/things/a/b/c/d/e/f", "/"]
)
def test_other_paths_are_unknown(path: str) -> None:
    known = ("/v1/things", "/v1/things/{id}/parts")
    router = Router(Operation("GET", route, _named(route), {}) for route in known)

    with pytest.raises(ApiError) as refused:
        router.find("GET", path)

    assert refused.value.status == 404
