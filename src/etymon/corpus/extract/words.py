"""Words by which running text and notices are told apart, of several languages at once."""

from __future__ import annotations

_COMMON = (
    "the of and to in is that it was for on with as at by not are be this from have but which or an his her they were "
    "der die das und ist nicht ein eine von mit den dem sich auf des auch als für es im zu wird sind war aus bei nach "
    "le la les et est des un une dans que qui pour pas sur au avec ce il elle du par plus sont "
    "el los las una por con del se su al como más pero o il di che per non della sono è gli nel da i "
    "os não uma em do dos é na no para mais het een van niet op te dat zijn voor met aan och att som på är inte av "
    "w nie się na jest że do z и в не на что с он как это по из за a u je se to na si že"
)
COMMON = frozenset(_COMMON.split())
"""Function words of a dozen languages: running text is full of them, labels are not."""

_NOTICE = (
    "© copyright rights reserved rechte vorbehalten cookie cookies newsletter subscribe subscription abonnieren "
    "abonnement abonnez javascript login log-in sign anmelden registrieren register registration share teilen "
    "partager compartir condividi tweet facebook twitter whatsapp linkedin instagram pinterest youtube rss follow "
    "weiterlesen mehr leer leggi lire comment comments kommentar kommentare kommentieren comentarios commentaires "
    "reply antworten posted filed tagged tags terms privacy datenschutz datenschutzerklärung impressum agb "
    "powered print drucken e-mail email related permalink advertisement anzeige werbung published updated "
    "veröffentlicht aktualisiert next previous weiter zurück nächster vorheriger menu menü home startseite search "
    "suche suchen cart warenkorb versand checkout browser click klicken hier views likes kategorie kategorien "
    "category categories archiv archives autor author von passwort password username benutzername konto account "
    "kontakt contact sitemap policy accept akzeptieren"
)
NOTICE = frozenset(_NOTICE.split())
"""Words that labels and notices around a page's content say."""
