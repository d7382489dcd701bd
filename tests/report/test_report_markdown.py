"""Markdown of guides and concepts in the page."""

from __future__ import annotations

import pytest

from provisioner.report.html import markdown


def test_headings_go_below_those_of_the_page() -> None:
    assert markdown.html("# A\n\n## B\n\n###### C\n", level=3) == "<h3>A</h3>\n<h4>B</h4>\n<h6>C</h6>\n"


def test_each_command_is_a_line_and_other_languages_have_no_class() -> None:
    html = markdown.html("```sh\na <b\nc\n```\n\n```yaml\nx: 1\n```\n")
    assert '<span class="line">a &lt;b</span><span class="line">c</span></code></pre>' in html
    assert "<pre><code>x: 1\n</code></pre>" in html


def test_tables_tell_which_cells_head_a_column() -> None:
    assert '<th scope="col">a</th>' in markdown.html("| a |\n|---|\n| 1 |\n")


@pytest.mark.parametrize(
    "source",
    [
        "<script>alert(1)</script>",
        "a <img src=x onerror=alert(1)> b",
        "![x](http://example.org/x.png)",
        "[x](javascript:alert(1))",
        "[x](data:text/html,1)",
        '```" onload="x\ncode\n```',
        "&lt;script>",
    ],
)
def test_nothing_in_it_is_loaded_or_run(source: str) -> None:
    html = markdown.html(source)
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html
    assert 'href="data' not in html
    assert 'onload="' not in html


def test_what_confuses_a_reader_is_shown_as_an_escape() -> None:
    assert markdown.html("a\u202eb\x1b[31m").strip() == "<p>a\\u202eb\\u001b[31m</p>"


def test_japanese_lines_of_a_paragraph_are_put_together() -> None:
    assert markdown.html("これは\n段落です。\n").strip() == "<p>これは段落です。</p>"
