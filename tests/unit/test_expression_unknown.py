"""A tag that no caption has is said, with the one that was probably meant."""

from pathlib import Path

import pytest

from loratui.core.acts import captions
from loratui.core.dataset.expression import parse
from loratui.core.dataset.expression_unknown import unknown
from loratui.core.workspace import Workspace


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("", ""),
        ("purple hair not Smile", ""),  # words in a row are the tags there are
        ("*zzz or /zzz/ or caption:zzz", ""),  # patterns may find nothing
        ("solo not smle", "No caption has 'smle'; did you mean 'smile'?"),
        ('"purpel_hair"', "No caption has 'purpel_hair'; did you mean 'purple hair'?"),
        ("zebra or solo", "No caption has 'zebra'."),
        ("solo zebra", "No caption has 'zebra'."),
    ],
)
def test_the_first_tag_that_is_nowhere(tmp_path: Path, expression: str, says: str) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "a.txt").write_text("solo, purple_hair, smile")
    workspace = Workspace.open(tmp_path)
    facts = captions.facts(workspace, workspace.dataset())
    assert unknown(parse(expression, captions.names(workspace)), facts) == says
