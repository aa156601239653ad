"""What the switches of a cell allow, and how they say so."""

from __future__ import annotations

import pytest

from sirenbench.options import OptionError, Word

WEIGHTS = Word("weights", "none", "The asset.")


@pytest.mark.parametrize("word", ["a", "4x-compact", "real_esrgan.x4", "0", "none"])
def test_a_word_is_its_own_text(word: str) -> None:
    assert WEIGHTS.check(word) == word
    assert WEIGHTS.text(word) == word
    assert WEIGHTS.read(word) == word


@pytest.mark.parametrize(
    "wrong",
    ["", "-a", "a-", "a--b", "a._b", "A", "a b", "a/b", "../a", "a=b", "a\n", "é", "²", 4, 1.5, True, None, ["a"]],
)
def test_what_is_no_word_is_refused(wrong: object) -> None:
    with pytest.raises(OptionError, match="is not a word of lower-case letters and digits"):
        WEIGHTS.check(wrong)
    if isinstance(wrong, str):
        with pytest.raises(OptionError):
            WEIGHTS.read(wrong)


def test_a_word_is_described_in_words() -> None:
    assert WEIGHTS.describe() == "a word of lower-case letters and digits, with single '-', '_' or '.' between them"
