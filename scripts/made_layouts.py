"""Whole pages of made templates: articles, blogs, forums, shops, documentation, old table layouts, and pages without
content of their own."""

from __future__ import annotations

import random

from made_content import Maker
from made_pages import EITHER, KEEP
from made_words import NAMES

# A line break in the middle of an element, end tags left out, upper-case names: as old pages have it.
LOOSE = (("</p>", ""), ("</li>", ""), ("</td>", ""), ("</tr>", ""))


def make_page(chance: random.Random, sentences: list[str], language: str) -> str:
    """One page. Its sentences are drawn with repetition from those given."""
    make = Maker(chance, sentences, language)
    kind = chance.choices(
        (article, forum, shop, documentation, listing, short), weights=(58, 8, 8, 8, 7, 11)
    )[0]  # fmt: skip
    title = make.words(4, 11)
    site = make.words(1, 3)
    body = layout(make, kind(make, title), title)
    if chance.random() < 0.1:
        for tag, nothing in LOOSE:
            body = body.replace(tag, nothing)
    if chance.random() < 0.05:
        body = body.replace("<p", "<P").replace("</div>", "</DIV>").replace("<td", "<TD")
    named = chance.choice((title, f"{title} | {site}", f"{site} - {title}", site))
    return f"<!DOCTYPE html><html lang='{language}'><head><title>{named}</title></head><body>{body}</body></html>"


def heading(make: Maker, title: str) -> str:
    tag = make.random.choice(("h1", "h1", "h1", "h2", "div"))
    text = f"<{tag}{make.named('title|entry-title|headline|post-title|')}>{EITHER}{title}</{tag}>"
    return make.box("header|article-header|entry-header|", text) if make.random.random() < 0.2 else text


def article(make: Maker, title: str) -> str:
    """News, blog post, press release: heading, byline, content, and what follows it."""
    chance = make.random
    parts = [heading(make, title)]
    if chance.random() < 0.7:
        parts.insert(chance.choice((0, 1, 1)), make.byline())
    if chance.random() < 0.3:
        parts.append(make.share())
    if chance.random() < 0.3:
        tag = chance.choice(("p", "div", "h2"))
        parts.append(
            f"<{tag}{make.named('lead|intro|teaser|summary|description|subtitle')}>{KEEP}{make.sentence()}</{tag}>"
        )
    parts.append(make.content())
    if chance.random() < 0.2:
        parts.append(make.content(1, 6))
    after = (
        (make.share, 0.5),
        (make.tags, 0.4),
        (author, 0.25),
        (lambda: f"<div{make.named('nav-links|post-navigation|pager|')}>{make.link('← ' + make.words(3, 7))} "
                 f"{make.link(make.words(3, 7) + ' →')}</div>", 0.3),
        (make.teasers, 0.5),
        (make.comments, 0.4),
        (make.byline, 0.3),
        (make.legal, 0.1),
    )  # fmt: skip
    following = [(part(make) if part is author else part()) for part, share in after if chance.random() < share]
    if chance.random() < 0.5:
        chance.shuffle(following)
    inside = chance.random() < 0.5
    body = "\n".join(parts + (following if inside else []))
    tag = "article" if make.semantic else "div"
    whole = make.box("article|post|entry|single|hentry|story|node|", body, tag)
    return whole if inside else whole + "\n".join(following)


def author(make: Maker) -> str:
    name = make.random.choice(NAMES)
    return make.box(
        "author-box|author|bio|vcard|about-author|", f"<h4>{name}</h4><p>{make.sentence()} {make.sentence()}</p>"
    )


def forum(make: Maker, title: str) -> str:
    """A thread: every post's text is content, who wrote it and the controls are not."""
    chance = make.random
    tag = chance.choice(("div", "tr", "li", "table"))
    posts: list[str] = []
    for number in range(chance.randint(2, 9)):
        name = f"<b>{chance.choice(NAMES)}</b><br>{make.labels(1)[0]}<br>Posts: {chance.randint(1, 4000)}"
        said = "".join(f"<p>{make.paragraph()}</p>" for _ in range(chance.choice((1, 1, 2, 3))))
        if chance.random() < 0.4:
            said = make.paragraph()
        signature = make.box("signature|sig", f"<p>{make.words(3, 9)}</p>") if chance.random() < 0.2 else ""
        controls = f"#{number + 1} {make.date()} {make.link(make.said('reply'))}"
        if tag in ("tr", "table"):
            who = f"<td{make.named('author|user|')}>{name}</td>"
            row = f"<tr>{who}<td{make.named('post-body|message|')}>{said}{signature}</td></tr>"
            posts.append(
                f"{row}<tr><td></td><td>{controls}</td></tr>"
                if tag == "tr"
                else f"<table>{row}</table><p>{controls}</p>"
            )
        else:
            body = make.box("post-body|message|content|postcontent|", said)
            who = f"<div{make.named('author|user|postprofile|')}>{name}</div>"
            below = f"<div{make.named('controls|actions|meta|')}>{controls}</div>"
            posts.append(f"<{tag}{make.named('post|message|topic-post|')}>{who}{body}{signature}{below}</{tag}>")
    inside = "\n".join(posts)
    if tag == "tr":
        inside = f"<table>{inside}</table>"
    if tag == "li":
        inside = f"<ul>{inside}</ul>"
    return heading(make, title) + make.box("thread|topic|posts|messages|forum|", inside)


def shop(make: Maker, title: str) -> str:
    """A product: its description and properties are content; price, delivery and other products are not."""
    chance = make.random
    buy = "".join(f"<div>{make.said('shop')}</div>" for _ in range(chance.randint(2, 5)))
    price = f"<span{make.named('price|')}>{chance.randint(1, 999)},{chance.randint(0, 99):02} €</span>"
    facts = "".join(f"<tr><td>{KEEP}{make.words(1, 3)}</td><td>{KEEP}{make.words(1, 5)}</td></tr>" for _ in range(4))
    parts = [
        heading(make, title),
        make.box("price-box|product-price|buy|cart|", price + buy),
        make.box(
            "description|product-description|tab-content|text|",
            "".join(f"<p>{make.paragraph()}</p>" for _ in range(chance.randint(1, 5))),
        ),
        f"<table{make.named('attributes|data|')}>{facts}</table>" if chance.random() < 0.4 else "",
        make.comments() if chance.random() < 0.3 else "",
        make.teasers("upsell|crossselling|related-products|similar|"),
    ]
    return make.box("product|detail|product-page|", "\n".join(parts))


def documentation(make: Maker, title: str) -> str:
    """A chapter: sections with headings, lists, code, and links to other chapters."""
    chance = make.random
    chapters = "".join(f"<li>{make.link(make.words(2, 6))}</li>" for _ in range(chance.randint(3, 15)))
    sections = "".join(
        f"<div{make.named('section|sect1|')}><h2>{KEEP}{make.words(2, 7)}</h2>{make.content(2, 6)}</div>"
        for _ in range(chance.randint(1, 4))
    )
    ways = " ".join(make.link(way) for way in ("Prev", "Up", "Next"))
    pager = f"<div{make.named('navfooter|pager|related')}>{ways} {make.words(2, 5)}</div>"
    side = f"<div{make.named('toc|sphinxsidebar|')}><ul>{chapters}</ul></div>"
    return f"{pager}{side}{heading(make, title)}{sections}{pager}"


def listing(make: Maker, title: str) -> str:
    """A front page or list of articles: links and teasers, no content of its own."""
    return heading(make, title) + "\n".join(
        make.teasers("list|news|posts|grid|teaser|content|") for _ in range(make.random.randint(2, 6))
    )


def short(make: Maker, title: str) -> str:
    """A page with little content among much else."""
    chance = make.random
    parts = [heading(make, title), make.byline() if chance.random() < 0.5 else ""]
    parts += [f"<p>{make.paragraph()}</p>" for _ in range(chance.randint(1, 4))]
    parts.append(make.share() if chance.random() < 0.3 else "")
    return make.box(
        "content|main|article|post|", heading(make, title) + make.byline() + f"<p>{make.paragraph()}</p>" + make.share()
    )


def layout(make: Maker, content: str, title: str) -> str:
    """Content with header, sides and footer around it: in elements, in table cells, or one after the other."""
    chance = make.random
    before = [
        part()
        for part, share in ((make.banner, 0.2), (make.header, 0.9), (make.menu, 0.3), (make.teasers, 0.08))
        if chance.random() < share
    ]
    after = [
        part()
        for part, share in (
            (make.teasers, 0.15),
            (make.legal, 0.1),
            (make.footer, 0.9),
            (make.menu, 0.1),
            (make.banner, 0.25),
        )
        if chance.random() < share
    ]
    sides = [make.side() for _ in range(chance.choice((0, 1, 1, 1, 2)))]
    main = make.box(
        "main|content|main-content|primary|center|page|container|", content, "main" if make.semantic else "div"
    )
    columns = [main, *sides]
    if chance.random() < 0.25:
        columns.append(make.link(make.sentence()))
    if chance.random() < 0.3:
        columns = [*sides, main]
    if make.tables:
        cells = "".join(f'<td valign="top" width="{chance.randint(100, 600)}">{column}</td>' for column in columns)
        if chance.random() < 0.5:
            cells = cells.replace("<td valign", "</tr><tr><td valign") if chance.random() < 0.1 else cells
        middle = f'<table border="0"><tr>{cells}</tr></table>'
        if chance.random() < 0.4:
            return (
                f"<table width='100%'><tr><td>{'</td></tr><tr><td>'.join([*before, middle, *after])}</td></tr></table>"
            )
    else:
        middle = make.box("wrapper|container|row|site|page|layout|", "\n".join(columns))
    whole = "\n".join([*before, middle, *after])
    return make.box("wrapper|page|site|container|all|", whole) if chance.random() < 0.5 else whole
