"""German: articles and cases, words and templates. Syntax: engine.py.

A filler that takes an article is written with its gender, `f:Schweiz`, `m:Rhein`, `n:Museum`;
without one it stands bare. `+s` or `+es` is the ending of its genitive (`n:Klinikum+s {town}`).
Articles are not part of an entity ("in der [Schweiz]").
"""

import re

from grammar.common import ACRONYMS, BRANDS
from grammar.engine import Table, joined

ARTICLES = {
    "m": ("der", "den", "dem", "des") + ("beim", "vom", "am", "im", "in den", "aus dem", "zum"),
    "f": ("die", "die", "der", "der")
    + ("bei der", "von der", "an der", "in der", "in die", "aus der", "zur"),
    "n": ("das", "das", "dem", "des") + ("beim", "vom", "am", "im", "ins", "aus dem", "zum"),
    "": ("", "", "", "") + ("bei", "von", "an", "in", "nach", "aus", "zu"),
}
CASES = ("nom", "acc", "dat", "gen", "bei", "von", "an", "in", "to", "from", "zu")
INDEFINITE = {"m": ("ein", "einen"), "f": ("eine", "eine"), "n": ("ein", "ein")}


def _split(entry):
    gender, _, word = entry.rpartition(":")
    return gender, word


def _name(entry, bare_genitive):
    gender, word = _split(entry)
    nominative = re.sub(r"\+e?s", "", word)
    forms = {c: ("%s [%s]" % (a, nominative)).strip() for c, a in zip(CASES, ARTICLES[gender])}
    if gender:
        forms["gen"] = "%s [%s]" % (ARTICLES[gender][3], word.replace("+", ""))
    else:
        forms["gen"] = bare_genitive % word
    return forms


def place(entry):
    """filler -> {case or preposition: article and name}."""
    return _name(entry, "von [%s]" if entry[-1] in "sxzß" else "[%ss]")


def organisation(entry):
    """As `place`, but "von Solvex" is every bare name's genitive."""
    return _name(entry, "von [%s]")


def person(entry):
    """filler -> {nom, gen}: Annas, but Lukas'."""
    return {"nom": entry, "gen": "[%s]'" % entry if entry[-1] in "sxzß" else entry + "s"}


def noun(entry):
    """filler -> {nom, acc, dat with the definite article; ein, einen: nom, acc with the indefinite;
    mein: nom with the possessive}."""
    gender, word = _split(entry)
    forms = {c: a + " " + word for c, a in zip(CASES[:3], ARTICLES[gender])}
    ein, einen = INDEFINITE[gender]
    indefinite = {"ein": ein, "einen": einen, "mein": "m" + ein}
    forms.update({form: article + " " + word for form, article in indefinite.items()})
    return forms


# Towns of Germany, between which buses run, and cities elsewhere.
TOWNS = {
    "train": """
        Berlin, Hamburg, Bremen, Leipzig, Stuttgart, Hannover, Lindau, Fulda, Essen, Potsdam,
        Bad Homburg, Kassel, Erfurt
    """,
    "dev": "Passau, Kiel, Bad Ischl",
    "test": """
        Köln, München, Dresden, Oldenburg, Mainz, Rostock, Freiburg, Augsburg, Bad Kreuznach
    """,
}
ABROAD = {
    "train": """
        Wien, Zürich, Genf, Paris, London, Rom, Tokio, Nairobi, Kigali, Stockholm, Warschau,
        Amsterdam, Boston, Chicago, New York, Helsinki, Kairo
    """,
    "dev": "Oslo, Lissabon, Tallinn, Accra",
    "test": """
        Madrid, Kopenhagen, Athen, Peking, Istanbul, Kampala, Mombasa, Oxford, Buenos Aires
    """,
}

TABLES = {
    # People. Lindau and Oldenburg are towns as well; Koch, Winter, Fuchs are everyday words.
    "given": Table(
        "PER",
        inflect=person,
        train="""
            Anna, Lukas, Katharina, Jürgen, Sabine, Peter, Maria, Stefan, Ursula, Daniel, Emma,
            Karl,
            Greta, Heike, Frank, Anja, Otto, Ingrid, Florian, Johanna, Nina, Josef, Petra, Wolfgang,
            Helga, Leon, Ayşe, Sarah
        """,
        dev="Laura, Martin, Ulrike, Oskar, Jonas, Birgit",
        test="""
            Thomas, Julia, Simon, Martha, Heinrich, Annette, Philipp, Monika, Charlotte, Kerstin,
            Ralf, Samuel, Dieter, Elke, Mehmet
        """,
    ),
    "family": Table(
        "PER",
        inflect=person,
        train="""
            Schneider, Koch, Bauer, Richter, Lange, Hoffmann, Wagner, Krause, Vogel, Brandt, Lorenz,
            Seidel, Winter, Sommer, Lindau, Fulda, Weber, Müller, Becker, Yılmaz, Schulz, Keller,
            Kaiser, Busch
        """,
        dev="Ziegler, Paulsen, Hartwig, Bergmann, Passau",
        test="""
            Schäfer, Neumann, Zimmermann, Hartmann, Krüger, Oldenburg, Engel, Fuchs, Thiele, Ludwig,
            Böhm, Marquardt, Kessler, Dietrich, Demir
        """,
    ),
    "person": Table("PER", all="{given.nom} {family.*}"),
    # Places.
    "town": Table("LOC", inflect=place, **TOWNS),
    "city": Table("LOC", inflect=place, **joined(TOWNS, ABROAD)),
    "country": Table(
        "LOC",
        inflect=place,
        train="""
            Deutschland, Kenia, Tansania, Finnland, Schweden, Frankreich, Italien, Japan, Indien,
            Nigeria, Ghana, Ägypten, Brasilien, Kanada, Österreich, Polen, Ruanda, f:Schweiz,
            f:Ukraine
        """,
        dev="Portugal, Sambia, Estland, Mexiko, Irland, Senegal",
        test="""
            Norwegen, Spanien, China, Äthiopien, Dänemark, Griechenland, Uganda, Burundi, Malawi,
            Südafrika, Argentinien, Australien, Neuseeland, f:Türkei, f:Slowakei
        """,
    ),
    "region": Table(
        "LOC",
        inflect=place,
        train="""
            Bayern, Hessen, Thüringen, Schottland, Lappland, Kalifornien, Brandenburg,
            f:Lausitz
        """,
        dev="Galicien, Vorpommern",
        test="Sachsen, Westfalen, Wales, Kärnten, Katalonien, f:Toskana, f:Pfalz, f:Eifel",
    ),
    "water": Table(
        "LOC",
        inflect=place,
        train="m:Rhein+s, f:Themse, f:Spree, m:Bodensee+s, f:Ostsee, m:Neckar+s",
        dev="f:Havel, m:Chiemsee+s",
        test="f:Donau, f:Elbe, m:Main+s, f:Mosel, m:Nil+s",
    ),
    "spot": Table(
        "LOC",
        inflect=place,
        all="""
            f:{family.nom}straße
            f:{family.nom}brücke
            m:{family.nom}platz+es
            m:{family.nom}park+s
            m:Bahnhof+s {town}
            m:Flughafen+s {town}
        """,
    ),
    # Organisations.
    "brand": Table("ORG", inflect=organisation, **BRANDS),
    "acronym": Table("ORG", **ACRONYMS),
    "field": Table(
        train="Gesundheit, Bildung, Finanzen, Landwirtschaft, Verteidigung",
        dev="Tourismus, Kultur",
        test="Verkehr, Justiz, Energie, Handel, Arbeit",
    ),
    "company": Table(
        "ORG",
        inflect=organisation,
        all="""
            {brand}
            {brand}
            f:{brand} AG
            f:{brand} Bank
            f:{family} GmbH
            f:Brauerei {family}
            f:Bäckerei {family}
            f:Sparkasse {town}
            {family} & Söhne
            {family}
        """,
    ),
    "school": Table(
        "ORG",
        inflect=organisation,
        all="""
            f:Universität {city}
            f:Hochschule {city}
            n:{family}-Gymnasium+s
            f:Musikschule {town}
        """,
    ),
    "hospital": Table(
        "ORG",
        inflect=organisation,
        all="n:Klinikum+s {town}\nn:{family}-Krankenhaus+es\nf:Kinderklinik {town}",
    ),
    "office": Table(
        "ORG",
        inflect=organisation,
        all="""
            f:Universität {city}
            n:Ministerium+s für {field}
            n:Ministerium+s für {field}
            f:Stadtverwaltung {town}
            f:Polizei {town}
            f:Handelskammer {town}
            f:{family}-Stiftung
            f:Zentralbank {country.gen}
            m:{acronym}
        """,
    ),
    "paper": Table(
        "ORG",
        inflect=organisation,
        all="n:Tageblatt+s {town}\nm:Kurier+s {town}\nf:Rundschau {town}",
    ),
    "club": Table(
        "ORG",
        inflect=organisation,
        all="""
            m:FC {town}
            m:SV {town}
            Eintracht {town}
            Fortuna {town}
            {town}
            {town}
        """,
    ),
    # Words that are no names.
    "day": Table(all="Montag, Dienstag, Mittwoch, Donnerstag, Freitag, Samstag, Sonntag"),
    "month": Table(
        all="""
            Januar, Februar, März, April, Mai, Juni, Juli, August, September, Oktober, November,
            Dezember
        """
    ),
    "job": Table(
        inflect=noun,
        all="""
            m:Lehrer, m:Gärtner, m:Maler, m:Tischler, m:Trainer, m:Dolmetscher, m:Pfleger,
            m:Musiker, m:Reporter, f:Ärztin, f:Anwältin, f:Köchin, f:Pilotin
        """,
    ),
    "title": Table(
        forms="nom acc",
        all="""
            Herr|Herrn, Frau|Frau, Professor|Professor, Ministerin|Ministerin, Richterin|Richterin
            Kommissar|Kommissar, Dr.|Dr.
        """,
    ),
    "goods": Table(all="Kaffee, Tee, Holz, Stahl, Zucker, Baumwolle, Mais, Reis, Fisch"),
    "wares": Table(
        forms="acc dat",
        all="""
            Maschinen|Maschinen, Textilien|Textilien, Möbel|Möbeln, Papier|Papier
            Arzneimittel|Arzneimitteln, Werkzeuge|Werkzeugen, Kleidung|Kleidung
        """,
    ),
    "subject": Table(
        all="""
            Geschichte, Physik, Chemie, Musik, Medizin, Mathematik, Biologie, Philosophie, Erdkunde
        """
    ),
    "food": Table(all="Brot, Käse, Suppe, Äpfel, Bohnen, Reis, Salat, Kartoffeln, Kuchen"),
    "animal": Table(
        inflect=noun, all="m:Hund, f:Katze, n:Pferd, f:Ziege, m:Esel, n:Kaninchen, f:Kuh, m:Papagei"
    ),
    "thing": Table(
        inflect=noun,
        all="""
            n:Fahrrad, f:Lampe, m:Koffer, n:Radio, f:Kamera, m:Tisch, m:Stuhl, n:Klavier, f:Leiter
        """,
    ),
    "kin": Table(
        inflect=noun,
        all="""
            f:Mutter, m:Vater, f:Schwester, m:Bruder, m:Onkel, f:Tante, f:Cousine, f:Großmutter
        """,
    ),
    "noun": Table(  # Words that are also names of people.
        inflect=noun,
        train="m:Koch, m:Bauer, m:Richter, m:Kaiser, m:Vogel, n:Essen, m:Winter, m:Sommer, m:Busch",
        dev="m:Ziegler, m:Bergmann",
        test="m:Fuchs, m:Engel, m:Schäfer, m:Zimmermann",
    ),
    "storm": Table(all="Regen, Schnee, Nebel, Hagel, Sturm"),
    "direction": Table(all="Norden, Süden, Osten, Westen"),
    "adj": Table(all="ruhig, lang, schwierig, heiter, kalt, kurz, anstrengend, ungewöhnlich"),
    "few": Table(all="zwei, drei, vier, fünf, sechs, sieben, acht, zehn, zwölf"),
}

SHARED = """
    # Nachrichten und Politik
    {person} kam am {day} in {city} an.
    {person} wurde 19{40..99} in {city} geboren.
    Präsident {family} reist nächste Woche {country.to}.
    {title} {family} traf in {city} Vertreter {office.gen}.
    {office} teilte am {day} mit, dass die neuen Regeln im {month} in Kraft treten.
    „Wir sind bereit“, sagte {person} {office.von}.
    Die Bürgermeisterin von {city} dankte {office.dat} für die Hilfe.
    {country} und {country} unterzeichneten in {city} ein Abkommen.
    Laut {paper.dat} tritt {person} im {month} zurück.
    {paper} berichtete, dass {country} die Botschaft {country.in} geschlossen hat.
    {region.in} wird am {day} gewählt.
    Die Polizei sucht in {town} nach {person}.
    {family} sagte {paper.dat}, dass niemand verletzt worden sei.
    Der Minister flog von {city} nach {city}, ohne mit der Presse zu sprechen.
    {office} hat {country.in} {few} neue Büros eröffnet.
    # Wirtschaft
    {company} eröffnete eine Filiale in {city}.
    {company} will {region.in} {20..90}0 Menschen einstellen.
    Die Aktien {company.gen} stiegen am {day} um {2..9} Prozent.
    {person} leitet {company.acc} seit 20{10..22}.
    {company} kaufte {company.acc} für {2..90} Millionen Euro.
    {country} verkaufte mehr {wares} {country.to} als im Vorjahr.
    {person} gründete {company.acc} im {month} 20{10..22} in {city}.
    Die Beschäftigten {company.gen} in {city} streiken seit {day}.
    # Sport
    {club} besiegte {club.acc} am {day} mit {2..5}:1.
    {club} verpflichtete {person} {club.von}.
    {person} traf zweimal für {club.acc}.
    {club} verlor zu Hause gegen {club.acc}.
    „{club} hat besser gespielt als wir“, sagte Trainer {family}.
    # Bildung, Gesundheit, Reisen
    {person} unterrichtet {subject} {school.an}.
    {person} studierte in {city} {subject} und zog dann {country.to}.
    {hospital} behandelte {12..60} Patienten.
    Ein Bus von {town} nach {town} blieb in der Nähe {spot.gen} liegen.
    {spot} war {few} Stunden lang gesperrt.
    Die Fähre fährt zweimal am Tag über {water.acc}.
    {water} ist nach dem Regen trüb.
    {given} und {given} gingen {water.an} spazieren.
    {given} wohnt in {city} und arbeitet {company.bei}.
    Hallo {given}, der Zug nach {town} fährt um {6..11}.{10..55} Uhr.
    # Ein Wort am Anfang, das kein Name ist
    Niemand in {city} hatte von {person} gehört.
    Bücher {country.from} werden in {city} verkauft.
    Fachleute {office.gen} sprechen am {1..28}. {month} in {city}.
    Über {noun.acc} sprach man in {city} noch lange.
    # Kein Name
    {job} verkaufte {thing.acc} für {20..90} Euro.
    Im {direction} wird am {day} {storm} erwartet.
    Am {day} öffnet der Laden um {few} Uhr.
    {kin.mein} kaufte auf dem Markt {food} und {food}.
    Der Preis für {goods} ist seit {month} gefallen.
    „Wo ist {thing.mein}?“, fragte {job}.
    Die Schulen bleiben bis zum {1..28}. {month} geschlossen.
    Wer {subject} studiert, muss {few} Aufsätze schreiben.
"""

TRAIN = """
    {person} verließ {country.acc} im {month} und kehrte nie zurück.
    Aus {city} kam {person} und sprach {school.an}.
    {office} hat {person} zum 1. {month} eingestellt.
    Journalisten warteten in der Nähe {spot.gen} auf {family}.
    Die Regierung {country.gen} hat {office.acc} um Rat gebeten.
    {title} {family} nahm den Preis in {city} entgegen.
    {company} und {company} planen ein gemeinsames Büro {country.in}.
    Kunden {company.gen} klagten in {city} über späte Lieferungen.
    {family} besitzt {company.acc} und wohnt in der Nähe {spot.gen}.
    Torwart {family} verlässt {club.acc} im {month}.
    {club} spielt am {day} in {city} gegen {club.acc}.
    Die Fans {club.gen} sangen für {family}.
    {school} stellte fest, dass Kinder {region.in} weniger lesen als früher.
    Die Straße von {town} nach {town} ist wegen {storm} gesperrt.
    Der Weg {spot.zu} ist nicht weit.
    {given} lernte {given} am {day} in {city} kennen.
    {given} schickte {given} eine Karte {country.from}.
    In {town}, {town} und {town} regnete es.
    {person} ({20..60}) wurde {region.in} gewählt.
    {family.gen} Rede dauerte {few} Stunden.
    Nur {few} Menschen blieben im Dorf.
    {animal} schlief unter dem Tisch.
    {food} und {food} waren schon am {day} ausverkauft.
"""

TEST = """
    {person} kehrte nach {few} Jahren {country.in} {city.to} zurück.
    {region.in} erinnert man sich noch an {title.acc} {family}.
    {office} wies den Bericht {paper.gen} zurück.
    Gespräche zwischen {country.dat} und {country.dat} scheiterten in {city}.
    {company} hat den Laden in der Nähe {spot.gen} geschlossen.
    „{company} steht nicht zum Verkauf“, sagte {family} {paper.dat}.
    Pflegekräfte {country.from} arbeiten jetzt {hospital.an}.
    {family} {club.von} wurde im {month} zum besten Spieler gewählt.
    {club} hat seit 20{10..22} nicht mehr in {city} gewonnen.
    Ein Reisender fragte in {town} nach dem Weg {spot.zu}.
    {given.gen} Bruder repariert Boote {water.an}.
    {person} und {person} schrieben ein Buch über {region.acc}.
    Briefe an {given} wurden {school.an} gefunden.
    Karten kosten {12..60} Euro, sagt {company}.
    Sowohl {family} als auch {family} stammen aus {city}.
    Die Kälte kam {country.in} früh.
    Zucker war im {month} billiger als im {month}.
    Leider ist {thing} wieder kaputt.
    {kin} des Nachbarn hielt {animal.einen}.
"""

TEXT = """
    # Alltag
    {kin.mein} hat {animal.einen} und {animal.einen}.
    {animal} lief über das Feld, und {animal} lief hinterher.
    Jeden {day} essen wir {food} und {food}.
    Auf dem Weg zum Bahnhof habe ich {thing.acc} verloren.
    Kannst du mir bis {day} {thing.acc} leihen?
    Der Tag war {adj}, und alle gingen früh nach Hause.
    Sie stellte {thing.acc} neben {thing.acc} und schloss die Tür.
    {kin.mein} arbeitet in einer kleinen Stadt, und {kin.mein} auch.
    {job} und {job} saßen beim Mittagessen am selben Tisch.
    Sie kochten {food} für {few} Gäste.
    Wir warteten {few} Stunden auf den Bus. Dann begann es zu schneien.
    Die Sitzung war {adj}, aber das Essen war gut.
    Wenn du {job.acc} siehst, sag bitte, dass {thing} fertig ist.
    Im Zimmer standen {12..90} Stühle, aber nur {few} Leute waren da.
    Ich hätte gern {food} und {food}, bitte.
    # Wetter
    Nach {few} Tagen Regen reichte der Fluss bis an die Brücke.
    Die Vorhersage verspricht {storm} im {direction} und {storm} im {direction}.
    Die Bauern hoffen auf Regen vor {day}.
    In der Nacht auf {day} sank die Temperatur auf {2..12} Grad.
    {region.in} regnete es im {month} mehr als in jedem Jahr seit 19{50..99}.
    Die Hügel um {town} waren am {day} weiß.
    Seit Anfang {month} ist es kalt.
    # Wissenschaft, Schule, Gesundheit
    Kinder lernen {subject} ab der {3..9}. Klasse.
    Sie möchte in {city} {subject} oder {subject} studieren.
    {job} erklärte den Kindern {subject}.
    Eine neue Studie sagt, dass {food} gut für das Herz sein kann.
    Ärzte raten, im {month} mehr Wasser zu trinken.
    {person} hat {few} Bücher über {subject} geschrieben.
    Die Bibliothek {school.gen} hat {2..90}000 Bücher.
    {given} fiel in {subject} durch, aber {kin} war nicht böse.
    {hospital} braucht {12..60} Pflegekräfte mehr. Das Geld dafür fehlt.
    # Nachrichten und Wirtschaft
    Der Handel mit {wares.dat} zwischen {country.dat} und {country.dat} wächst.
    Die Ausfuhr von {wares.dat} {country.from} sank im {month} um {2..30} Prozent.
    {goods} kostet in {city} mehr als in {city}.
    {company} hat die Kunden {country.in} um Entschuldigung gebeten.
    Die neue Brücke über {water.acc} kostete {20..90} Millionen Euro.
    Das Parlament stimmt am {day} über die Steuer auf {goods} ab.
    Das Gericht in {town} hörte am {day} {job.acc} an.
    {person} leitet jetzt {company.acc}. Vorher war die Stelle lange unbesetzt.
    „Das Jahr war {adj}“, sagte {title} {family} in {city}.
    Ein früherer Mitarbeiter {office.gen} wurde am {day} {country.in} verhaftet.
    {office} und {office} wollen ab {month} zusammenarbeiten.
    {paper} verkauft seit {month} weniger Zeitungen.
    # Sport und Reisen
    Das Spiel {club.gen} gegen {club.acc} endete {2..4}:{2..4}.
    {family} verschoss einen Elfmeter, und {club} schied aus.
    {given} fuhr mit dem Nachtzug von {town} nach {town}.
    Touristen {country.from} mögen die engen Gassen von {city}.
    Das Hotel in der Nähe {spot.gen} hat {20..90} Zimmer.
    Die Fahrt über {water.acc} dauert {few} Stunden.
    Wir fuhren durch {region.acc}, und {animal} saß hinten im Wagen.
    {given} war noch nie {country.in}, aber {given} fährt jedes Jahr hin.
    {job} zeigte {given} den Weg {spot.zu}.
"""
