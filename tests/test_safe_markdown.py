import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from sessions.safe_markdown import code, fenced, folded, plain, safe, shortened, table

RENDER = MarkdownIt("commonmark", {"html": True}).enable("table")
RENDER.validateLink = lambda url: True  # type: ignore[method-assign] # noqa: ARG005 - other renderers check nothing
OUR_TAGS = re.compile(
    r"</?(?:p|h[1-6]|ul|ol|li|pre|code|blockquote|em|strong|hr|br|table|thead|tbody|tr|t[hd]|details|summary|a)(?: /)?>"
    r"|<code class=\"[^\"<>]*\">|<ol start=\"\d+\">"
    r"|<a href=\"(?!(?:javascript|data|vbscript|file|blob):)[^\"<>]*\"(?: title=\"[^\"<>]*\")?>",
    re.IGNORECASE,
)


def tags_left(markdown: str) -> list[str]:
    """Tags in the rendered page that Markdown's own marks do not make."""
    return re.findall(r"<[^>]*>", OUR_TAGS.sub("", RENDER.render(markdown)))


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "a <img src=x onerror=a()> b",
        "\\`<img src=x>`",
        "`\n`<img src=x>`",
        "- a\n   ```\n<img src=x>\n   ```",
        "    ```\n\n<img src=x>",
        "para\n    ```\n<img src=x>",
        "> ```\n<img src=x>",
        "~~~\n```\n~~~\n<img src=x>",
        "```\ncode\n   ````\n<img src=x>",
        "``` a`b\n<img src=x>",
        "![p](https://evil.example/?q=1)",
        "![p][r]\n\n[r]: https://evil.example/?q=1",
        "[r]: javascript:alert(1)\n\n[r]",
        "[x](javascript:alert(1))",
        "[x](<javascript:alert(1)>)",
        "[x](java&#115;cript:alert(1))",
        "[x](\tJavaScript:alert(1))",
        "<javascript:alert(1)>",
        "[x](\njavascript:alert(1))",
        "> [x](\n> javascript:alert(1))",
        "[r]:\n   javascript:alert(1)\n\n[r]",
        "](![]()",
        "<!-- a --> <?php ?> <![CDATA[x]]>",
        "</details></summary>",
    ],
)
def test_no_html_and_no_picture_and_no_script_gets_through(text: str) -> None:
    assert tags_left(safe(text)) == []


@given(st.text(st.sampled_from("<img x>!\\[](:)`~\n\n -#&;a1.|\t"), max_size=120))
def test_nothing_that_anyone_can_write_brings_html(text: str) -> None:
    assert tags_left(safe(text)) == [], safe(text)
    assert tags_left(f"# {plain(text)}\n\n- {plain(text)} {code(text)}\n\n{folded(text, fenced(text))}") == []


@given(st.text(st.sampled_from("<`~\nab "), max_size=80), st.text(st.sampled_from("<`~\nab "), max_size=80))
def test_what_comes_after_untrusted_text_is_still_markdown(before: str, inside: str) -> None:
    page = RENDER.render(f"{safe(before)}\n\n{folded('s', fenced(inside))}\n\n## After\n")
    assert "<h2>After</h2>" in page


def test_ordinary_markdown_stays_as_it_is() -> None:
    text = (
        "# One\n\n- **bold**, _it_, `a_b`, [x](https://e.example/a?b=1#c)\n- [ ] task\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n> said\n\n```html\n<b>&amp;</b>\n```\n\n1. one\n   ```sh\n   ls\n   ```"
    )
    assert safe(text) == text


def test_code_with_angle_brackets_still_reads_as_code() -> None:
    assert "<code>List&lt;int&gt;</code>" in RENDER.render(safe("returns `List<int>` now"))


def test_headings_go_down_but_not_below_six() -> None:
    assert safe("# a\n##### b\n#no", deeper=2) == "### a\n###### b\n#no"


def test_plain_text_stands_for_itself() -> None:
    for text in ("a_b *c* _d_ `e` [f](g) <h> &lt; \\* ~~i~~ | j", "# k", "> l", "- m", "+ n", "=="):
        assert re.sub(r"</?p>", "", RENDER.render(plain(text))).strip() == plain_html(text)


def plain_html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def test_a_fence_is_longer_than_any_row_of_backticks_in_it() -> None:
    assert fenced("a\n````\nb") == "`````\na\n````\nb\n`````"


def test_a_pipe_in_a_cell_does_not_make_a_column() -> None:
    page = RENDER.render(table(("", ""), [(plain("a|b"), code("c|d"))]))
    assert page.count("<td>") == 2
    assert "<td>a|b</td>" in page


def test_long_text_loses_its_middle_and_says_how_much() -> None:
    assert shortened("a" * 80 + "b" * 20, 40) == "a" * 30 + "\n… 60 characters left out …\n" + "b" * 10
    assert shortened("short", 40) == "short"


@pytest.mark.parametrize("piece", ["`", "`a", "![", "](x", "<", "``a`", "[a", "~~~\n", "[a]: ", "\\"])
def test_text_that_is_made_to_be_slow_is_not(piece: str) -> None:
    started = time.perf_counter()
    safe(piece * 50_000)
    assert time.perf_counter() - started < 2.0  # 0.05 s on an idle machine
