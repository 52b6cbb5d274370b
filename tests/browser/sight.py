"""What may be wrong with a page as somebody sees or hears it."""

from tests.browser.chromium import MODULES

AXE = (MODULES / "axe-core" / "axe.min.js").read_text("utf-8")
# What WCAG 2.2 AA asks for, and what the makers of axe hold good practice.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDER = """() => {
  const wide = document.documentElement.clientWidth;
  const beyond = [...document.querySelectorAll('body *')].filter(element => {
    const box = element.getBoundingClientRect();
    return box.width && box.right > wide + 1 && !scrolls(element.parentElement);
  });
  function scrolls(element) {
    for (; element; element = element.parentElement)
      if (['auto', 'scroll', 'hidden'].includes(getComputedStyle(element).overflowX)) return true;
    return false;
  }
  // A column that breaks its words letter by letter.
  const squeezed = [...document.querySelectorAll('main *')].filter(element => {
    const texts = [...element.childNodes].filter(node => node.nodeType === 3);
    const own = texts.map(node => node.data.trim());
    const size = parseFloat(getComputedStyle(element).fontSize);
    const box = element.getBoundingClientRect();
    return own.join('').length > 3 && box.width > 1 && box.width < 3 * size && box.height > 2 * size
      && getComputedStyle(element).display !== 'inline';
  });
  return [document.documentElement.scrollWidth > wide ? 'the page scrolls sideways' : null,
    ...beyond.map(element => 'sticks out: ' + element.outerHTML.slice(0, 120)),
    ...squeezed.map(element => 'is squeezed: ' + element.outerHTML.slice(0, 120))].filter(Boolean);
}"""


def faults(page):
    """Return what is wrong with the page, a line each."""
    return [*page.evaluate(WIDER), *inaccessible(page)]


def inaccessible(page):
    """Return what axe-core finds: contrast, names, labels, landmarks, headings, targets."""
    # By the debugger's door, since the page's own policy lets no script in.
    page.evaluate(AXE)
    found = page.evaluate(
        "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}})", RULES
    )
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:160]}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]
