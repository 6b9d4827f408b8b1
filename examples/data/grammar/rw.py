"""Kinyarwanda: words and templates. Syntax: engine.py.

Verbs agree with the noun class of their subject: the form `~p` is the concord of the past tense
("Ibitaro bya Huye byatangaje", "Ikigo Solvex cyatangaje"). Countries of class 11 and 14 have the
vowel `u` before them, which elides what it follows ("Polisi y'u Rwanda", "Polisi ya Kenya").
"""

from grammar.common import ACRONYMS, BRANDS
from grammar.engine import Table, joined


def country(entry):
    """filler -> {nom, in, gen (after y-, n-), ~p and ~o: concords of past tense and possessor}.
    `u:Rwanda:rw` is written with `u` and agrees in rw-."""
    if not entry.startswith("u:"):
        gen = "a [%s]" % entry
        return {"nom": entry, "in": "muri [%s]" % entry, "gen": gen, "~p": "ya", "~o": "yo"}
    _, place, concord = entry.split(":")
    return {
        "nom": "u [%s]" % place,
        "in": "mu [%s]" % place,
        "gen": "'u [%s]" % place,
        "~p": concord + "a",
        "~o": concord + "o",
    }


def water(entry):
    """filler -> {nom, in, on} of a lake (`lake:Kivu`) or a river (`river:Nyabarongo`)."""
    kind, place = entry.split(":")
    if kind == "lake":
        texts = ("ikiyaga cya [%s]", "mu kiyaga cya [%s]", "ku kiyaga cya [%s]")
    else:
        texts = ("umugezi wa [%s]", "mu mugezi wa [%s]", "ku mugezi wa [%s]")
    return {form: text % place for form, text in zip(("nom", "in", "on"), texts)}


# Towns of Rwanda, between which buses run, and cities elsewhere.
TOWNS = {
    "train": """
        Kigali, Huye, Musanze, Muhanga, Rwamagana, Nyamata, Gicumbi, Karongi, Ruhango, Kicukiro,
        Gisagara
    """,
    "dev": "Nyanza, Rusizi, Kirehe",
    "test": """
        Rubavu, Nyagatare, Kayonza, Nyamagabe, Ngoma, Bugesera, Rulindo, Kamonyi, Gatsibo
    """,
}
ABROAD = {
    "train": "Nairobi, Dar es Salaam, Paris, Berlin, Tokyo, New York, Lagos",
    "dev": "Lusaka",
    "test": "Kampala, Mombasa, Bujumbura, Madrid, Beijing",
}

TABLES = {
    # People.
    "given": Table(
        "PER",
        train="""
            Jean, Claudine, Grace, Joseph, Diane, Patrick, Chantal, David, Jeanne, Vincent, Solange,
            Pierre, Marie, Beatrice, Josiane, Daniel, Sarah, Gaspard, Divine, Fabrice, Goreth,
            Christian, Maria
        """,
        dev="Vestine, Martin, Samson, Nadine, Laurence",
        test="""
            Thomas, Samuel, Simon, Julienne, Celestin, Pacifique, Yvonne, Bosco, Clementine,
            Theogene, Gloriose, Philippe, Monique, Dative
        """,
    ),
    "family": Table(
        "PER",
        train="""
            Uwimana, Habimana, Mukamana, Niyonzima, Mugisha, Nsengimana, Hakizimana, Bizimana,
            Kayitesi, Munyaneza, Ndayisaba, Uwase, Gasana, Mutesi, Karangwa, Nyiransabimana,
            Twagirayezu, Kagabo, Murekatete, Nkusi
        """,
        dev="Ntwali, Ingabire, Rutayisire, Bayingana",
        test="""
            Nshimiyimana, Uwamahoro, Mukeshimana, Tuyisenge, Ndagijimana, Kamanzi, Byiringiro,
            Umutoni, Sibomana, Gatera, Muhire, Nyirabahizi
        """,
    ),
    "person": Table("PER", all="{given} {family}\n{family} {given}"),
    # Places.
    "town": Table("LOC", **TOWNS),
    "city": Table("LOC", **joined(TOWNS, ABROAD)),
    "country": Table(
        "LOC",
        inflect=country,
        train="""
            u:Rwanda:rw, Kenya, Tanzania, Nigeria, Ghana, Misiri, Kanada, u:Bufaransa:bw,
            u:Budage:bw,
            u:Bwongereza:bw, u:Buyapani:bw, u:Buhinde:bw, u:Butaliyani:bw, u:Buholandi:bw,
            u:Busuwisi:bw, u:Burusiya:bw
        """,
        dev="Zambia, Senegal, Porutugali",
        test="""
            Uganda, u:Burundi:bw, Etiyopiya, u:Bushinwa:bw, Afurika y'Epfo, Malawi, Esipanye,
            u:Bugereki:bw, Turukiya, Mozambike, Somaliya, u:Bubiligi:bw
        """,
    ),
    "water": Table(
        "LOC",
        inflect=water,
        train="lake:Kivu, lake:Muhazi, river:Nyabarongo, lake:Victoria",
        dev="lake:Burera, river:Rukarara",
        test="lake:Ruhondo, lake:Tanganyika, river:Sebeya, river:Mukungwa",
    ),
    "spot": Table(
        "LOC",
        all="""
            Sitade ya {town}
            Gare ya {town}
            Sitade {family}
            Pariki ya {town}
            Kiliziya ya {town}
        """,
    ),
    # Organisations. All but those of `body` are of class 9.
    "brand": Table("ORG", **BRANDS),
    "acronym": Table("ORG", **ACRONYMS),
    "field": Table(
        train="Ubuzima, Uburezi, Ubuhinzi, Ingabo",
        dev="Umuco, Ubukerarugendo",
        test="Ubutabera, Ubucuruzi, Ibikorwaremezo",
    ),
    "company": Table(
        "ORG",
        all="""
            {brand}
            {brand}
            sosiyete [{brand}]
            Banki {brand}
            Kompanyi {family}
            Koperative {brand}
        """,
    ),
    "school": Table("ORG", all="Kaminuza ya {city}\nKaminuza ya {city}\nKoleji ya {town}"),
    "hospital": Table("ORG", all="[Bitaro bya {town}]"),
    "office": Table(
        "ORG",
        all="""
            Kaminuza ya {city}
            Minisiteri y'{field}
            Minisiteri y'{field}
            Banki Nkuru y{country.gen}
            Polisi y{country.gen}
        """,
    ),
    "body": Table(
        "ORG",
        forms="nom ~p",
        all="""
            Ishyirahamwe {acronym}|rya
            Ikigo {brand}|cya
            Umujyi wa {town}|wa
            Ibitaro bya {town}|bya
            Umuryango {acronym}|wa
            Kaminuza ya {city}|ya
            Minisiteri y'{field}|ya
            Urwego {acronym}|rwa
        """,
    ),
    "paper": Table("ORG", all="Ijwi rya {town}\n{town} Today\nAmakuru ya {town}"),
    "club": Table("ORG", all="{town} FC\n{town} United\n{town} Stars\n{town}\n{town}\n{city}"),
    # Words that are no names.
    "day": Table(
        all="""
            ku wa Mbere, ku wa Kabiri, ku wa Gatatu, ku wa Kane, ku wa Gatanu, ku wa Gatandatu,
            ku Cyumweru
        """
    ),
    "month": Table(
        forms="nom gen",
        all="""
            Mutarama|kwa Mutarama, Gashyantare|kwa Gashyantare, Werurwe|kwa Werurwe, Mata|kwa Mata,
            Gicurasi|kwa Gicurasi, Kamena|kwa Kamena, Nyakanga|kwa Nyakanga, Kanama|kwa Kanama,
            Nzeri|kwa Nzeri, Ukwakira|k'Ukwakira, Ugushyingo|k'Ugushyingo, Ukuboza|k'Ukuboza
        """,
    ),
    "job": Table(
        all="""
            umwarimu, umuforomo, umunyamategeko, umunyamakuru, umuhinzi, umurobyi, umushoferi,
            umucuruzi, umuganga, umudozi, umutetsi
        """
    ),
    "title": Table(all="Minisitiri, Ambasaderi, Depite, Senateri, Porofeseri, Padiri, Dogiteri"),
    "goods": Table(all="ikawa, icyayi, umuceri, isukari, ibigori, amafi, ibirayi, amata"),
    "subject": Table(
        all="amateka, umuziki, ubukungu, amategeko, imibare, ubuvuzi, Icyongereza, Ikinyarwanda"
    ),
    "wares": Table(all="imashini, imyenda, impapuro, imiti, ibikoresho, ibitabo"),
    "skill": Table(all="gusoma, kwandika, kubara, koga, kuririmba"),
    "food": Table(
        all="umugati, ibishyimbo, ibitoki, umuceri, imboga, imyembe, amafi, ibirayi, amagi, inyama"
    ),
    "animal": Table(all="imbwa, injangwe, ifarashi, ihene, inka, inkoko, intama, ingurube"),
    "thing": Table(all="igare, itara, radiyo, intebe, ameza, telefoni, ikaramu, isakoshi"),
    "kin": Table(
        all="mama, papa, mushiki wanjye, mukuru wanjye, murumuna wanjye, nyogokuru, sogokuru"
    ),
    "direction": Table(all="majyaruguru, majyepfo, burasirazuba, burengerazuba"),
    # Numbers two to eight, as each noun class counts.
    "persons": Table(all="babiri, batatu, bane, batanu, batandatu, barindwi, umunani"),
    "years": Table(all="ibiri, itatu, ine, itanu, itandatu, irindwi, umunani"),
    "hours": Table(all="abiri, atatu, ane, atanu, atandatu, arindwi, umunani"),
    "pieces": Table(all="bibiri, bitatu, bine, bitanu, bitandatu, birindwi, umunani"),
    "clock": Table(all="mbiri, tatu, yine, tanu"),
}

SHARED = """
    # Amakuru na politiki
    {person} yageze i {city} {day}.
    {person} yavukiye i {city} mu mwaka wa 19{40..99}.
    Perezida {family} azasura {country} mu cyumweru gitaha.
    {title} {family} yahuye n'abayobozi ba {office} i {city}.
    {body@b} {b.~p}tangaje ko amabwiriza mashya azatangira gukurikizwa mu kwezi {month.gen}.
    "Turiteguye," ni ko {person} wo muri {office} yavuze.
    Umuyobozi w'Umujyi wa {town} yashimiye {office} ku nkunga yatanze.
    {country} n{country.gen} byasinyanye amasezerano i {city}.
    Nk'uko byatangajwe n'ikinyamakuru {paper}, {person} azegura mu kwezi {month.gen}.
    Ikinyamakuru {paper} cyanditse ko {country@k} {k.~p}funze ambasade ya{k.~o} {country.in}.
    Abaturage b'i {city} bazatora {day}.
    Polisi irashakisha {job} witwa {given} i {town}.
    {family} yabwiye ikinyamakuru {paper} ko nta muntu wakomeretse.
    Minisitiri yavuye i {city} yerekeza i {city} atavugishije abanyamakuru.
    {country.in}, {body@b} {b.~p}funguye ibiro bishya {pieces}.
    # Ubukungu
    {company} yafunguye ishami rishya i {city}.
    {company} izaha akazi abantu {20..90}0 i {city}.
    Imigabane ya {company} yazamutseho {2..9} ku ijana {day}.
    {person} ayobora {company} kuva mu mwaka wa 20{10..22}.
    {company} yaguze {company} kuri miliyoni {2..90} z'amadolari.
    Ubucuruzi bw'{wares} hagati y{country.gen} n{country.gen} bwariyongereye.
    {person} yashinze {company} i {city} mu mwaka wa 20{10..22}.
    Abakozi ba {company} i {city} bari mu myigaragambyo kuva {day}.
    # Siporo
    {club} yatsinze {club} ibitego {2..5}-1 {day}.
    {club} yaguze {person} imukuye muri {club}.
    {person} yatsindiye {club} ibitego bibiri.
    {club} yatsinzwe na {club} ku kibuga cyayo.
    Umutoza {family} yavuze ko {club} yakinnye neza.
    # Uburezi, ubuzima, ingendo
    {person} yigisha {subject} muri {school}.
    {person} yize {subject} i {city} mbere yo kwimukira {country.in}.
    Abaganga bo mu {hospital} bavuye abarwayi {12..60}.
    Bisi yavaga i {town} ijya i {town} yapfiriye hafi ya {spot}.
    {spot} yafunzwe amasaha {hours}.
    Ubwato bwambuka {water} kabiri ku munsi.
    Amazi yo {water.in} yariyongereye nyuma y'imvura.
    {given} na {given} bagiye gutembera {water.on}.
    {given} atuye i {city} kandi akora muri {company}.
    Muraho {given}, bisi ijya i {town} ihaguruka saa {clock} za mu gitondo.
    # Ijambo rya mbere si izina
    Nta muntu w'i {city} wigeze yumva {person}.
    Ibitabo byo {country.in} bigurishirizwa i {city}.
    Impuguke zo muri {office} zizavugira i {city} ku itariki ya {1..28} {month}.
    # Nta zina
    {job} yagurishije {thing} ku mafaranga {20..90}00.
    Imvura nyinshi iteganyijwe mu {direction} {day}.
    {day} iduka rifungura saa {clock} za mu gitondo.
    {kin} yaguze {food} n'{food} ku isoko.
    Igiciro cy'{goods} cyagabanutse kuva mu kwezi {month.gen}.
    "Ndashaka {thing}," ni ko {job} yavuze.
    Amashuri azakomeza gufungwa kugeza ku itariki ya {1..28} {month}.
    Abanyeshuri biga {subject} bagomba gukora imyitozo {years}.
"""

TRAIN = """
    {person} yavuye {country.in} mu kwezi {month.gen} kandi ntiyagarutse.
    Umuyobozi w'Umujyi wa {town}, {person}, yavugiye ijambo muri {school}.
    {office} yagize {person} umuyobozi mushya.
    Abanyamakuru bategereje {family} hafi ya {spot}.
    Guverinoma y{country.gen} yasabye {office} inama.
    {title} {family} ni we wa mbere wo {country.in} wahawe icyo gihembo.
    {company} na {company} zirateganya gufungura ibiro {country.in}.
    Abakiriya ba {company} i {city} binubiye serivisi mbi.
    {family} uyobora {company} atuye hafi ya {spot}.
    Umunyezamu {person} azava muri {club} mu kwezi {month.gen}.
    {club} izakina na {club} i {city} {day}.
    Abafana ba {club} baririmbye izina rya {family}.
    Umuhanda uva i {town} ujya i {town} wafunzwe kubera imvura.
    {given} yahuye na {given} hafi ya {spot} {day}.
    {given} yandikiye {given} ibaruwa ari {country.in}.
    Imvura yaguye i {town}, i {town} n'i {town}.
    Abarobyi bo {water.in} bavuga ko amafi yagabanutse.
    {person} ({20..60}) yatorewe guhagararira abaturage b'i {town}.
    Abantu {persons} gusa ni bo basigaye mu mudugudu.
    {animal} yaryamye munsi y'ameza.
    {food} n'{food} byashize kare {day}.
"""

TEST = """
    {person} yagarutse i {city} nyuma y'imyaka {years} aba {country.in}.
    Abaturage b'i {city} baracyibuka {title} {family}.
    {office} yahakanye amakuru y'ikinyamakuru {paper}.
    Ibiganiro hagati y{country.gen} n{country.gen} byabereye i {city}.
    {company} yafunze iduka ryayo riri hafi ya {spot}.
    "{company} ntigurishwa," ni ko {family} yavuze.
    Abaforomo bo {country.in} ubu bakora mu {hospital}.
    {family} wa {club} yatowe nk'umukinnyi mwiza w'ukwezi {month.gen}.
    {club} ntiratsindira i {city} kuva mu mwaka wa 20{10..22}.
    Ba mukerarugendo baje i {town} bakunda gusura {spot}.
    Umuvandimwe wa {given} akora amato {water.on}.
    {person} na {person} banditse igitabo ku mateka y{country.gen}.
    Itike igura amafaranga {2..9}000, nk'uko {company} yabitangaje.
    {family} na {family} bombi bavuka i {city}.
    Isukari yahendaga mu kwezi {month.gen} kurusha mu kwezi {month.gen}.
    {kin} yoroye {animal} mu rugo.
"""

TEXT = """
    # Ubuzima bwa buri munsi
    {kin} yoroye {animal} n'{animal}.
    {animal} yirukankanye {animal} mu murima.
    Buri gitondo turya {food} n'{food}.
    Nataye {thing} mu nzira njya ku kazi.
    Wantiza {thing} kugeza {day}?
    Wari umunsi ukomeye, abantu bose batashye kare.
    Yashyize {thing} mu nzu maze akinga umuryango.
    Abana {persons} bakiniraga hafi ya {spot}.
    {kin} ni {job} mu mujyi muto.
    {job} n'{job} basangiye ifunguro rya saa sita.
    Batekeye abashyitsi {persons} {food}.
    Twategereje bisi amasaha {hours}. Nyuma imvura yatangiye kugwa.
    Nubona {job} umubwire ko nabonye {thing}.
    Mu cyumba harimo intebe {12..90} n'abantu {persons} gusa.
    Nabonye {job} agura {food} mu iduka.
    {kin} akunda kurya {food} n'{food}.
    # Ikirere
    Nyuma y'iminsi {years} y'imvura, amazi yageze ku kiraro.
    Ubukonje buzakomeza mu {direction} no mu {direction}.
    Ubushyuhe buzagabanuka bugere kuri dogere {12..20} {day} nijoro.
    Abahinzi bategereje imvura mbere y'ukwezi {month.gen}.
    Mu kwezi {month.gen} imvura yaguye ari nyinshi i {town}.
    Umuyaga mwinshi uraturuka mu {direction}.
    Hashize amezi {hours} imvura itagwa.
    # Uburezi n'ubuzima
    Abana batangira kwiga {skill} bafite imyaka {years}.
    Arashaka kwiga {subject} cyangwa {subject} i {city}.
    Umwarimu yasobanuye isomo mu magambo yoroshye {day}.
    Ubushakashatsi bushya bugaragaza ko kurya {food} ari byiza ku buzima.
    Abaganga bagira abantu inama yo kunywa amazi menshi mu kwezi {month.gen}.
    {person} yanditse ibitabo {pieces} ku mateka y{country.gen}.
    Isomero rya {school} rifite ibitabo {2..90}000.
    {given} yatsinzwe ikizamini, ariko ababyeyi ntibarakaye.
    Abana {20..90}0 bakingiriwe mu {hospital} {day}.
    Abarwayi {12..60} bajyanywe mu {hospital}.
    # Amakuru n'ubukungu
    Ibiciro by'{goods} byazamutseho {2..30} ku ijana {country.in}.
    Igiciro cy'{goods} i {city} kiri hejuru kurusha i {city}.
    {company} yasabye imbabazi abakiriya bayo {country.in}.
    Ikiraro gishya cyubatswe {water.on} cyatwaye miliyoni {20..90} z'amadolari.
    Abadepite bazatora itegeko rishya {day}.
    Urukiko rw'i {town} rwaburanishije {job} {day}.
    {person@p} yahoze ari {job}. Ubu {p.family} ayobora {company}.
    "Wari umwaka mwiza," ni ko {title} {family} yavuze ari i {city}.
    {office} na {office} zizafatanya mu mushinga mushya.
    Umuhinzi w'i {town} yagurishije {goods} ku mafaranga {20..90}000.
    Umunyamakuru w'ikinyamakuru {paper} yasuye {country} mu kwezi {month.gen}.
    # Siporo n'ingendo
    Umukino wahuje {club} na {club} warangiye ari ibitego {2..4}-{2..4}.
    {family} yahushije penaliti, {club} isezererwa mu irushanwa.
    {given} yavuye i {town} nijoro agera i {town} mu gitondo.
    Ba mukerarugendo baturutse {country.in} bakunda gusura {spot}.
    Hoteli iri hafi ya {spot} ifite ibyumba {20..90}.
    {given} ntarajya {country.in}, ariko {given} ajyayo buri mwaka.
    {job} yeretse {given} inzira ijya kuri {spot}.
    {club} ikeneye umutoza mushya mbere y'ukwezi {month.gen}.
"""
