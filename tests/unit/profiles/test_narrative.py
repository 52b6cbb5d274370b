"""What a narrative may hold: https://hl7.org/fhir/R4/narrative.html#rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.profiles.narrative import is_narrative, refusal


def div(inside: str, attributes: str = "") -> str:
    return f'<div xmlns="http://www.w3.org/1999/xhtml"{attributes}>{inside}</div>'


@pytest.mark.parametrize(
    "text",
    [
        div("王伟，男，1990 年生"),
        div("<p>a<br/>b</p>", ' xml:lang="zh" lang="zh"'),
        div('<table border="1"><tbody><tr><td colspan="2">x</td></tr></tbody></table>'),
        div('<img src="#image" alt=""/>'),
        div('<img src="data:image/png;base64,AA==" alt="x"/>'),
        div('<a href="https://example.org/a?b=c&amp;d" name="x">y</a>'),
        div('<a href="Patient/1">y</a><a href="mailto:a@example.org">b</a>'),
        div('<p style="color: red; background: url(bar.png)">x</p>'),
        div("<!-- a remark -->x"),
        div("&lt;script&gt; &#160; &amp;"),
        div("<h:b xmlns:h='http://www.w3.org/1999/xhtml'>x</h:b>"),
    ],
)
def test_basic_formatting_is_allowed(text):
    assert refusal(text) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("plain text", "narrative-not-a-div"),
        ("<p>x</p>", "narrative-not-a-div"),
        ('<!DOCTYPE div [<!ENTITY a "x">]><div>&a;</div>', "narrative-not-a-div"),
        ("<div>x</div>", "narrative-element"),
        ('<divx xmlns="http://www.w3.org/1999/xhtml">x</divx>', "narrative-element"),
        (div("<p>x"), "narrative-xml"),
        (div("x") + "y", "narrative-xml"),
        (div("&nbsp;x"), "narrative-xml"),
        (div("<p class=a>x</p>"), "narrative-xml"),
        (div("\x00"), "narrative-xml"),
        (div("\ud800"), "narrative-xml"),
        (div("<script>alert(1)</script>"), "narrative-element"),
        (div("<SCRIPT>alert(1)</SCRIPT>"), "narrative-element"),
        (div("<iframe src='x'/>"), "narrative-element"),
        (div("<form><input/></form>"), "narrative-element"),
        (div("<object data='x'/>"), "narrative-element"),
        (div("<style>p{}</style>"), "narrative-element"),
        (div("<svg xmlns='http://www.w3.org/2000/svg'><a/></svg>"), "narrative-element"),
        (div("<p onclick='x()'>x</p>"), "narrative-attribute"),
        (div("x", " onload='x()'"), "narrative-attribute"),
        (div("<a xmlns:l='http://www.w3.org/1999/xlink' l:href='x'>x</a>"), "narrative-attribute"),
        (div("<a href='javascript:alert(1)'>x</a>"), "narrative-url"),
        (div("<a href=' java&#10;script&#58;alert(1)'>x</a>"), "narrative-url"),
        (div("<a href='JAVASCRIPT:alert(1)'>x</a>"), "narrative-url"),
        (div("<a href='data:text/html,x'>x</a>"), "narrative-url"),
        (div("<a href='data:image/png,x'>x</a>"), "narrative-url"),
        (div("<img src='data:text/html,x' alt=''/>"), "narrative-url"),
        (div("<a href='vbscript:x'>x</a>"), "narrative-url"),
        (div("<p style='width: expression(alert(1))'>x</p>"), "narrative-style"),
        (div("<p style='background: url(javascript:x)'>x</p>"), "narrative-style"),
        (div("<p style='background: url(&quot;data:text/html,x&quot;)'>x</p>"), "narrative-url"),
        (div(r"<p style='w: \65xpression(x)'>x</p>"), "narrative-style"),
        (div("<![CDATA[><img src=x onerror=alert(1)>]]>"), "narrative-markup"),
        (div("<?php x ?>"), "narrative-markup"),
        (div("<!--><img src=x onerror=alert(1)> -->x"), "narrative-markup"),
        (div("<!---><img src=x onerror=alert(1)> -->x"), "narrative-markup"),
        (div(""), "narrative-empty"),
        (div(" \n\u3000<p/>"), "narrative-empty"),
    ],
)
def test_what_acts_or_is_not_xhtml_is_refused(text, message):
    refused = refusal(text)
    assert refused is not None
    assert refused.message == message
    assert not is_narrative(text)


def test_only_a_string_is_a_narrative():
    assert not is_narrative(None)
    assert not is_narrative({"div": div("x")})


@given(st.text(st.characters(exclude_categories=["C"], exclude_characters="<&"), min_size=1))
def test_any_text_with_content_may_stand_in_a_div(text):
    shown = text.replace(">", "&gt;")
    assert is_narrative(div(shown)) == bool(text.strip())


@given(st.text(alphabet="<>/&;'\"! -[]?=abdivpxCDATA\n"))
def test_any_garbage_gets_an_answer(text):
    assert isinstance(is_narrative(div(text)), bool)
    assert isinstance(is_narrative(text), bool)


def test_deep_nesting_is_read_to_the_end():
    assert is_narrative(div("<b>" * 50_000 + "x" + "</b>" * 50_000))
    assert refusal(div("<b>" * 50_000 + "<script/>" + "</b>" * 50_000)) is not None
