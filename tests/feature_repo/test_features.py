from __future__ import annotations

from feature_repo.describe import DOCUMENT, document
from feature_repo.features import FEATURES, ROW_SIZE, WARM_SESSIONS, spec_hash
from stream_processors.kernel import layout


def test_names_are_unique_and_everything_is_described() -> None:
    names = [feature.name for feature in FEATURES]
    assert len(set(names)) == len(names)
    assert all(feature.meaning for feature in FEATURES)
    assert max(feature.warm_up for feature in FEATURES if feature.kind == "session") == WARM_SESSIONS


def test_the_kernel_row_and_the_spec_agree() -> None:
    assert layout.row_size(len(layout.WINDOWS)) == ROW_SIZE


def test_the_hash_names_the_spec() -> None:
    assert len(spec_hash()) == 16
    assert spec_hash() == spec_hash()


def test_the_document_says_what_the_spec_says() -> None:
    assert DOCUMENT.read_text() == document(), "run `python -m feature_repo.describe`"
