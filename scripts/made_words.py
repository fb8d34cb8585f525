"""What made pages say around their content: labels, notices, names, in several languages."""

from __future__ import annotations

LABELS = {
    "en": "Home|News|About us|Contact|Products|Services|Sports|Culture|Politics|Economy|Travel|Science|Opinion|Video|"
    "Archive|Search|Login|Register|Help|FAQ|Terms of use|Privacy policy|Imprint|Sitemap|Newsletter|Subscribe|Shop|Jobs",
    "de": "Startseite|Aktuelles|Über uns|Kontakt|Produkte|Leistungen|Sport|Kultur|Politik|Wirtschaft|Reise|Wissen|Blog|"
    "Archiv|Suche|Anmelden|Registrieren|Hilfe|Impressum|Datenschutz|AGB|Newsletter|Termine|Presse|Karriere|Downloads",
    "fr": "Accueil|Actualités|Qui sommes-nous|Contact|Produits|Sport|Culture|Politique|Économie|Voyage|Sciences|Vidéos|"
    "Recherche|Connexion|Inscription|Aide|Mentions légales|Plan du site|Lettre d'information|Boutique|Emploi",
    "es": "Inicio|Noticias|Quiénes somos|Contacto|Productos|Deportes|Cultura|Política|Economía|Viajes|Ciencia|Vídeos|"
    "Buscar|Entrar|Regístrate|Ayuda|Aviso legal|Mapa del sitio|Boletín|Tienda|Empleo",
}
SAID = {
    "more": ("Read more", "Weiterlesen", "Lire la suite", "Leer más", "Continue reading →", "mehr …", "Details"),
    "related": ("Related articles", "Das könnte Sie auch interessieren", "À lire aussi", "Más noticias", "More stories",
                "Ähnliche Beiträge", "Most read", "Meistgelesen", "You may also like", "Latest news"),
    "comments": ("Comments", "3 Kommentare", "Commentaires", "Comentarios (12)", "Leave a reply", "Responses",
                 "Kommentar schreiben", "Join the discussion"),
    "share": ("Share this", "Facebook", "Twitter", "Teilen", "Partager", "Tweet", "Drucken", "Print", "E-Mail",
              "WhatsApp", "Empfehlen", "Pin it", "Share on LinkedIn"),
    "cookies": ("We use cookies to give you the best experience on our website. By using it you agree to this.",
                "Diese Website verwendet Cookies. Wenn Sie sie weiter nutzen, stimmen Sie dem zu.",
                "Ce site utilise des cookies pour mesurer son audience et vous proposer des services.",
                "Utilizamos cookies propias y de terceros para mejorar nuestros servicios.",
                "Please enable JavaScript in your browser to use all functions of this page."),
    "accept": ("Accept all", "OK", "Akzeptieren", "Einstellungen", "J'accepte", "Aceptar", "Decline", "Got it"),
    "rights": ("© 2019 {} All rights reserved.", "Copyright {} 2012. Alle Rechte vorbehalten.", "© {} 2021",
               "Powered by WordPress | Theme by {}", "{} GmbH · Impressum · Datenschutz", "Tous droits réservés {}"),
    "letter": ("Subscribe to our newsletter and never miss a story.", "Melden Sie sich für unseren Newsletter an!",
               "Inscrivez-vous à notre lettre d'information.", "Your e-mail address", "Ihre E-Mail-Adresse"),
    "advert": ("Advertisement", "Anzeige", "Werbung", "Sponsored", "Publicidad", "Publicité"),
    "shop": ("Add to cart", "In den Warenkorb", "Ajouter au panier", "inkl. MwSt. zzgl. Versandkosten", "In stock",
             "Lieferzeit: 2-3 Tage", "Customer reviews", "Quantity", "Auf die Merkliste", "SKU: 40217"),
    "reply": ("Reply", "Antworten", "Répondre", "Responder", "Like", "Report", "Zitieren", "Permalink"),
}  # fmt: skip
NEUTRAL = ("block", "inner", "clearfix", "cf", "module", "odd", "first", "default", "c1", "region", "field", "left",
           "box", "node", "view", "large", "dark", "component", "data", "section", "wide", "item")  # fmt: skip
MISLEADING = ("comment", "content", "sidebar", "share", "post", "nav", "text", "footer", "main", "related", "list",
              "meta", "header", "article", "body", "teaser", "media", "title", "box", "form")  # fmt: skip
"""Names that now and then stand where they do not belong."""
META = (
    "Dieser Eintrag wurde am {} von {} unter {} veröffentlicht. Setze ein Lesezeichen auf den Permalink.",
    "This entry was posted on {} by {} and is filed under {}. You can follow any responses through the RSS feed.",
    "Cette entrée a été publiée le {} par {} dans {}. Mettez-la en favori avec son permalien.",
    "Esta entrada fue publicada el {} por {} en {}.",
    "Veröffentlicht am {} | Autor: {} | Kategorie: {}",
    "Last updated {} by {} in {}",
    "Letzte Änderung: {} durch {} ({})",
    "{} // {} // {} // 3 Comments",
)
NAMES = ("Anna", "Peter K.", "M. Schmidt", "Jean", "Lucía", "admin", "Redaktion", "Sam", "guest_12", "Olga", "Tom B.")
