"""The content of made pages: paragraphs, headings, lists, tables, quotes, and what templates put between them."""

from __future__ import annotations

from made_pages import EITHER, KEEP, Surroundings


class Maker(Surroundings):
    """One site's look and one page of it, content and all."""

    def inline(self, text: str) -> str:
        """A text with some of its words in links or emphasis."""
        words = text.split()
        for _ in range(self.random.choice((0, 0, 0, 1, 1, 2, 3))):
            if len(words) > 6:
                at = self.random.randrange(1, len(words) - 3)
                some = " ".join(words[at : at + 2])
                words[at : at + 2] = [self.random.choice((self.link(some), f"<b>{some}</b>", f"<em>{some}</em>"))]
        return " ".join(words)

    def paragraph(self) -> str:
        chance = self.random
        count = chance.choice((1, 1, 2, 2, 3, 4, 5))
        text = " ".join(self.sentence() for _ in range(count))
        return KEEP + self.inline(self.words(2, 8) + chance.choice((":", ".", "")) if chance.random() < 0.06 else text)

    def item(self) -> str:
        return f"<li>{KEEP}{self.inline(self.words(3, 14) if self.random.random() < 0.6 else self.sentence())}</li>"

    def piece(self) -> str:
        """One block of content, or a thing that templates put between such blocks."""
        chance = self.random
        kind = chance.random()
        if kind < 0.7:
            text = (
                f"<font size=2>{self.paragraph()}</font>" if self.tables and chance.random() < 0.3 else self.paragraph()
            )
            return f"{text}<br><br>" if self.breaks else f"<p>{text}</p>"
        if kind < 0.78:
            return (
                f"<{(tag := chance.choice(('h2', 'h3', 'h4', 'p><b')))}>{KEEP}{self.words(2, 8)}</{tag.split('<')[-1]}>"
            )
        if kind < 0.80:
            lines = "<br>".join(KEEP + self.words(2, 9) for _ in range(chance.randint(2, 9)))
            return f"<p>{lines}</p>"
        if kind < 0.81:
            items = "".join(f"<li>{KEEP}{self.link(self.words(2, 6))}</li>" for _ in range(chance.randint(2, 6)))
            return f"<p>{KEEP}{self.sentence().rstrip('.')}:</p><ul>{items}</ul>"
        if kind < 0.85:
            tag = chance.choice(("ul", "ol"))
            return f"<{tag}>" + "".join(self.item() for _ in range(chance.randint(2, 8))) + f"</{tag}>"
        if kind < 0.87:
            return f"<blockquote><p>{self.paragraph()}</p></blockquote>"
        if kind < 0.9:
            most = chance.choice((3, 4, 12))
            rows = "".join(
                "<tr>"
                + "".join(f"<td>{KEEP}{self.words(1, most)}</td>" for _ in range(chance.choice((2, 3, 4))))
                + "</tr>"
                for _ in range(chance.randint(2, 12))
            )
            return f"<table{self.named('table|data|')}>{rows}</table>"
        if kind < 0.94:
            said = EITHER + self.words(4, 14)
            if self.semantic:
                return f'<figure><img src="x.jpg"><figcaption>{said}</figcaption></figure>'
            return f'<div{self.named("caption|image|wp-caption|bild|")}><img src="x.jpg"><p>{said}</p></div>'
        if kind < 0.96:
            return self.box("ad|advert|inline-ad|", f"<p>{self.said('advert')}</p>")
        if kind < 0.98:
            return self.teasers("inline-related|read-also|teaser|box|")
        return f"<pre>{KEEP}{self.words(4, 12)}\n{self.words(4, 12)}</pre>"

    def content(self, least: int = 2, most: int = 22) -> str:
        pieces = [self.piece() for _ in range(self.random.randint(least, most))]
        if not any(KEEP in piece for piece in pieces):
            pieces.append(f"<p>{self.paragraph()}</p>")
        return self.box(
            "content|entry-content|article-body|post-content|text|story|main-text|body|td-content|", "\n".join(pieces)
        )
