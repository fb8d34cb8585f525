"""What the pages of `harness.bad_pages` say, in four languages; every second wording of a kind is held out."""

from __future__ import annotations

WORDINGS: dict[str, dict[str, tuple[str, ...]]] = {
    "not found": {
        "en": (
            "404 - Page not found",
            "Error 404: the address {path} does not exist on {host}.",
            "Sorry, the page you are looking for could not be found.",
            "The requested page is no longer available.",
            "Oops! That page can't be found.",
            "We are sorry, but this page doesn't exist any more.",
            "The page may have been moved or deleted.",
            "We couldn't find the page you requested.",
            "The requested URL {path} was not found on this server.",
            "Nothing was found at this location.",
        ),
        "de": (
            "404 - Seite nicht gefunden",
            "Fehler 404: Die Adresse {path} gibt es auf {host} nicht.",
            "Die gewünschte Seite konnte leider nicht gefunden werden.",
            "Diese Seite existiert nicht mehr.",
            "Die angeforderte Seite ist nicht mehr verfügbar.",
            "Die von Ihnen gesuchte Seite wurde nicht gefunden.",
            "Die Seite wurde möglicherweise verschoben oder gelöscht.",
            "Leider haben wir die Seite, die Sie suchen, nicht gefunden.",
        ),
        "fr": (
            "404 - Page introuvable",
            "Erreur 404 : l'adresse {path} n'existe pas sur {host}.",
            "Désolé, la page que vous recherchez est introuvable.",
            "La page demandée n'existe plus.",
            "La page demandée n'a pas été trouvée.",
            "Cette page n'est plus disponible.",
            "La page a peut-être été déplacée ou supprimée.",
            "Nous n'avons pas trouvé la page que vous cherchez.",
        ),
        "es": (
            "404 - Página no encontrada",
            "Error 404: la dirección {path} no existe en {host}.",
            "Lo sentimos, no se ha encontrado la página que busca.",
            "La página solicitada ya no existe.",
            "La página solicitada no está disponible.",
            "No hemos podido encontrar la página que buscas.",
            "Es posible que la página se haya movido o eliminado.",
            "Esta página no existe o fue eliminada.",
        ),
    },
    "parked": {
        "en": (
            "{host} is for sale!",
            "The domain {host} may be for sale by its owner.",
            "Buy this domain now for {number}00 dollars.",
            "This domain is parked free, courtesy of the registrar.",
            "Inquire about this domain name today.",
            "This web page is parked for free at {host}.",
            "The owner of {host} offers this domain name for sale.",
            "Interested in this domain? Make an offer.",
        ),
        "de": (
            "Die Domain {host} steht zum Verkauf.",
            "{host} können Sie kaufen: Diese Domain ist zu verkaufen.",
            "Diese Domain kaufen und sofort nutzen.",
            "Diese Domain ist geparkt.",
            "Der Inhaber dieser Domain parkt sie beim Anbieter.",
            "Domain erwerben: Machen Sie ein Angebot für {host}.",
        ),
        "fr": (
            "Le nom de domaine {host} est à vendre.",
            "Ce domaine est peut-être à vendre par son propriétaire.",
            "Achetez ce nom de domaine dès aujourd'hui.",
            "Ce domaine est en parking chez son bureau d'enregistrement.",
            "Vous souhaitez acheter ce domaine ? Faites une offre.",
            "Domaine à vendre : {host}",
        ),
        "es": (
            "El dominio {host} está en venta.",
            "Este dominio puede estar en venta por su propietario.",
            "Compre este nombre de dominio hoy mismo.",
            "Este dominio está aparcado por su registrador.",
            "¿Quiere comprar este dominio? Haga una oferta.",
            "Dominio en venta: {host}",
        ),
    },
    "login wall": {
        "en": (
            "Please log in to continue reading.",
            "You must be logged in to view this page.",
            "Sign in to your account",
            "Forgot your password? Create an account",
            "This content is for subscribers only. Log in or subscribe.",
            "Don't have an account yet? Register now to read on.",
            "Enter your user name and password.",
            "You need to sign in before you can see this content.",
        ),
        "de": (
            "Bitte melden Sie sich an, um weiterzulesen.",
            "Sie müssen angemeldet sein, um diese Seite zu sehen.",
            "Melden Sie sich mit Benutzername und Passwort an.",
            "Passwort vergessen? Jetzt registrieren",
            "Dieser Inhalt ist nur für Abonnenten. Jetzt einloggen.",
            "Noch kein Konto? Registrieren Sie sich, um den Artikel zu lesen.",
        ),
        "fr": (
            "Connectez-vous pour lire la suite.",
            "Vous devez être connecté pour accéder à cette page.",
            "Identifiant et mot de passe",
            "Mot de passe oublié ? Créer un compte",
            "Cet article est réservé aux abonnés. Se connecter",
            "Pas encore de compte ? Inscrivez-vous pour continuer.",
        ),
        "es": (
            "Inicie sesión para seguir leyendo.",
            "Debe iniciar sesión para ver esta página.",
            "Nombre de usuario y contraseña",
            "¿Olvidó su contraseña? Crear una cuenta",
            "Este contenido es solo para suscriptores. Iniciar sesión",
            "¿Aún no tiene cuenta? Regístrese para continuar.",
        ),
    },
    "notice only": {
        "en": (
            "We use cookies to give you the best experience on our website.",
            "This site uses cookies. By continuing to browse you accept our use of cookies.",
            "Please enable JavaScript in your browser to view this site.",
            "Your browser is not supported: JavaScript is disabled.",
            "Accept all cookies",
            "You can change your cookie settings at any time in our cookie policy.",
            "We and our partners store information on your device, such as cookies.",
            "Copyright {year}. All rights reserved.",
        ),
        "de": (
            "Wir verwenden Cookies, um Ihnen das beste Erlebnis zu bieten.",
            "Diese Website nutzt Cookies. Mit der Nutzung stimmen Sie der Verwendung von Cookies zu.",
            "Bitte aktivieren Sie JavaScript in Ihrem Browser.",
            "JavaScript ist deaktiviert; diese Seite braucht es.",
            "Alle Cookies akzeptieren",
            "Ihre Cookie-Einstellungen können Sie in unserer Datenschutzerklärung ändern.",
        ),
        "fr": (
            "Nous utilisons des cookies pour améliorer votre expérience.",
            "Ce site utilise des cookies. En poursuivant votre navigation, vous acceptez les cookies.",
            "Veuillez activer JavaScript dans votre navigateur.",
            "JavaScript est désactivé dans votre navigateur.",
            "Tout accepter et fermer : nos cookies",
            "Vous pouvez modifier vos préférences de cookies à tout moment.",
        ),
        "es": (
            "Utilizamos cookies para ofrecerle la mejor experiencia.",
            "Este sitio usa cookies. Si continúa navegando acepta su uso de cookies.",
            "Active JavaScript en su navegador para ver esta página.",
            "JavaScript está desactivado en su navegador.",
            "Aceptar todas las cookies",
            "Puede cambiar la configuración de cookies en cualquier momento.",
        ),
    },
}
MENUS = {
    "en": ["Home", "Contact", "About us", "Products", "Blog", "Search", "Sitemap", "Skip to content"],
    "de": ["Startseite", "Kontakt", "Über uns", "Produkte", "Impressum", "Suche", "Warenkorb", "Zum Inhalt"],
    "fr": ["Accueil", "Contact", "À propos", "Produits", "Mentions légales", "Recherche", "Panier", "Plan du site"],
    "es": ["Inicio", "Contacto", "Quiénes somos", "Productos", "Aviso legal", "Buscar", "Carrito", "Mapa del sitio"],
}
FILLERS = {
    "en": [
        "Our shop in the old town has been open since {year}.",
        "The team of {number} people looks forward to hearing from you.",
        "Go back to the start and try the search.",
        "Write to us if you have any question.",
    ],
    "de": [
        "Unser Laden in der Altstadt besteht seit {year}.",
        "Die {number} Leute unseres Hauses freuen sich auf Ihre Nachricht.",
        "Gehen Sie zurück zum Anfang und versuchen Sie die Suche.",
        "Schreiben Sie uns, wenn Sie Fragen haben.",
    ],
    "fr": [
        "Notre boutique dans la vieille ville est ouverte depuis {year}.",
        "L'équipe de {number} personnes attend votre message.",
        "Revenez au début et essayez la recherche.",
        "Écrivez-nous si vous avez une question.",
    ],
    "es": [
        "Nuestra tienda en el casco antiguo está abierta desde {year}.",
        "El equipo de {number} personas espera su mensaje.",
        "Vuelva al principio y pruebe la búsqueda.",
        "Escríbanos si tiene alguna pregunta.",
    ],
}
COMMERCE = {
    "en": ["cheap car insurance", "buy watches online", "best loans today", "weight loss pills", "luxury hotel deals",
           "free casino bonus", "used cars prices", "online degree courses"],
    "de": ["günstige Autoversicherung", "Uhren online kaufen", "Kredit ohne Schufa", "schnell abnehmen Pillen",
           "Luxushotel Angebote", "Casino Bonus gratis", "Gebrauchtwagen Preise", "Fernstudium Kurse online"],
    "fr": ["assurance auto pas chère", "montres de luxe soldes", "crédit rapide en ligne", "maigrir vite pilules",
           "hôtel luxe promotion", "casino bonus gratuit", "voitures occasion prix", "cours diplôme en ligne"],
    "es": ["seguro coche barato", "comprar relojes online", "préstamos rápidos hoy", "adelgazar rápido pastillas",
           "hotel lujo ofertas", "casino bono gratis", "coches usados precios", "cursos título online"],
}  # fmt: skip
GOODS = {
    "en": (["Lamp", "Table", "Chair", "Kettle", "Bicycle", "Jacket", "Drill", "Camera", "Tent", "Mirror"],
           ["Oak", "Steel", "Red", "Folding", "Vintage", "Small", "Cordless", "Deluxe", "Garden", "Kids"]),
    "de": (["Lampe", "Tisch", "Stuhl", "Wasserkocher", "Fahrrad", "Jacke", "Bohrer", "Kamera", "Zelt", "Spiegel"],
           ["Eiche", "Stahl", "Rot", "Klappbar", "Vintage", "Klein", "Akku", "Deluxe", "Garten", "Kinder"]),
    "fr": (["Lampe", "Table", "Chaise", "Bouilloire", "Vélo", "Veste", "Perceuse", "Caméra", "Tente", "Miroir"],
           ["Chêne", "Acier", "Rouge", "Pliante", "Vintage", "Petite", "Sans-fil", "Deluxe", "Jardin", "Enfant"]),
    "es": (["Lámpara", "Mesa", "Silla", "Hervidor", "Bicicleta", "Chaqueta", "Taladro", "Cámara", "Tienda", "Espejo"],
           ["Roble", "Acero", "Rojo", "Plegable", "Vintage", "Pequeño", "Inalámbrico", "Deluxe", "Jardín", "Niño"]),
}  # fmt: skip
WEEKDAYS = {
    "en": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    "de": ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"],
    "fr": ["Lundi", "Mardi", "Mercredi", "Jeudi", "Vendredi", "Samedi", "Dimanche"],
    "es": ["Lunes", "Martes", "Miércoles", "Jueves", "Viernes", "Sábado", "Domingo"],
}
_MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "Janvier Février Mars Avril Mai Juin Juillet Août Septembre Octobre Novembre Décembre",
    "es": "Enero Febrero Marzo Abril Mayo Junio Julio Agosto Septiembre Octubre Noviembre Diciembre",
}
MONTHS = {language: names.split() for language, names in _MONTHS.items()}
LATIN = """
lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et dolore magna aliqua
enim ad minim veniam quis nostrud exercitation ullamco laboris nisi aliquip ex ea commodo consequat duis aute irure in
reprehenderit voluptate velit esse cillum eu fugiat nulla pariatur excepteur sint occaecat cupidatat non proident sunt
culpa qui officia deserunt mollit anim id est laborum curabitur pretium tincidunt lacus vestibulum pellentesque
"""
SENTENCES = {
    "en": [
        "When the river rose in {year}, the people of the lower town carried their beds up to the church.",
        "It was the miller's daughter who had first seen the water, and it was she who rang the bell.",
        "None of the {number} families had ever left the valley before, and some of them didn't want to go.",
        "The old bridge held until the morning, but the road on the other side of it was already gone.",
        "By noon there were boats in the market place, and a man was selling bread from one of them.",
        "They stayed for {number} days, and in the evenings the teacher read to the children by the light of a lamp.",
        "In the spring the council decided to build a wall, which wasn't finished until many years later.",
        "The stones for it came from a quarry in the hills, and each of them had the mark of its mason.",
        "You can still see the line that the water left on the wall of the inn, a little above the door.",
        "Every year on that day the bell is rung again, and the people come out of their houses to listen.",
    ],
    "de": [
        "Als der Fluss im Jahr {year} stieg, trugen die Leute der Unterstadt ihre Betten hinauf in die Kirche.",
        "Die Tochter des Müllers hatte das Wasser als Erste gesehen, und sie war es auch, die die Glocke läutete.",
        "Keine der {number} Familien hatte das Tal jemals verlassen, und einige von ihnen wollten nicht gehen.",
        "Die alte Brücke hielt bis zum Morgen, aber die Straße auf der anderen Seite war schon verschwunden.",
        "Gegen Mittag fuhren Boote über den Markt, und von einem verkaufte ein Mann schon wieder Brötchen.",
        "Sie blieben {number} Tage, und abends las der Lehrer den Kindern im Licht einer Lampe Märchen vor.",
        "Im Frühling beschloss der Rat, eine Mauer zu bauen, die erst viele Jahre später fertig wurde.",
        "Die Steine dafür kamen aus einem Bruch in den Hügeln, und jeder trug das Zeichen seines Maurers.",
        "Noch heute kann man über der Tür des Gasthauses die Linie sehen, die das Wasser zurückgelassen hat.",
        "Jedes Jahr wird an diesem Tag die Glocke geläutet, und die Leute kommen aus den Häusern, um zuzuhören.",
    ],
    "fr": [
        "Quand la rivière monta en {year}, les gens de la ville basse portèrent leurs lits jusqu'à l'église.",
        "C'est la fille du meunier qui avait vu l'eau la première, et c'est elle aussi qui sonna la cloche.",
        "Aucune des {number} familles n'avait jamais quitté la vallée, et certaines ne voulaient pas s'en aller.",
        "Le vieux pont tint jusqu'au matin, mais la route de l'autre côté avait déjà été emportée.",
        "Vers midi, des barques traversaient la place du marché, et sur l'une d'elles un homme vendait du pain.",
        "Ils restèrent {number} jours, et le soir l'instituteur lisait aux élèves à la lumière d'une lampe à pétrole.",
        "Au printemps, le conseil décida de bâtir un mur, qui ne fut achevé que bien des années après.",
        "Les pierres venaient d'une carrière des collines, et chacune portait la marque de son maçon.",
        "On voit encore, un peu au-dessus de la porte de l'auberge, la ligne que l'eau a laissée sur le mur.",
        "Chaque année, ce jour-là, on sonne de nouveau la cloche, et les gens sortent écouter.",
    ],
    "es": [
        "Cuando el río creció en {year}, la gente de la ciudad baja llevó sus camas hasta la iglesia.",
        "Fue la hija del molinero quien vio el agua por primera vez, y también fue ella quien tocó la campana.",
        "Ninguna de las {number} familias había salido nunca del valle, y algunas no querían irse.",
        "El viejo puente aguantó hasta la mañana, pero el camino del otro lado ya había desaparecido.",
        "Hacia el mediodía había barcas en la plaza, y desde una de ellas un señor vendía pan todavía caliente.",
        "Se quedaron {number} días, y por la noche el maestro leía a los niños a la luz de una lámpara.",
        "En primavera el concejo decidió construir un muro, que no se terminó hasta muchos años después.",
        "Las piedras venían de una cantera en las colinas, y cada una tenía la señal de su albañil.",
        "Aún se ve, un poco más arriba de la puerta del mesón, la línea que el agua dejó en la pared.",
        "Cada año, ese día, se vuelve a tocar la campana, y la gente sale de sus casas a escuchar.",
    ],
}
