"""Settings of the documentation: ``sphinx-build -W -b html docs docs/_build/html``, without any network."""

import html
import inspect
import re
from importlib.metadata import version as installed_version

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

logger = logging.getLogger(__name__)

project = "skdeep"
author = "The skdeep developers"
copyright = author  # Sphinx reads this name
release = version = installed_version("skdeep")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "auto_examples/**/*.ipynb", "auto_examples/*.md5"]
templates_path = ["_templates"]
# Single backticks in docstrings link to what is documented here, and are plain code otherwise.
default_role = "py:obj"
# A reference to a name of skdeep that does not exist is an error; names of other packages are not looked up.
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!skdeep\.).*")]

# Markdown: the pages are plain Markdown, which pytest reads for doctests.
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

# What is copied of a code block is the code, without prompts and output.
copybutton_exclude = ".linenos, .gp, .go"
copybutton_copy_empty_lines = False

# The API pages.
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False  # the template lists methods in full
numpydoc_validation_checks = {
    "all",  # but for these:
    "ES01",  # one sentence may say all there is to say,
    "EX01",  # methods are shown in the example of their class (see check_example below),
    "RT02",  # scikit-learn names what is returned ("self : estimator"),
    "SA01",  # and not everything has relatives.
}
# The routed parameters are left out of the signature, so that scikit-learn does not take them for one parameter.
numpydoc_validation_overrides = {"PR02": [r"\*\*routed : dict"]}

# The gallery.
sphinx_gallery_conf = {
    "examples_dirs": "../examples/gallery",
    "gallery_dirs": "auto_examples",
    "within_subsection_order": "FileNameSortKey",
    "filename_pattern": r"plot_.*\.py",
    "ignore_pattern": r"__init__\.py",
    "copyfile_regex": r"",
    "abort_on_example_error": True,
    "doc_module": ("skdeep",),
    "backreferences_dir": "api/generated/backreferences",
    "download_all_examples": False,
    "image_srcset": ["2x"],
    "thumbnail_size": (640, 448),
    "show_signature": False,
    "write_computation_times": False,
}

# The look: nothing is loaded from elsewhere.
html_theme = "pydata_sphinx_theme"
html_title = project
html_static_path = ["_static"]
html_css_files = ["skdeep.css"]
html_favicon = "_static/favicon.svg"
# Pages without pages below them need no navigation at the left.
_alone = (
    "index",
    "quickstart",
    "performance",
    "scaling",
    "benchmarks",
    "cost",
    "default_accuracy",
    "experiments/index",
    "changelog",
)
html_sidebars = {page: [] for page in _alone}
toc_object_entries_show_parents = "hide"
html_show_sourcelink = False
html_copy_source = False
html_math_renderer = "mathml"
html_theme_options = {
    "logo": {"text": f"{project} {release}"},
    "header_links_before_dropdown": 4,
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
    "secondary_sidebar_items": ["page-toc"],
}


def visit_math(writer, node):
    """Write a formula as MathML, which browsers show without a script."""
    block = isinstance(node, nodes.math_block)
    writer.body.append(tex2mathml(node.astext(), as_block=block))
    raise nodes.SkipNode


def without_foreign_references(app, what, name, obj, options, lines):
    """Take out of docstrings inherited from scikit-learn what only its own documentation can resolve."""
    module = getattr(inspect.unwrap(obj) if callable(obj) else obj, "__module__", None) or ""
    inherited = module.startswith("sklearn") or re.search(r"\.set_\w+_request$", name)
    if not inherited:
        return
    text = re.sub(r"\s+and\s+:ref:`sphx_glr[^`]*`[^.]*", "", "\n".join(lines))
    text = re.sub(r":ref:`([^`<]*?)\s*<[^`]*>`", r"\1 of scikit-learn", text)
    text = re.sub(r":term:`([^`<]*?)(\s*<[^`]*>)?`", r"\1", text)
    text = re.sub(r"^ *\.\. versionadded::.*\n?", "", text, flags=re.MULTILINE)
    lines[:] = text.splitlines()


def without_last_blank_line(app, docname, source):
    """Take out the blank line that ends the expected output of a doctest in Markdown."""
    if app.env.doc2path(docname).suffix == ".md":
        source[0] = re.sub(r"\n\n```$", "\n```", source[0], flags=re.MULTILINE)


def add_description(app, pagename, templatename, context, doctree):
    """Describe a page to search engines by its first paragraph."""
    paragraph = None if doctree is None else next(doctree.findall(nodes.paragraph), None)
    if paragraph is not None:
        text = html.escape(" ".join(paragraph.astext().split())[:300])
        context["metatags"] = context.get("metatags", "") + f'<meta name="description" content="{text}">'


def check_example(app, what, name, obj, options, lines):
    """Warn of a public class or function without an example."""
    if what in ("class", "function") and not any(line.lstrip().startswith(">>>") for line in lines):
        logger.warning("%s has no example", name)


def setup(app):
    """Connect the functions above."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math, None))
    app.connect("html-page-context", add_description)
    app.connect("source-read", without_last_blank_line)
    # Before numpydoc (500) changes the lines.
    app.connect("autodoc-process-docstring", without_foreign_references, priority=100)
    app.connect("autodoc-process-docstring", check_example, priority=101)
