"""Web pages with exact truth: templates of many kinds, filled with given sentences, for training the block extractor.

Text that belongs to a page's main content begins with KEEP, text that may be kept or dropped with EITHER; all other
text is around the content. Both are private-use characters, taken away before anything is measured.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from made_words import LABELS, META, MISLEADING, NAMES, NEUTRAL, SAID

KEEP, EITHER = "\ue001", "\ue002"


@dataclass
class Surroundings:
    """One site's look and one page of it. `sentences` are of the page's language, which `language` names."""

    random: random.Random
    sentences: list[str]
    language: str
    named: Callable[[str], str] = field(init=False)
    semantic: bool = field(init=False)
    tables: bool = field(init=False)
    breaks: bool = field(init=False)

    def __post_init__(self) -> None:
        chance = self.random
        style = chance.choice(("plain", "plain", "plain", "prefixed", "camel", "none", "none", "hashed", "utility"))
        prefix = chance.choice(("c-", "site-", "td-", "article__", "wp-block-", "x-", "main-", "col-md-8 ", "widget_"))

        def named(words: str) -> str:
            word = chance.choice(words.split("|"))
            if chance.random() < 0.06:
                word = chance.choice(MISLEADING)
            elif chance.random() < 0.15:
                word += " " + chance.choice(NEUTRAL)
            if not word or style == "none" or chance.random() < 0.12:
                return ""
            if style == "hashed":
                return f' class="css-{chance.getrandbits(28):x}"'
            if style == "utility":
                return ' class="' + " ".join(chance.sample(("flex", "mt-4", "px-2", "w-full", "grid", "mb-8"), 3)) + '"'
            if style == "prefixed":
                word = prefix + word
            if style == "camel":
                word = "".join(part.title() for part in word.split("-"))
            return f' {chance.choice(("class", "class", "id"))}="{word}"'

        self.named = named
        self.semantic = style != "none" and chance.random() < 0.5
        self.tables = not self.semantic and chance.random() < (0.5 if style == "none" else 0.3)
        self.breaks = chance.random() < (0.6 if self.tables else 0.15)

    def sentence(self) -> str:
        return self.random.choice(self.sentences)

    def words(self, least: int, most: int) -> str:
        words = self.sentence().split()
        return " ".join(words[: self.random.randint(least, most)]).rstrip(".,;:")

    def said(self, key: str) -> str:
        return self.random.choice(SAID[key])

    def date(self) -> str:
        day, month, year = self.random.randint(1, 28), self.random.randint(1, 12), self.random.randint(1999, 2024)
        return self.random.choice(
            (f"{day}.{month:02}.{year}", f"{year}-{month:02}-{day:02}", f"March {day}, {year}", f"{day}. Mai {year}")
        )

    def labels(self, count: int) -> list[str]:
        known = LABELS.get(self.language, LABELS["en"]).split("|")
        return [self.random.choice(known) if self.random.random() < 0.8 else self.words(1, 3) for _ in range(count)]

    def link(self, text: str) -> str:
        return f'<a href="/{self.random.getrandbits(20):x}">{text}</a>'

    def box(self, names: str, inside: str, tag: str = "div") -> str:
        """An element of those names; now and then within one or two that say nothing."""
        whole = f"<{tag}{self.named(names)}>\n{inside}\n</{tag}>"
        while self.random.random() < 0.25:
            whole = f"<div{self.named('inner|wrap|container|row|col|')}>{whole}</div>"
        return whole

    def menu(self, least: int = 4, most: int = 14) -> str:
        chance = self.random
        items = [self.link(label) for label in self.labels(chance.randint(least, most))]
        form = chance.random()
        if form < 0.25 and most > 8:  # menus within menus, as large sites have them
            inside = "".join(f"<li>{item}<ul>" + "".join(f"<li>{self.link(label)}</li>" for label in
                             self.labels(chance.randint(2, 8))) + "</ul></li>" for item in items)  # fmt: skip
            inside = f"<ul>{inside}</ul>"
        elif form < 0.7:
            inside = "<ul>" + "".join(f"<li{self.named('menu-item|')}>{item}</li>" for item in items) + "</ul>"
        elif form < 0.85:
            inside = chance.choice((" | ", " · ", " ")).join(items)
        else:
            inside = "".join(f"<div>{item}</div>" for item in items)
        return self.box("nav|navigation|menu|main-menu|navbar|topnav|links|", inside, "nav" if self.semantic else "div")

    def header(self) -> str:
        parts = [self.link(self.words(1, 3)), self.menu()]
        if self.random.random() < 0.4:
            parts.insert(1, f"<p{self.named('tagline|slogan|site-description')}>{self.words(3, 8)}</p>")
        if self.random.random() < 0.4:
            parts.append(
                f"<form{self.named('search')}><label>{self.labels(1)[0]}</label><input><button>OK</button></form>"
            )
        if self.random.random() < 0.4:
            parts.append(self.crumbs())
        return self.box("header|top|masthead|site-header|head|", "\n".join(parts), "header" if self.semantic else "div")

    def crumbs(self) -> str:
        return self.box("breadcrumb|crumbs|path|", " &gt; ".join(self.link(label) for label in self.labels(3)))

    def teasers(self, names: str = "related|teaser|recommended|more-stories|latest|recent-posts|") -> str:
        chance = self.random
        items: list[str] = []
        for _ in range(chance.randint(2, 8)):
            head = chance.choice(("h3", "h4", "div", "p", "h2"))
            parts = [f"<{head}>{self.link(self.words(4, 10))}</{head}>"]
            if chance.random() < 0.5:
                said = " ".join(self.sentence() for _ in range(chance.choice((1, 1, 2))))
                said = self.link(said) if chance.random() < 0.25 else said + chance.choice(("", "…", " [...]"))
                parts.append(f"<p{self.named('excerpt|teaser-text|summary|')}>{said}</p>")
            if chance.random() < 0.4:
                parts.append(f"<span{self.named('date|meta|')}>{self.date()}</span>")
            if chance.random() < 0.3:
                parts.append(self.link(self.said("more")))
            items.append("".join(parts) if chance.random() < 0.7 else self.link(self.words(4, 10)))
        tag = chance.choice(("li", "div", "article" if self.semantic else "div"))
        inside = "".join(f"<{tag}{self.named('item|teaser|card|post|')}>{item}</{tag}>" for item in items)
        inside = f"<ul>{inside}</ul>" if tag == "li" else inside
        return self.box(names, (f"<h3>{self.said('related')}</h3>" if chance.random() < 0.7 else "") + inside)

    def widget(self) -> str:
        kind = self.random.random()
        if self.random.random() < 0.15:
            some = [self.link(self.sentence()) for _ in range(self.random.randint(1, 3))]
            return self.box("", self.random.choice(("<br><br>", "<br>", "<p>", " ")).join(some))
        if kind < 0.3:
            return self.teasers("widget|recent-posts|sidebar-box|popular|block|")
        if kind < 0.5:
            return self.box("widget|categories|archive|block|", f"<h3>{self.labels(1)[0]}</h3>" + self.menu(3, 20))
        if kind < 0.6:
            return self.box(
                "tagcloud|tags", " ".join(self.link(self.words(1, 2)) for _ in range(self.random.randint(5, 30)))
            )
        if kind < 0.75:
            return self.box(
                "newsletter|signup|subscribe", f"<p>{self.said('letter')}</p><form><input><button>OK</button></form>"
            )
        if kind < 0.9:
            said = " ".join(self.sentence() for _ in range(self.random.randint(1, 3)))
            return self.box("widget|textwidget|about|author-bio|box|", f"<h3>{self.words(1, 3)}</h3><p>{said}</p>")
        return self.box("ad|advert|sponsor|", f"<p>{self.said('advert')}</p>{self.link(self.words(3, 8))}")

    def side(self) -> str:
        inside = "\n".join(self.widget() for _ in range(self.random.randint(1, 9)))
        tag = "aside" if self.semantic and self.random.random() < 0.6 else "div"
        return self.box("sidebar|side|secondary|right|left|widget-area|column|rail|", inside, tag)

    def footer(self) -> str:
        chance = self.random
        parts = [self.menu(3, 16) for _ in range(chance.randint(0, 3))]
        if chance.random() < 0.4:
            parts.append(f"<p>{' '.join(self.sentence() for _ in range(chance.randint(1, 3)))}</p>")
        if chance.random() < 0.3:
            parts.append(f"<p>{self.said('letter')}</p>")
        parts.append(
            f"<{(tag := chance.choice(('p', 'div', 'span')))}>{self.said('rights').format(self.words(1, 2))}</{tag}>"
        )
        return self.box(
            "footer|foot|site-footer|bottom|colophon|", "\n".join(parts), "footer" if self.semantic else "div"
        )

    def legal(self) -> str:
        said = " ".join(self.sentence() for _ in range(self.random.randint(1, 4)))
        return self.box("disclaimer|legal|note|hint|about|imprint|", f"<p>{said}</p>")

    def banner(self) -> str:
        more = f" {self.sentence()}" if self.random.random() < 0.3 else ""
        inside = (
            f"<p>{self.said('cookies')}{more} {self.link(self.said('more'))}</p><button>{self.said('accept')}</button>"
        )
        return self.box("cookie-banner|cookie-notice|consent|gdpr|overlay|notice|", inside)

    def share(self) -> str:
        items = [self.link(self.said("share")) for _ in range(self.random.randint(2, 6))]
        if self.random.random() < 0.5:
            return self.box(
                "share|social|sharing|share-buttons|tools|", "<ul>" + "".join(f"<li>{i}</li>" for i in items) + "</ul>"
            )
        return self.box("share|social|sharing|addthis|", " ".join(items))

    def byline(self) -> str:
        name, date = self.random.choice(NAMES), self.date()
        if self.random.random() < 0.25:
            said = self.random.choice(META).format(date, self.link(name), self.link(self.labels(1)[0]))
            return f"<p{self.named('meta|post-meta|entry-meta|postmetadata|info|')}>{said}</p>"
        forms = (f"By {name} | {date}", f"{date} von {self.link(name)}", f"Posted on {date} by {name}", date,
                 f"{name}, {date}, {self.link(self.labels(1)[0])}", f"Stand: {date}")  # fmt: skip
        text = self.random.choice(forms)
        tag = self.random.choice(("p", "div", "span"))
        return f"<{tag}{self.named('meta|byline|post-meta|date|author|info|')}>{text}</{tag}>"

    def tags(self) -> str:
        return self.box("tags|post-tags|meta|", "Tags: " + ", ".join(self.link(self.words(1, 2)) for _ in range(4)))

    def comments(self) -> str:
        chance = self.random
        items: list[str] = []
        for number in range(chance.randint(1, 12)):
            said = "".join(
                f"<p>{' '.join(self.sentence() for _ in range(chance.randint(1, 3)))}</p>"
                for _ in range(chance.choice((1, 1, 2)))
            )
            tag = chance.choice(("div", "cite", "span", "h4"))
            who = f"{chance.choice(NAMES)} {chance.choice(('says:', 'sagt:', 'on', '·'))}"
            head = f"<{tag}>{who} {self.date()}</{tag}>"
            body = self.box("comment-body|comment-content|text|", said) if chance.random() < 0.5 else said
            items.append(
                f"{head}{body}{self.link(self.said('reply'))}" + (f" #{number}" if chance.random() < 0.2 else "")
            )
        tag = chance.choice(("li", "div", "article" if self.semantic else "div"))
        inside = "".join(f"<{tag}{self.named('comment|comment-item|reply|depth-1|')}>{item}</{tag}>" for item in items)
        form = "<form><label>Name</label><input><label>E-Mail</label><input><button>OK</button></form>"
        return self.box(
            "comments|comment-list|respond|discussion|disqus|commentlist|",
            f"<h3>{self.said('comments')}</h3>{inside}{form}",
        )
