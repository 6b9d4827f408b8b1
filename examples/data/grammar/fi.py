"""Finnish: inflection, words and templates. Syntax: engine.py.

Forms: nom, gen, part (partitive), ine, ela, ill (in, out of, into), ade, abl, all (at, from, to),
and for places in, from, to: inner or outer cases as the name wants them (Turussa, Tampereella).
A filler is written `nominative:weak:strong:partitive:illative`, from the second part on only what
the rules of `inflect` do not find: `Turku:Turu`, `Lahti:Lahde:Lahte`. A place that takes the outer
cases ends in `@`; `~` parts a compound whose last word alone rules vowel harmony (`Rova~niemi`).
Of a person's names only the last is inflected.
"""

from grammar.common import BRANDS
from grammar.engine import Table, joined

VOWELS = "aeiouyäö"
LONG_ENDS = ("aa", "ee", "oo", "uu", "yy", "ää", "öö")


def _is_back(word):
    """Vowel harmony: the last vowel that is not neutral decides."""
    for c in reversed(word.lower()):
        if c in "aouå":
            return True
        if c in "yäöü":
            return False
    return False


def _illative(strong):
    """Into: Espooseen, Helsinkiin, Tokioon."""
    return strong + ("seen" if strong[-2:] in LONG_ENDS else strong[-1] + "n")


def _partitive(nom, weak, strong, a):
    """Some of: Mäkistä, Markusta, Lainetta, Espoota, Tokiota, Helsinkiä."""
    if nom.endswith("nen"):
        return nom[:-3] + "st" + a
    if nom.endswith("s") and weak.endswith("se"):
        return nom + "t" + a
    if nom.endswith("e") and weak.endswith("ee"):
        return nom + "tt" + a
    return strong + ("t" if strong[-2:] in LONG_ENDS + ("io", "iö") else "") + a


def inflect(entry):
    """filler -> {form: word}."""
    if "{" in entry:
        return {"nom": entry}
    outer = entry.endswith("@")
    nom, weak, strong, part, ill = (entry.rstrip("@").split(":") + [""] * 4)[:5]
    if not weak and nom.endswith("nen"):
        weak = nom[:-3] + "se"  # Mäkinen, Mäkisen
    elif not weak:
        weak = nom if nom[-1] in VOWELS else nom + "i"  # Solvex, Solvexin
    if not strong:
        strong = nom if nom[-1] in VOWELS and not weak.endswith("ee") else weak
    a = "a" if _is_back(nom.rpartition("~")[2]) else "ä"
    nom = nom.replace("~", "")
    forms = {
        "nom": nom,
        "gen": weak + "n",
        "part": part or _partitive(nom, weak, strong, a),
        "ine": weak + "ss" + a,
        "ela": weak + "st" + a,
        "ill": ill or _illative(strong),
        "ade": weak + "ll" + a,
        "abl": weak + "lt" + a,
        "all": weak + "lle",
    }
    forms["in"] = forms["ade" if outer else "ine"]
    forms["from"] = forms["abl" if outer else "ela"]
    forms["to"] = forms["all" if outer else "ill"]
    return forms


# Towns of Finland, between which buses run, and cities elsewhere.
TOWNS = {
    "train": """
        Helsinki:Helsingi, Turku:Turu, Tampere:Tamperee@, Espoo, Lahti:Lahde:Lahte, Pori, Salo,
        Kuopio, Kotka, Vantaa@, Seinäjoki:Seinäjoe:Seinäjoke@, Mikkeli,
        Riihimäki:Riihimäe:Riihimäke@, Hamina, Kouvola
    """,
    "dev": "Hämeenlinna, Lappeenranta:Lappeenranna, Nurmes:Nurmekse",
    "test": """
        Oulu, Jyväskylä, Rova~niemi:Rovanieme:Rovanieme@, Joensuu::Joensuu:Joensuuta:Joensuuhun,
        Vaasa, Kajaani, Imatra@, Savonlinna, Raahe
    """,
}
ABROAD = {
    "train": """
        Berliini, Hampuri, Tukholma, Pariisi, Rooma, Lontoo, Tokio, Nairobi, Kigali, Varsova,
        Geneve, Amsterdam, Boston, Chicago, New York, Kairo
    """,
    "dev": "Oslo, Lissabon, Tallinna, Accra",
    "test": """
        Madrid, München, Köln, Kööpenhamina, Ateena, Peking, Kampala, Mombasa, Istanbul, Oxford,
        Addis Abeba
    """,
}

TABLES = {
    # People. Lahti, Salo and Joensuu are towns as well.
    "given": Table(
        "PER",
        inflect=inflect,
        train="""
            Anna, Mikko:Miko, Pekka:Peka, Antti:Anti, Matti:Mati, Jukka:Juka, Riitta:Riita, Kaisa,
            Liisa, Ville, Eero, Aino, Sanna, Kalle, Pirjo, Helmi, Päivi, Outi, Veikko:Veiko, Elina,
            Johanna, Hannes:Hannekse, Markus:Markukse, Maria, Daniel, Satu, Lauri, Tiina, Toivo
        """,
        dev="Laura, Oskari, Terttu:Tertu, Leena, Jaakko:Jaako, Rauha",
        test="""
            Juhani, Heikki:Heiki, Saara, Ilkka:Ilka, Marjatta:Marjata, Tuomas:Tuomakse, Noora,
            Risto,
            Henna, Seppo:Sepo, Julia, Simo, Oona, Kerttu:Kertu, Taisto
        """,
    ),
    "family": Table(
        "PER",
        inflect=inflect,
        train="""
            Virtanen, Korhonen, Nieminen, Heikkinen, Mäkelä, Laine:Lainee, Lahti:Lahde:Lahte, Salo,
            Laakso, Lehto:Lehdo, Harju, Aalto:Aallo, Turunen, Ojala, Peltola, Heinonen, Rantala,
            Hirvonen, Savolainen, Kettunen, Niemelä, Laitinen, Toivonen, Kurki:Kurje:Kurke
        """,
        dev="Saarinen, Lampi:Lamme:Lampe, Hakala, Pesonen, Vainio",
        test="""
            Mäkinen, Koskinen, Järvinen, Lehtonen, Joensuu::Joensuu:Joensuuta:Joensuuhun,
            Niemi:Nieme:Nieme, Karjalainen,
            Tuominen, Ahonen, Rautio, Väisänen, Jokinen,
            Sillanpää::Sillanpää:Sillanpäätä:Sillanpäähän, Kärkkäinen
        """,
    ),
    "person": Table("PER", inflect=inflect, all="{given.nom} {family.*}"),
    # Places.
    "town": Table("LOC", inflect=inflect, **TOWNS),
    "city": Table("LOC", inflect=inflect, **joined(TOWNS, ABROAD)),
    "country": Table(
        "LOC",
        inflect=inflect,
        train="""
            Suomi:Suome:Suome, Kenia, Tansania, Saksa, Ruotsi, Ranska, Italia, Japani, Intia,
            Nigeria,
            Ghana, Egypti, Brasilia, Kanada, Itävalta:Itävalla, Puola, Sveitsi, Venäjä@, Ruanda
        """,
        dev="Portugali, Sambia, Viro, Meksiko, Irlanti:Irlanni, Senegal",
        test="""
            Norja, Espanja, Kiina, Tanska, Kreikka:Kreika, Turkki:Turki, Uganda, Burundi, Etiopia,
            Malawi, Argentiina, Australia, Islanti:Islanni, Unkari
        """,
    ),
    "region": Table(
        "LOC",
        inflect=inflect,
        train="Lappi:Lapi, Savo, Kainuu, Pohjanmaa@, Karjala, Skotlanti:Skotlanni, Baijeri",
        dev="Kymenlaakso, Galicia",
        test="Satakunta:Satakunna, Häme:Hämee, Ahvenanmaa@, Toscana, Wales:Walesi, Sisilia",
    ),
    "water": Table(
        "LOC",
        inflect=inflect,
        train="""
            Inarijärvi:Inarijärve:Inarijärve@, Näsijärvi:Näsijärve:Näsijärve@,
            Kymijoki:Kymijoe:Kymijoke@,
            Itämeri:Itämere:Itämere:Itämerta@, Reini@
        """,
        dev="Pielinen@, Vantaanjoki:Vantaanjoe:Vantaanjoke@",
        test="""
            Saimaa@, Päijänne:Päijäntee@, Oulujoki:Oulujoe:Oulujoke@, Tonava@,
            Tornionjoki:Tornionjoe:Tornionjoke@
        """,
    ),
    "way": Table(
        inflect=inflect,
        all="katu:kadu@, tie::tie:tietä:tiehen@, puisto, silta:silla@, kuja@, tori@",
    ),
    "spot": Table(
        "LOC",
        inflect=inflect,
        all="""
            {family.gen}{way.*}
            {town.gen} {landmark.*}
        """,
    ),
    "landmark": Table(
        inflect=inflect, all="lentoasema@, rautatieasema@, kauppatori@, satama, linja-autoasema@"
    ),
    # Organisations.
    "brand": Table("ORG", inflect=inflect, **BRANDS),
    "maker": Table(
        inflect=inflect,
        all="""
            Leipomo, Konepaja, Panimo, Kustannus:Kustannukse, Saha, Kirjakauppa:Kirjakaupa,
            Pankki:Panki
        """,
    ),
    "company": Table(
        "ORG",
        inflect=inflect,
        all="""
            {brand.*}
            {brand.*}
            {brand.*}
            {family.gen} {maker.*}
            {town.gen} {maker.*}
            {maker.nom} {family.*}
        """,
    ),
    "unit": Table(
        inflect=inflect,
        all="""
            yliopisto, poliisi, kaupunginteatteri, keskussairaala, ammattikorkeakoulu, kauppakamari,
            seurakunta:seurakunna, kaupunginkirjasto, pelastuslaitos:pelastuslaitokse, taidemuseo
        """,
    ),
    "ministry": Table(
        "ORG",
        inflect=inflect,
        train="opetusministeriö, ympäristöministeriö, puolustusministeriö, ulkoministeriö",
        dev="maatalousministeriö",
        test="sisäministeriö, oikeusministeriö, liikenneministeriö",
    ),
    "office": Table(
        "ORG",
        inflect=inflect,
        all="""
            {town.gen} {unit.*}
            {town.gen} {unit.*}
            {town.gen} {unit.*}
            {ministry.*}
            {country.gen} {bank.*}
            {family.gen} {fund.*}
        """,
    ),
    "school": Table("ORG", inflect=inflect, all="{city.gen} {schoolunit.*}"),
    "schoolunit": Table(
        inflect=inflect,
        all="""
            yliopisto, ammattikorkeakoulu, lyseo::lyseo:lyseota:lyseoon, konservatorio
        """,
    ),
    "hospital": Table("ORG", inflect=inflect, all="{town.gen} {ward.*}"),
    "ward": Table(
        inflect=inflect,
        all="""
            keskussairaala, terveyskeskus:terveyskeskukse, lastenklinikka:lastenklinika
        """,
    ),
    "court": Table("ORG", inflect=inflect, all="{town.gen} {courthouse.*}"),
    "courthouse": Table(
        inflect=inflect,
        all="""
            käräjäoikeus:käräjäoikeude:käräjäoikeute:käräjäoikeutta,
            hallinto-oikeus:hallinto-oikeude:hallinto-oikeute:hallinto-oikeutta
        """,
    ),
    "bank": Table(inflect=inflect, all="keskuspankki:keskuspanki, suurlähetystö"),
    "fund": Table(inflect=inflect, all="säätiö, instituutti:instituuti"),
    "press": Table(inflect=inflect, all="Viesti, Kaiku:Kaiu, Lehti:Lehde:Lehte"),
    "paper": Table("ORG", inflect=inflect, all="{town.gen} {press.*}"),
    "clubunit": Table(inflect=inflect, all="Palloseura, Pallokerho, Kiekko:Kieko, Urheiluseura"),
    "club": Table(
        "ORG", inflect=inflect, all="{town.gen} {clubunit.*}\n{town.gen} {clubunit.*}\n{brand.*}"
    ),
    # Words that are no names.
    "day": Table(
        forms="nom ess ela",
        all="""
            maanantai|maanantaina|maanantaista, tiistai|tiistaina|tiistaista
            keskiviikko|keskiviikkona|keskiviikosta, torstai|torstaina|torstaista
            perjantai|perjantaina|perjantaista, lauantai|lauantaina|lauantaista
            sunnuntai|sunnuntaina|sunnuntaista
        """,
    ),
    "month": Table(
        inflect=inflect,
        all="""
            tammikuu, helmikuu, maaliskuu, huhtikuu, toukokuu, kesäkuu, heinäkuu, elokuu, syyskuu,
            lokakuu, marraskuu, joulukuu
        """,
    ),
    "job": Table(
        inflect=inflect,
        all="""
            opettaja, sairaanhoitaja, laki~mies:lakimiehe:lakimiehe:lakimiestä, toimittaja,
            maanviljelijä, leipuri, kirurgi, puuseppä:puusepä, valmentaja, kääntäjä, lentäjä,
            kalastaja, taiteilija
        """,
    ),
    "title": Table(
        all="pormestari, professori, ministeri, tuomari, kapteeni, tohtori, kansanedustaja"
    ),
    "goods": Table(
        inflect=inflect,
        all="""
            kahvi, tee::tee:teetä:teehen, riisi, puutavara, teräs:teräkse, sokeri, puuvilla,
            maissi
        """,
    ),
    "wares": Table(
        forms="nom gen part",
        all="""
            koneet|koneiden|koneita, huonekalut|huonekalujen|huonekaluja, paperi|paperin|paperia
            lääkkeet|lääkkeiden|lääkkeitä, vaatteet|vaatteiden|vaatteita
            työkalut|työkalujen|työkaluja
        """,
    ),
    "draw": Table(all="1–1, 2–2, 3–3"),
    "subject": Table(
        inflect=inflect,
        all="historia, fysiikka:fysiika, kemia, musiikki:musiiki, lääketiede:lääketietee, biologia",
    ),
    "food": Table(
        inflect=inflect,
        all="""
            keitto:keito, leipä:leivä, juusto, puuro, kala, salaatti:salaati, perunamuusi,
            hernekeitto:hernekeito
        """,
    ),
    "animal": Table(
        inflect=inflect, all="koira, kissa, hevonen, vuohi:vuohe:vuohe:vuohta, kani, aasi, lehmä"
    ),
    "thing": Table(
        inflect=inflect,
        all="""
            polkupyörä, lamppu:lampu, radio, kamera, matkalaukku:matkalauku, piano,
            pöytä:pöydä, tuoli
        """,
    ),
    "kin": Table(
        inflect=inflect,
        all="""
            äiti:äidi, isä, sisko, setä:sedä, täti:tädi, serkku:serku, naapuri, mummo
        """,
    ),
    "weather": Table(
        inflect=inflect,
        all="""
            sade:satee, lumi:lume:lume:lunta, sumu, tuuli:tuule:tuule:tuulta, pakkanen
        """,
    ),
    "direction": Table(inflect=inflect, all="pohjoinen, etelä, itä:idä, länsi:länne:länte:länttä"),
    "adj": Table(
        inflect=inflect,
        all="""
            hiljainen, pitkä, vaikea, iloinen, yllättävä, kylmä, lyhyt:lyhye::lyhyttä
        """,
    ),
    "few": Table(
        forms="nom gen",
        all="""
            kaksi|kahden, kolme|kolmen, neljä|neljän, viisi|viiden, kuusi|kuuden,
            seitsemän|seitsemän, kymmenen|kymmenen
        """,
    ),
}

SHARED = """
    # Uutiset ja politiikka
    {person} saapui {city.to} {day.ess}.
    {person} syntyi {city.in} vuonna 19{40..99}.
    Presidentti {family} vierailee {country.in} ensi viikolla.
    {title} {family} tapasi {office.gen} edustajia {city.in}.
    {office} kertoi {day.ess}, että uudet säännöt tulevat voimaan {month.ine}.
    "Olemme valmiita", sanoi {person} {office.ela}.
    {city.gen} kaupunginjohtaja kiitti {office.part} avusta.
    {country} ja {country} allekirjoittivat sopimuksen {city.in}.
    {paper.gen} mukaan {person} eroaa {month.ine}.
    {paper} uutisoi, että {country} on sulkenut suurlähetystönsä {country.in}.
    {region.in} äänestetään {day.ess}.
    Poliisi etsii {town.in} {given.part}, joka on ammatiltaan {job}.
    {family} kertoi {paper.all}, ettei kukaan loukkaantunut.
    Ministeri lensi {city.from} {city.to} puhumatta toimittajille.
    {office} on avannut {country.in} {few} uutta toimistoa.
    # Talous
    {company} avasi uuden myymälän {city.in}.
    {company} palkkaa {region.to} {20..90}0 työntekijää.
    {company.gen} osakkeet nousivat {day.ess} {2..9} prosenttia.
    {person} on johtanut {company.part} vuodesta 20{10..22}.
    {company} osti {company.gen} {2..90} miljoonalla eurolla.
    {country} myi {wares.part} {country.to} enemmän kuin viime vuonna.
    Entinen {job} {person} perusti {company.gen} {city.in}.
    {company.gen} työntekijät {city.in} ovat olleet lakossa {day.ela} lähtien.
    # Urheilu
    {club} voitti {club.gen} {day.ess} {2..5}–1.
    {club} hankki {person.gen} {club.ela}.
    {person} teki kaksi maalia {club.all}.
    {club} hävisi kotonaan {club.all}.
    "{club} pelasi paremmin kuin me", sanoi valmentaja {family}.
    # Koulutus, terveys, matkat
    {person} opettaa {subject.part} {school.ine}.
    {person} opiskeli {subject.part} {city.in} ennen kuin muutti {country.to}.
    {hospital} hoiti {12..60} potilasta.
    {town.from} {town.to} matkalla ollut bussi hajosi {spot.gen} lähellä.
    {spot} oli suljettuna {few.gen} tunnin ajan.
    Lautta kulkee {water.ade} kahdesti päivässä.
    {water.gen} vesi on tavallista korkeammalla.
    {given} ja {given} kävelivät {water.gen} rannalla.
    {given} asuu {city.in} ja työskentelee {company.ine}.
    Hei {given}, juna {town.to} lähtee kello {6..11}.{10..55}.
    # Alussa sana, joka ei ole nimi
    Kukaan {city.in} ei ollut kuullut {person.ela}.
    Kirjoja {country.from} myydään {city.in}.
    Asiantuntijat {office.ela} puhuvat {city.in} {1..28}. {month.part}.
    # Ei nimiä
    {job} myi {thing.gen} {20..90} eurolla.
    Sää kylmenee {direction.ine} {day.ess}.
    Kauppa avataan {day.ess} kello {few}.
    {kin} osti torilta {food.part} ja {food.part}.
    {goods.gen} hinta on laskenut {month.ela} lähtien.
    "Missä minun {thing.nom}ni on?" kysyi {job}.
    Koulut pysyvät suljettuina {1..28}. {month.part} asti.
    {subject.gen} opiskelijoiden pitää kirjoittaa {few} esseetä.
"""

TRAIN = """
    {person} lähti {country.from} {month.ine} eikä koskaan palannut.
    {person} {region.from} puhui {school.ine}.
    {office} on nimittänyt {person.gen} uudeksi johtajakseen.
    Toimittajat odottivat {family.part} {spot.gen} lähellä.
    {country.gen} hallitus on pyytänyt neuvoa {office.abl}.
    {title} {family} oli ensimmäinen palkinnon saanut {job} {region.from}.
    {company} ja {company} suunnittelevat yhteistä toimistoa {country.to}.
    {company.gen} asiakkaat {city.in} valittivat myöhästyneistä toimituksista.
    {family}, joka omistaa {company.gen}, asuu {spot.gen} lähellä.
    Maalivahti {person} jättää {club.gen} {month.ine}.
    {club} kohtaa {club.gen} {city.in} {day.ess}.
    {club.gen} kannattajat hurrasivat {family.all}.
    {school.gen} mukaan {region.gen} lapset lukevat entistä vähemmän.
    Tie {town.from} {town.to} on suljettu lumen takia.
    {spot.from} ei ole pitkä matka keskustaan.
    {given} tapasi {given.gen} {city.in} {day.ess}.
    {given} lähetti {given.all} kortin {country.from}.
    {town.in}, {town.in} ja {town.in} satoi.
    {person}, {20..60}, valittiin parlamenttiin {region.from}.
    {school.gen} oppilaat kävivät retkellä {water.ade}.
    Kylään jäi vain {few} ihmistä.
    {animal} nukkui pöydän alla.
    {goods} ja {goods} loppuivat jo {day.ess}.
"""

TEST = """
    {person} palasi {city.to} vietettyään {few} vuotta {country.in}.
    {region.in} muistetaan vielä {title} {family}.
    {office} kiisti {paper.gen} tiedot.
    {country.gen} ja {country.gen} neuvottelut {city.in} päättyivät tuloksetta.
    {company} on sulkenut myymälänsä {spot.gen} lähellä.
    "{company} ei ole myynnissä", {family} sanoi {paper.all}.
    {country.from} tulleet hoitajat työskentelevät nyt {hospital.ine}.
    {club.gen} {family} valittiin {month.gen} parhaaksi pelaajaksi.
    {club} ei ole voittanut {city.in} sitten vuoden 20{10..22}.
    Matkailija kysyi {town.in} tietä {spot.to}.
    {given.gen} veli korjaa veneitä {water.ade}.
    {person} ja {person} kirjoittivat kirjan {region.ela}.
    {given.all} lähetetyt kirjeet löytyivät {office.ela}.
    Liput maksavat {12..60} euroa, {company} kertoo.
    Sekä {family} että {family} ovat kotoisin {city.from}.
    Talvi tuli {country.to} aikaisin.
    Sokeri oli {month.ine} halvempaa kuin {month.ine}.
    Valitettavasti {thing} on taas rikki.
    {kin} piti {animal.part} pihalla.
"""

TEXT = """
    # Arki
    {kin.ade} on {animal} ja {animal}.
    {animal} juoksi pellolla {animal.gen} perässä.
    Joka {day} syömme {food.part}.
    Tarvitsen {thing.gen} viimeistään {day.ess}.
    Oli {adj} päivä, ja kaikki lähtivät aikaisin kotiin.
    Hän pani {thing.gen} {thing.gen} viereen ja sulki oven.
    {kin} on töissä pienessä kaupungissa, ja hän on ammatiltaan {job}.
    {job} ja {job} söivät lounasta samassa pöydässä.
    He valmistivat {food.part} {few.gen} hengen seurueelle.
    Odotimme bussia {few} tuntia. Sitten alkoi sataa lunta.
    Kokous oli {adj}, mutta ruoka oli hyvää.
    Jos näet {job.gen}, kerro, että {thing} on valmis.
    Huoneessa oli {12..90} tuolia mutta vain {few} ihmistä.
    Haluaisin {food.part} ja {food.part}, kiitos.
    {kin.gen} {thing} seisoo eteisessä.
    # Sää
    {few.gen} päivän sateen jälkeen joki nousi sillalle asti.
    Ennuste lupaa {weather.part} {direction.ill}.
    Viljelijät toivovat sadetta ennen {month.part}.
    Lämpötila laski {day.ess} {2..12} asteeseen.
    {region.in} satoi {month.ine} enemmän kuin kertaakaan vuoden 19{50..99} jälkeen.
    {town.gen} kadut olivat {day.ess} valkoisia lumesta.
    On ollut kylmää {month.gen} alusta asti.
    # Tiede, koulu, terveys
    Lapset oppivat {subject.part} jo koulun alussa.
    Hän haluaa opiskella {subject.part} tai {subject.part} {city.in}.
    {job} selitti {subject.part} lapsille.
    Uuden tutkimuksen mukaan {food} voi olla hyväksi sydämelle.
    Lääkärit neuvovat juomaan enemmän vettä {month.ine}.
    {person} on kirjoittanut {few} kirjaa {subject.ela}.
    {school.gen} kirjastossa on {2..9}000 kirjaa.
    {given} ei päässyt {subject.gen} kokeesta läpi, mutta {kin} ei suuttunut.
    Sairaala tarvitsee {12..60} hoitajaa lisää. Se on pyytänyt rahaa {ministry.abl}.
    # Uutiset ja talous
    {country.gen} ja {country.gen} välinen kauppa kasvaa.
    {wares.gen} vienti {country.from} väheni {month.ine} {2..30} prosenttia.
    {goods.gen} hinta on {city.in} korkeampi kuin {city.in}.
    {company} on pyytänyt asiakkailtaan anteeksi {country.in}.
    Uusi silta {town.in} maksoi {20..90} miljoonaa euroa.
    Eduskunta äänestää {goods.gen} verosta {day.ess}.
    {court} käsitteli {job.gen} juttua.
    {person} oli ennen {job}. Nyt hän johtaa {company.part}.
    "Vuosi oli {adj}", {title} {family} sanoi {city.in}.
    {office.gen} entinen työntekijä pidätettiin {country.in} {day.ess}.
    {office} ja {office} aloittavat yhteistyön {month.ine}.
    {paper.part} on myyty {month.ela} lähtien entistä vähemmän.
    # Urheilu ja matkat
    {club.gen} ja {club.gen} ottelu päättyi tasan {draw}.
    {family} epäonnistui rangaistuspotkussa, ja {club} putosi cupista.
    {given} matkusti yöjunalla {town.from} {town.to}.
    Turistit {country.from} pitävät {city.gen} kapeista kaduista.
    Hotelli {spot.gen} lähellä on avoinna {month.ine}.
    {water.gen} ylitys kestää {few} tuntia.
    Ajoimme {region.gen} halki, ja autossa oli myös {animal}.
    {given} ei ole koskaan käynyt {country.in}, mutta {given} käy siellä joka vuosi.
    {job} neuvoi {given.all} tien {spot.to}.
"""
