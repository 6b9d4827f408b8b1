"""Swahili: words and templates. Syntax: engine.py.

Verbs agree with the noun class of an organisation or place. Its form `~s` is the subject concord
("Chuo Kikuu cha Tanga kimetangaza", "Wizara ya Afya imetangaza", "Shirika la ARDC limetangaza");
in these classes the object concord is the same ("alikishukuru", "aliishukuru", "alilishukuru").
"""

from grammar.common import ACRONYMS, BRANDS
from grammar.engine import Table, joined

# Towns of Kenya and Tanzania, between which buses run, and cities elsewhere.
TOWNS = {
    "train": """
        Nairobi, Dar es Salaam, Mwanza, Dodoma, Tanga, Morogoro, Nakuru, Tabora, Kisumu, Moshi,
        Lamu, Bukoba
    """,
    "dev": "Iringa, Malindi, Songea",
    "test": """
        Mombasa, Arusha, Mbeya, Eldoret, Kigoma, Thika, Singida, Lindi, Garissa, Machakos
    """,
}
ABROAD = {
    "train": "Kigali, Lagos, Kairo, London, Paris, Berlin, Roma, Tokyo, New York, Geneva",
    "dev": "Oslo, Accra, Lusaka",
    "test": "Kampala, Madrid, Beijing, Addis Ababa, Istanbul",
}

TABLES = {
    # People. Neema, Baraka, Imani and others are also everyday words.
    "given": Table(
        "PER",
        train="""
            Amina, Juma, Neema, Baraka, Zawadi, Rehema, Hamisi, Salma, Rashidi, Mwanaidi, Fatuma,
            Daudi, Maria, Grace, Joseph, Peter, Hassan, Asha, Bakari, Zuhura, Tumaini, Anna, Furaha,
            Sarah, Ramadhani, Subira
        """,
        dev="Khadija, Musa, Fadhila, Athumani, Wambui, Salehe",
        test="""
            Halima, Omari, Mariamu, Yusufu, Saida, Imani, Samuel, Esther, Simon, Zainabu, Shabani,
            Rukia, Thomas, Faraja
        """,
    ),
    "family": Table(
        "PER",
        train="""
            Mwangi, Otieno, Kamau, Mushi, Mwakyusa, Kiprotich, Wanjiru, Massawe, Shirima, Salim,
            Mutua, Odhiambo, Lyimo, Mrema, Abdallah, Chacha, Kimaro, Mbwana, Njoroge, Mwaipopo,
            Mapunda, Kessy, Okello, Njeri
        """,
        dev="Wafula, Komba, Barasa, Maganga, Mgaya",
        test="""
            Kariuki, Mollel, Achieng, Mhina, Ngowi, Wekesa, Makame, Rotich, Sanga, Kilonzo, Muthoni,
            Haule, Nyambura, Mlay
        """,
    ),
    "person": Table("PER", all="{given} {family}"),
    # Places.
    "town": Table("LOC", **TOWNS),
    "city": Table("LOC", **joined(TOWNS, ABROAD)),
    "country": Table(
        "LOC",
        train="""
            Kenya, Tanzania, Rwanda, Nigeria, Ghana, Misri, Ujerumani, Ufaransa, Uingereza,
            Marekani,
            Japani, India, Brazili, Kanada, Italia, Uswisi, Uholanzi, Ufini, Uswidi
        """,
        dev="Zambia, Ureno, Meksiko, Senegali, Ayalandi",
        test="""
            Uganda, Burundi, Ethiopia, China, Hispania, Norwe, Afrika Kusini, Malawi, Ugiriki,
            Uturuki, Msumbiji, Somalia, Argentina, Australia
        """,
    ),
    "region": Table(
        "LOC",
        train="Kilimanjaro, Pwani, Zanzibar, Kagera, Bonde la Ufa, Shinyanga, Geita",
        dev="Pemba, Ruvuma, Narok",
        test="Kilifi, Manyara, Turkana, Rukwa, Katavi, Kajiado",
    ),
    "water": Table(
        "LOC",
        train="Ziwa Victoria, Mto Rufiji, Bahari ya Hindi, Ziwa Naivasha, Mto Ruvu",
        dev="Mto Zambezi, Ziwa Natron",
        test="Ziwa Tanganyika, Mto Tana, Mto Nile, Ziwa Nyasa, Mto Pangani",
    ),
    "spot": Table(
        "LOC",
        forms="nom ~s",
        all="""
            Barabara ya {family}|i
            Mtaa wa {family}|u
            Uwanja wa {family}|u
            Uwanja wa Ndege wa {town}|u
            Stendi Kuu ya {town}|i
            Daraja la {family}|li
            Soko la {town}|li
        """,
    ),
    # Organisations.
    "brand": Table("ORG", **BRANDS),
    "acronym": Table("ORG", **ACRONYMS),
    "field": Table(
        train="Afya, Elimu, Fedha, Kilimo, Ulinzi",
        dev="Utalii, Utamaduni",
        test="Uchukuzi, Nishati, Biashara, Maji, Kazi",
    ),
    "company": Table(
        "ORG",
        forms="nom ~s",
        all="""
            {brand}|i
            {brand}|i
            kampuni ya [{brand}]|i
            kampuni ya [{family}]|i
            Benki ya {brand}|i
            {family} na Wanawe|i
            Shirika la Ndege la {brand}|li
            Kiwanda cha Sukari cha {town}|ki
        """,
    ),
    "school": Table(
        "ORG",
        forms="nom ~s",
        all="""
            Chuo Kikuu cha {city}|ki
            Chuo Kikuu cha {city}|ki
            Shule ya Sekondari {family}|i
            Chuo cha Ualimu {town}|ki
        """,
    ),
    "hospital": Table(
        "ORG",
        forms="nom ~s",
        all="Hospitali ya Rufaa ya {town}|i\nHospitali ya {family}|i\nHospitali ya {town}|i",
    ),
    "office": Table(
        "ORG",
        forms="nom ~s",
        all="""
            Chuo Kikuu cha {city}|ki
            Wizara ya {field}|i
            Wizara ya {field} ya {country}|i
            Halmashauri ya Jiji la {town}|i
            Benki Kuu ya {country}|i
            shirika la [{acronym}]|li
            Chama cha Walimu cha {country}|ki
            Taasisi ya {family}|i
            Jeshi la Polisi la {country}|li
        """,
    ),
    "paper": Table(
        "ORG",
        forms="nom ~s",
        all="gazeti la [{town} Leo]|li\ngazeti la [Sauti ya {town}]|li\nRedio {brand}|i",
    ),
    "club": Table("ORG", all="{town} City\n{town} United\n{town} Stars\n{town}\n{town}\n{city}"),
    # Words that are no names.
    "day": Table(all="Jumatatu, Jumanne, Jumatano, Alhamisi, Ijumaa, Jumamosi, Jumapili"),
    "month": Table(
        all="""
            Januari, Februari, Machi, Aprili, Mei, Juni, Julai, Agosti, Septemba, Oktoba, Novemba,
            Desemba
        """
    ),
    "job": Table(
        all="""
            mwalimu, muuguzi, mwanasheria, mwandishi wa habari, mkulima, mvuvi, fundi, dereva,
            mfanyabiashara, daktari, mshonaji, mpishi, mchoraji
        """
    ),
    "title": Table(all="Bwana, Bi, Daktari, Profesa, Waziri, Jaji, Balozi, Mheshimiwa"),
    "goods": Table(
        all="kahawa, chai, mchele, sukari, pamba, samaki, mahindi, korosho, chuma, mbao, maua"
    ),
    "subject": Table(
        all="""
            historia, fizikia, kemia, muziki, uchumi, sheria, jiografia, hisabati, biolojia,
            Kiswahili, Kiingereza
        """
    ),
    "wares": Table(all="mashine, nguo, samani, karatasi, dawa, vipuri, vifaa vya kilimo"),
    "draw": Table(all="1 kwa 1, 2 kwa 2, 3 kwa 3"),
    "skill": Table(all="kusoma, kuandika, kuhesabu, kuogelea, kuimba"),
    "food": Table(all="mkate, maharage, ndizi, wali, ugali, mboga, maembe, samaki, viazi, mayai"),
    "animal": Table(all="mbwa, paka, farasi, mbuzi, punda, ng'ombe, sungura, kuku"),
    "thing": Table(all="baiskeli, taa, redio, kamera, meza, ngazi, kalamu, simu"),  # Class 9.
    "kin": Table(
        all="""
            mama yangu, baba yangu, dada yangu, kaka yangu, shangazi yangu, mjomba wangu,
            jirani yangu, bibi yangu
        """
    ),
    "virtue": Table(  # Words that are also names of people.
        forms="nom ~c", train="Neema|ya, Rehema|ya", dev="Fadhila|ya", test="Faraja|ya"
    ),
    "direction": Table(all="kaskazini, kusini, mashariki, magharibi"),
    "few": Table(all="mbili, tatu, nne, tano, sita, saba, nane"),  # As classes 9 and 10 say it.
    "persons": Table(all="wawili, watatu, wanne, watano, sita, saba, wanane"),
    "years": Table(all="miwili, mitatu, minne, mitano, sita, saba, minane"),
    "hour": Table(all="moja, mbili, tatu, nne"),
}

SHARED = """
    # Habari na siasa
    {person} aliwasili {city} siku ya {day}.
    {person} alizaliwa mjini {city} mwaka 19{40..99}.
    Rais {family} atazuru {country} wiki ijayo.
    {title} {family} alikutana na viongozi wa {office} mjini {city}.
    {office@o} {o.~s}litangaza siku ya {day} kwamba kanuni mpya zitaanza kutumika mwezi {month}.
    "Tuko tayari," alisema {person} wa {office}.
    Meya wa {city} ali{office@o.~s}shukuru {o} kwa msaada wake.
    {country} na {country} zilitia saini makubaliano mjini {city}.
    Kwa mujibu wa {paper}, {person} atajiuzulu mwezi {month}.
    {paper@g} {g.~s}liripoti kwamba {country} imefunga ubalozi wake nchini {country}.
    Wakazi wa {region} watapiga kura siku ya {day}.
    Polisi mjini {town} wanamtafuta {job} anayeitwa {given}.
    {family} ali{paper@g.~s}ambia {g} kwamba hakuna mtu aliyejeruhiwa.
    Waziri alisafiri kwa ndege kutoka {city} hadi {city} bila kuzungumza na waandishi wa habari.
    Nchini {country}, {office@o} {o.~s}mefungua ofisi mpya {few}.
    # Biashara
    {company@c} {c.~s}mefungua duka jipya mjini {city}.
    {company@c} {c.~s}taajiri watu {20..90}0 katika eneo la {region}.
    Hisa za {company} zilipanda kwa asilimia {2..9} siku ya {day}.
    {person} amekuwa mkurugenzi wa {company} tangu mwaka 20{10..22}.
    {company@c} {c.~s}linunua {company} kwa dola milioni {2..90}.
    Mauzo ya {wares} kutoka {country} kwenda {country} yameongezeka.
    {person}, ambaye zamani alikuwa {job}, alianzisha {company} mwaka 20{10..22}.
    Wafanyakazi wa {company} mjini {city} wamegoma tangu {day}.
    # Michezo
    {club} iliifunga {club} mabao {2..5} kwa 1 siku ya {day}.
    {club} imemsajili {person} kutoka {club}.
    {person} aliifungia {club} mabao mawili.
    {club} ilifungwa nyumbani na {club}.
    "{club} walicheza vizuri kuliko sisi," alisema kocha {family}.
    # Elimu, afya, safari
    {person} anafundisha {subject} katika {school}.
    {person} alisoma {subject} mjini {city} kabla ya kuhamia {country}.
    Madaktari wa {hospital} waliwatibu wagonjwa {12..60}.
    Basi lililotoka {town} kwenda {town} liliharibika karibu na {spot}.
    {spot@s} {s.~s}lifungwa kwa saa {few}.
    Boti husafiri katika {water} mara mbili kwa siku.
    Maji ya {water} yameongezeka baada ya mvua.
    {given} na {given} walitembea kando ya {water}.
    {given} anaishi {city} na anafanya kazi katika {company}.
    Mpendwa {given}, treni ya {town} itaondoka saa {hour} asubuhi.
    # Neno la kwanza si jina
    Hakuna mtu mjini {city} aliyewahi kumsikia {person}.
    Vitabu kutoka {country} vinauzwa {city}.
    Wataalamu kutoka {office} watazungumza mjini {city} tarehe {1..28} {month}.
    {virtue@v} {v.~c} Mungu ni kubwa, aliandika {family} kutoka {city}.
    # Bila jina
    {job} aliuza {thing} kwa shilingi {20..90}00.
    Mvua kubwa inatarajiwa katika maeneo ya {direction} siku ya {day}.
    Siku ya {day} duka hufunguliwa saa {hour} asubuhi.
    {kin} alinunua {food} na {food} sokoni.
    Bei ya {goods} imeshuka tangu mwezi {month}.
    "{thing} yangu iko wapi?" aliuliza {job}.
    Shule zitaendelea kufungwa hadi tarehe {1..28} {month}.
    Wanafunzi wa {subject} wanapaswa kuandika insha {few}.
"""

TRAIN = """
    {person} aliondoka {country} mwezi {month} na hakurudi tena.
    Meya wa {city}, {person}, alizungumza katika {school}.
    {office@o} {o.~s}memteua {person} kuwa mkurugenzi mpya.
    Waandishi wa habari walimsubiri {family} nje ya {spot}.
    Serikali ya {country} imeomba ushauri kutoka {office}.
    {title} {family} alikuwa {job} wa kwanza kutoka {region} kupata tuzo hiyo.
    Kuna mpango wa {company} na {company} kufungua ofisi ya pamoja nchini {country}.
    Wateja wa {company} mjini {city} walilalamikia huduma mbovu.
    {family}, mmiliki wa {company}, anaishi karibu na {spot}.
    Mlinda lango {person} ataondoka {club} mwezi {month}.
    {club} itacheza na {club} mjini {city} siku ya {day}.
    Mashabiki wa {club} waliimba jina la {family}.
    Walimu wa {school} wanasema kwamba watoto wa {region} wanasoma kidogo kuliko zamani.
    Barabara kati ya {town} na {town} imefungwa kwa sababu ya mvua.
    {given} alikutana na {given} karibu na {spot} siku ya {day}.
    {given} alimtumia {given} barua kutoka {country}.
    Mvua ilinyesha {town}, {town} na {town}.
    Wavuvi wa {water} wanasema samaki wamepungua.
    {person} ({20..60}), ambaye ni {job}, alichaguliwa katika eneo la {region}.
    Ni watu {persons} tu waliobaki kijijini.
    {animal} alilala chini ya meza.
    {food} na {food} viliisha mapema siku ya {day}.
"""

TEST = """
    {person} alirudi {city} baada ya miaka {years} nchini {country}.
    Watu wa {region} wanamkumbuka {title} {family}.
    {office@o} {o.~s}mekanusha taarifa ya {paper}.
    Mazungumzo kati ya {country} na {country} yalivunjika mjini {city}.
    {company@c} {c.~s}mefunga duka lake karibu na {spot}.
    "{company@c} ha{c.~s}uzwi," alisema {family}.
    Wauguzi kutoka {country} sasa wanafanya kazi katika {hospital}.
    {family} wa {club} alichaguliwa kuwa mchezaji bora wa mwezi {month}.
    {club} haijashinda mjini {city} tangu mwaka 20{10..22}.
    Wageni wanaokuja {town} hupenda kutembelea {spot}.
    Kaka yake {given} hutengeneza boti kando ya {water}.
    {person} na {person} waliandika kitabu kuhusu {region}.
    Tiketi ni shilingi {2..9}000, kwa mujibu wa {company}.
    {family} na {family} wote wanatoka {city}.
    Sukari ilikuwa ghali zaidi mwezi {month} kuliko mwezi {month}.
    Samahani, {thing} imeharibika tena.
    {kin} alifuga {animal} nyumbani.
"""

TEXT = """
    # Maisha ya kila siku
    {kin} anafuga {animal} na {animal}.
    {animal} alimkimbiza {animal} shambani.
    Kila {day} tunakula {food} na {food}.
    Nilipoteza {thing} yangu njiani kuelekea kituoni.
    Unaweza kuniazima {thing} yako hadi {day}?
    Ilikuwa siku ngumu, na kila mtu alirudi nyumbani mapema.
    Aliweka {thing} mezani kisha akafunga mlango.
    Watoto {persons} walikuwa wakicheza mpira karibu na {spot}.
    {kin} ni {job} katika mji mdogo.
    {job} na {job} walikula pamoja mchana.
    Walipika {food} kwa ajili ya wageni {persons}.
    Tulisubiri basi kwa saa {few}. Kisha mvua ikaanza kunyesha.
    Ukimwona {job}, mwambie kwamba {thing} iko tayari.
    Kulikuwa na viti {12..90} chumbani na watu {persons} tu.
    {food} huuzwa kwa bei nafuu mwezi {month}.
    Nilimwona {job} akinunua {food} dukani.
    # Hali ya hewa
    Baada ya siku {few} za mvua, maji ya mto yalifika darajani.
    Hali ya hewa itakuwa ya baridi katika maeneo ya {direction} na {direction}.
    Joto litashuka hadi nyuzi {12..20} usiku wa {day}.
    Wakulima wanasubiri mvua kabla ya mwezi {month}.
    Mwezi {month} mvua ilinyesha kwa wingi katika eneo la {region}.
    Upepo mkali unavuma kutoka {direction}.
    Kumekuwa na ukame tangu mwezi {month}.
    # Elimu na afya
    Watoto huanza kujifunza {skill} wakiwa na umri wa miaka {years}.
    Anataka kusoma {subject} au {subject} mjini {city}.
    Mwalimu alieleza {subject} kwa lugha rahisi.
    Utafiti mpya unaonyesha kwamba {food} ni chakula bora.
    Madaktari wanashauri watu kunywa maji mengi mwezi {month}.
    {person} ameandika vitabu vingi kuhusu {subject}.
    Maktaba ya {school} ina vitabu {2..90}000.
    {given} alifeli mtihani wa {subject}, lakini mama yake hakukasirika.
    {hospital@h} {h.~s}nahitaji wauguzi {12..60} zaidi.
    Watoto {20..90}0 walichanjwa katika {hospital} siku ya {day}.
    # Habari na biashara
    Biashara ya {wares} kati ya {country} na {country} inakua.
    Mauzo ya {wares} nchini {country} yalipungua kwa asilimia {2..30} mwezi {month}.
    Bei ya {goods} mjini {city} ni kubwa kuliko mjini {city}.
    {company@c} {c.~s}meomba radhi wateja wake nchini {country}.
    Daraja jipya katika {water} liligharimu dola milioni {20..90}.
    Wabunge watapiga kura kuhusu kodi ya {goods} siku ya {day}.
    Mahakama mjini {town} ilisikiliza kesi ya {job} kutoka {region}.
    {person} zamani alikuwa {job}. Sasa anaongoza {company}.
    "Ulikuwa mwaka mzuri," {title} {family} alisema mjini {city}.
    Kutakuwa na ushirikiano mpya kati ya {office} na {office}.
    Mkulima kutoka {region} aliuza {goods} kwa shilingi {20..90}000.
    # Michezo na safari
    Mechi kati ya {club} na {club} iliisha kwa sare ya mabao {draw}.
    {family} alikosa penalti, na {club} ikaondolewa kwenye mashindano.
    {given} alisafiri kwa treni ya usiku kutoka {town} hadi {town}.
    Watalii kutoka {country} hupenda kutembelea {region}.
    Hoteli iliyo karibu na {spot} ina vyumba {20..90}.
    {given} hajawahi kufika {country}, lakini {given} huenda huko kila mwaka.
    {job} alimwonyesha {given} njia ya kwenda {spot}.
    {club} inahitaji kocha mpya kabla ya mwezi {month}.
"""
