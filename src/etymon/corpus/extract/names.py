"""What an element's tag and names say about its part on the page, as marks: one bit for each meaning.

The words are those that page templates commonly use for class and id, in English and, where usual, other languages.
"""

from __future__ import annotations

import re

_WORDS = {
    "content": "content contents inhalt contenu contenido contenuto conteudo tresc prose markdown richtext wysiwyg",
    "article": "article articles artikel articolo articulo story post posts entry hentry blogpost newsitem noticia "
    "nota recipe chapter essay",
    "body": "body text txt fulltext texto testo corpo corps description lead intro abstract summary copy "
    "paragraph desc articlebody entrycontent postcontent",
    "main": "main hauptinhalt center middle primary page single",
    "comment": "comment comments commentlist kommentar kommentare comentario comentarios commentaire commentaires "
    "commenti reply replies respond disqus discussion review reviews pingback trackback responses",
    "forum": "message messages forum thread threads topic bbs postbody",
    "navigation": "nav navi navbar navigation menu menue menubar submenu breadcrumb breadcrumbs crumb crumbs pager "
    "pagination paging toc tab tabs sitemap skip topbar toolbar tools prev next previous",
    "side": "sidebar side aside widget widgets left right leftcol rightcol secondary tertiary rail marginal "
    "seitenleiste box panel blogroll archive archives calendar tagcloud",
    "foot": "footer foot bottom fuss fusszeile colophon copyright legal imprint impressum disclaimer credit credits "
    "rodape pied siteinfo license",
    "head": "header head masthead kopf banner logo branding topnav tagline slogan hero",
    "related": "related relatedposts recommended recommendation recommendations recommend similar more mehr popular "
    "trending latest recent teaser teasers promo promos also weitere verwandte suggested suggestions outbrain taboola "
    "yarpp mostread readmore ticker card cards crosssell upsell",
    "share": "share sharing sharedaddy shares social facebook twitter tweet whatsapp pinterest linkedin follow addthis "
    "addtoany bookmark bookmarks teilen like likes rating ratings vote votes print email",
    "advert": "ad ads adv advert adverts advertisement adsense anzeige werbung sponsor sponsored sponsors promotion "
    "pub publicidad publicite affiliate commercial dfp",
    "notice": "cookie cookies consent gdpr dsgvo rgpd privacy datenschutz overlay modal popup lightbox dialog toast "
    "alert notice notification paywall warning",
    "meta": "meta byline author autor auteur date datum time timestamp published posted category categories cat tag "
    "tags keywords keyword info details source bio vcard avatar profile dateline kicker views counter",
    "form": "form login signin signup register registration anmelden search suche subscribe subscription newsletter "
    "contact kontakt input button btn buttons poll quiz cart warenkorb basket checkout account buy price shop donate",
    "media": "caption captions figure figcaption bildunterschrift image images img photo foto gallery galerie media "
    "video videos slider slideshow carousel thumb thumbnail thumbnails bild player icon icons",
    "title": "title titles headline heading titel titre titulo titolo subtitle subhead uberschrift",
    "list": "list item items listing liste lista result results grid feed index excerpt preview row product products",
    "hidden": "hidden hide invisible visuallyhidden screenreader accessibility offscreen dnone noprint sr",
}
MARKS = (*_WORDS, "unseen")
"""Names of the marks; `unseen` is what a style or attribute hides."""
BIT = {name: 1 << number for number, name in enumerate(MARKS)}

_MEANING: dict[str, int] = {}
for _name, _words in _WORDS.items():
    for _word in _words.split():
        _MEANING[_word] = _MEANING.get(_word, 0) | BIT[_name]
# Long words are also looked for inside others ("sidebarleft", "articlecontent").
_WITHIN = re.compile("|".join(sorted((word for word in _MEANING if len(word) > 5), key=len, reverse=True)))
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_ROLES = {
    "navigation": BIT["navigation"],
    "banner": BIT["head"],
    "contentinfo": BIT["foot"],
    "complementary": BIT["side"],
    "search": BIT["form"],
}
_TAGS = {
    "nav": BIT["navigation"],
    "header": BIT["head"],
    "footer": BIT["foot"],
    "aside": BIT["side"],
    "article": BIT["article"],
    "main": BIT["main"],
    "form": BIT["form"],
    "button": BIT["form"],
    "figure": BIT["media"],
    "figcaption": BIT["media"],
    "dialog": BIT["notice"],
}


def marks(tag: str, names: str, hidden: bool) -> int:
    """The marks of an element: `names` are its class, id, role and itemprop in one string, `hidden` tells that a style
    or attribute hides it."""
    bits = _TAGS.get(tag, 0) | (BIT["unseen"] if hidden else 0)
    for word in _WORD.findall(names[:400]):
        low = word.lower()
        known = _MEANING.get(low) or _ROLES.get(low)
        if known:
            bits |= known
        elif len(low) > 6:
            for inner in _WITHIN.findall(low):
                bits |= _MEANING[inner]
    return bits
