"""The recipes of the documentation are there, and as short as it says; the build of the documentation runs them."""

import ast
import io
import pathlib
import re
import tokenize

import pytest

ROOT = pathlib.Path(__file__).parents[1]
RECIPES = re.findall(r"\((auto_examples/\w+|guide/\w+\.md)\)", (ROOT / "docs" / "recipes.md").read_text())
NO_CODE = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)


def n_lines_of_code(source):
    """Return how many lines a program has, without comments, blank lines and the text at its beginning."""
    text = ast.parse(source).body[0]
    tokens = [each for each in tokenize.generate_tokens(io.StringIO(source).readline) if each.type not in NO_CODE]
    spans = [range(each.start[0], each.end[0] + 1) for each in tokens if each.start[0] > text.end_lineno]
    return len({line for span in spans for line in span})


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes_are_short(recipe):
    if recipe.startswith("guide/"):
        assert (ROOT / "docs" / recipe).exists()
        return
    source = (ROOT / "examples" / "gallery" / recipe.removeprefix("auto_examples/")).with_suffix(".py").read_text()
    assert "plt.show()" in source
    assert n_lines_of_code(source) < (60 if recipe.endswith("plot_transfer") else 40)


def test_there_are_recipes():
    assert len(RECIPES) >= 9
