"""English: words and templates. Syntax: engine.py."""

from grammar.common import ACRONYMS, BRANDS
from grammar.engine import Table, joined

# Towns of Britain, between which buses run, and cities elsewhere.
TOWNS = {
    "train": """
        London, Manchester, Lincoln, Bradford, Lancaster, Preston, Leeds, Bristol, Glasgow, York,
        Nottingham, Derby, Liverpool
    """,
    "dev": "Warwick, Stafford, Plymouth, Bath",
    "test": """
        Durham, Chester, Oxford, Cambridge, Norwich, Hamilton, Wellington, Newcastle, Swansea
    """,
}
ABROAD = {
    "train": """
        Austin, Florence, Boston, Chicago, Toronto, Nairobi, Mumbai, Berlin, Hamburg, Helsinki,
        Paris, Rome, Tokyo, Lagos, Cairo, New York, San Francisco, Kigali, Turku, Dar es Salaam,
        Stockholm, Vienna, Warsaw, Geneva, Amsterdam
    """,
    "dev": "Oslo, Lisbon, Accra, Tallinn, Denver, Lusaka, Santa Fe",
    "test": """
        Houston, Sydney, Charlotte, Madrid, Munich, Cologne, Kampala, Mombasa, Seattle, New Delhi,
        Buenos Aires, Copenhagen, Athens, Beijing, Oulu, Istanbul, Addis Ababa
    """,
}

TABLES = {
    # People. Some names are also places: only the context tells.
    "given": Table(
        "PER",
        train="""
            Alice, Brian, Carol, Daniel, Emma, Frank, Grace, Henry, Irene, Jack, Karen, Leonard,
            Maria, Nathan, Olivia, Peter, Rachel, Stephen, Tracy, Victor, Wendy, Amina, Priya,
            Chloe,
            Arthur, Beatrice, Gordon, Hannah, Joseph, Sarah, Austin, Florence, Anna, David
        """,
        dev="Michael, Laura, Martin, Jordan, Fiona, Zoe, Oscar, Nadia",
        test="""
            Thomas, Martha, Samuel, Julia, Simon, Esther, Sydney, Charlotte, Georgia, Raymond,
            Imran,
            Deborah, Philip, Yvonne, Keith, Monica
        """,
    ),
    "family": Table(
        "PER",
        train="""
            Lincoln, Bradford, Carter, Dawson, Ellis, Fletcher, Graham, Hughes, Jenkins, Kendall,
            Lawson, Mitchell, Norris, Osborne, Palmer, Quinn, Reynolds, Sullivan, Turner, Vaughan,
            Whitfield, Yates, Achebe, Banerjee, Chen, Delgado, O'Brien, Kowalski, Patel, Okafor,
            Lancaster, Preston, Barclay, Hudson, Murray
        """,
        dev="Warwick, Burton, Mercer, Ingram, Osei, Novak, Stafford, Fleming, Rahman",
        test="""
            Houston, Durham, Chester, Bennett, Coleman, Doyle, Everett, Gallagher, Holloway, Iqbal,
            Nguyen, Paxton, Rossi, Sanderson, Thornton, Underwood, Wallace, Zhang, McKenna, Lloyd,
            Hamilton, Wellington
        """,
    ),
    "person": Table(
        "PER", all="{given} {family}\n{given} {family}\n{given} {family}\n{given} {middle} {family}"
    ),
    "middle": Table(
        train="A., B., D., F., G., H., J., M., P., R.", dev="E., N., T.", test="C., K., L., S., W."
    ),
    # Places.
    "town": Table("LOC", **TOWNS),
    "city": Table("LOC", **joined(TOWNS, ABROAD)),
    "country": Table(
        "LOC",
        train="""
            Kenya, Tanzania, Germany, Finland, Sweden, France, Italy, Japan, India, Nigeria, Ghana,
            Egypt, Brazil, Canada, Switzerland, Austria, Poland, Rwanda, the [Netherlands],
            the [United States], the [United Kingdom]
        """,
        dev="Portugal, Zambia, Estonia, Mexico, Ireland, Senegal, Jordan, the [Czech Republic]",
        test="""
            Uganda, Burundi, Norway, Spain, China, Ethiopia, Denmark, South Africa, Greece, Turkey,
            Malawi, Argentina, Australia, Georgia, the [Philippines], New Zealand
        """,
    ),
    "region": Table(
        "LOC",
        train="Scotland, Yorkshire, California, Bavaria, Lapland, Zanzibar, Normandy, Virginia",
        dev="Quebec, Kent, Galicia",
        test="Wales, Texas, Cornwall, Saxony, Tuscany, Catalonia, Crete",
    ),
    "water": Table(
        "LOC",
        train="""
            the [Thames], the [Rhine], Lake Victoria, the [Hudson], the [Baltic Sea],
            the [Congo]
        """,
        dev="the [Severn], the [Zambezi], Lake Ontario",
        test="the [Danube], the [Nile], Lake Tanganyika, the [Elbe], the [Black Sea]",
    ),
    "street": Table("LOC", all="{family} Street\n{family} Avenue\n{family} Road"),
    "airport": Table("LOC", all="{city} Airport"),
    "spot": Table(
        "LOC",
        all="""
            {family} Street
            {family} Avenue
            {family} Park
            {family} Bridge
            {town} Airport
            {town} Central Station
            Mount {family}
        """,
    ),
    # Organisations.
    "brand": Table("ORG", **BRANDS),
    "acronym": Table("ORG", **ACRONYMS),
    "field": Table(
        train="Health, Education, Finance, Agriculture, Defence, Foreign Affairs",
        dev="Tourism, Culture",
        test="Transport, Justice, Energy, Trade, Labour",
    ),
    "company": Table(
        "ORG",
        all="""
            {brand}
            {brand}
            {brand} Group
            {brand} Motors
            {brand} Foods
            {brand} Airlines
            {family} & Sons
            {family} and Partners
            {family} Holdings
            {family}
            {town} Breweries
            {brand} Bank
        """,
    ),
    "firm": Table("ORG", all="{family} & Sons\n{family} and Partners"),
    "school": Table(
        "ORG",
        all="""
            the [University of {city}]
            [{city} University]
            [{family} College]
            the [{town} School of Music]
        """,
    ),
    "hospital": Table("ORG", all="[{family} Memorial Hospital]\n[{town} General Hospital]"),
    "office": Table(
        "ORG",
        all="""
            the [University of {city}]
            [{city} University]
            the [Ministry of {field}]
            the [Ministry of {field}]
            [{town} City Council]
            [{family} Memorial Hospital]
            the [{city} Museum of Art]
            the [Bank of {country}]
            the [{brand} Foundation]
            the [{town} Chamber of Commerce]
            the [{acronym}]
            the [{family} Institute]
        """,
    ),
    "paper": Table("ORG", all="the [{town} Herald]\nthe [{city} Times]\nthe [Daily {brand}]"),
    "club": Table(
        "ORG",
        all="""
            {town} United
            {town} Rovers
            {town} City
            {town} Wanderers
            {town}
            {town}
            {city}
        """,
    ),
    # Words that are no names.
    "day": Table(all="Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday"),
    "month": Table(
        all="""
            January, February, March, April, June, July, August, September, October, November,
            December
        """
    ),
    "job": Table(
        all="""
            teacher, nurse, lawyer, journalist, farmer, baker, painter, surgeon, carpenter, coach,
            translator, librarian, pilot, chemist
        """
    ),
    "title": Table(all="Mr, Mrs, Ms, Dr, Professor, Senator, Judge, Captain, President"),
    "goods": Table(
        all="coffee, tea, rice, timber, steel, fish, sugar, cotton, maize, machinery, flowers"
    ),
    "wares": Table(all="machinery, textiles, furniture, paper, medicine, tools, clothes, toys"),
    "skill": Table(all="to read, to write, to count, to swim, to sing"),
    "subject": Table(
        all="""
            history, physics, chemistry, music, economics, law, medicine, geography, philosophy,
            mathematics
        """
    ),
    "adj": Table(all="quiet, long, difficult, cheerful, surprising, busy, cold, short"),
    "food": Table(all="soup, bread, cheese, beans, apples, noodles, pancakes, mangoes, salad"),
    "animal": Table(all="dog, cat, horse, goat, parrot, rabbit, donkey, cow"),
    "thing": Table(all="bicycle, torch, lamp, radio, ladder, camera, suitcase, piano, kettle"),
    "kin": Table(
        all="""
            mother, father, sister, brother, uncle, aunt, cousin, neighbour, grandmother
        """,
    ),
    "weather": Table(all="rain, snow, fog, wind, sunshine, thunder, hail, frost"),
    "storm": Table(all="rain, snow"),
    "climate": Table(all="cold, dry, wet, windy, mild, warm"),
    "direction": Table(all="north, south, east, west"),
    "number": Table(all="two, three, four, five, six, seven, eight, ten, twelve"),
}

SHARED = """
    # News and politics
    {person} arrived in {city} on {day}.
    {person} was born in {city} in 19{40..99}.
    President {family} will visit {country} next week.
    {title} {family} met officials of {office} in {city}.
    {office} said on {day} that the new rules would start in {month}.
    "We are ready," said {person} of {office}.
    The mayor of {city} thanked {office} for its help.
    {country} and {country} signed an agreement in {city}.
    According to {paper}, {person} will resign in {month}.
    {paper} reported that {country} had closed its embassy in {country}.
    Voters in {region} go to the polls on {day}.
    Police in {town} are looking for a {job} called {given}.
    {family} told {paper} that nobody had been hurt.
    The minister flew from {city} to {city} without talking to reporters.
    In {country}, {office} has opened {2..9} new offices.
    # Business
    {company} opened a branch in {city}.
    {company} will hire {20..90}0 people in {region}.
    Shares of {company} rose {2..9} percent on {day}.
    {person} has been the head of {company} since 20{10..22}.
    {company} bought {company} for {2..90} million dollars.
    {country} sold more {wares} to {country} than last year.
    {person}, a former {job}, founded {company} in {city}.
    The workers of {company} in {city} have been on strike since {day}.
    # Sport
    {club} beat {club} {2..5}-1 on {day}.
    {club} signed {person} from {club}.
    {person} scored twice for {club}.
    {club} lost at home to {club}.
    "{club} played better than we did," said coach {family}.
    # Education, health, travel
    {person} teaches {subject} at {school}.
    {person} studied {subject} in {city} before moving to {country}.
    Doctors at {hospital} treated {12..60} patients.
    A bus from {town} to {town} broke down near {spot}.
    {spot} was closed for {number} hours.
    The ferry crosses {water} twice a day.
    {water} is higher than usual after the {storm}.
    {given} and {given} walked along {water}.
    {given} lives in {city} and works for {company}.
    Dear {given}, the train to {town} leaves at {6..11}.{10..55}.
    # A word at the start that is no name
    Nobody in {city} had heard of {person}.
    Books from {country} are sold in {city}.
    Experts from {office} will speak in {city} on {1..28} {month}.
    # No name at all
    The {job} sold the {thing} for {20..90} pounds.
    Heavy {storm} is expected in the {direction} on {day}.
    On {day} the shop opens at {number}.
    My {kin} bought {food} and {food} at the market.
    The price of {goods} has fallen since {month}.
    "Where is my {thing}?" asked the {job}.
    Schools stay closed until {1..28} {month}.
    Students of {subject} must hand in {number} essays.
"""

TRAIN = """
    {person} left {country} in {month} and never returned.
    The governor of {region}, {person}, spoke at {office}.
    {office} has named {person} as its new director.
    Reporters waited for {family} near {spot}.
    The government of {country} has asked {office} for advice.
    {title} {family} was the first {job} from {region} to win the prize.
    A {job} from {city} wrote to {paper}.
    {company} and {company} plan a joint office in {country}.
    Customers of {company} complained about late deliveries in {city}.
    {family}, who owns {company}, lives near {spot}.
    Goalkeeper {person} will leave {club} in {month}.
    {club} will play {club} in {city} on {day}.
    The {job} from {region} played for {club} until 20{10..22}.
    Fans of {club} sang for {family}.
    {school} found that children in {region} read less than before.
    {person} flew to {city} with {company}.
    The road between {town} and {town} is closed because of {storm}.
    From {spot} you can see the whole of {town}.
    {given} met {given} at {spot} on {day}.
    {given} sent {given} a postcard from {country}.
    {street} and {street} are closed to cars.
    {firm} is older than {school}.
    Thanks to {given}, the {animal} was found in {spot}.
    Rain fell in {town}, {town} and {town}.
    Flights from {country} land at {airport}.
    {person} ({20..60}), a {job}, was elected in {region}.
    Researchers at {school} study the fish of {water}.
    Only {number} people stayed in the village.
    Monday was a {adj} day for the {job}.
    The {animal} slept under the {thing}.
    Three merchants waited for the {job}, and one for the {goods}.
    Bread and {food} were sold out before noon on {day}.
"""

TEST = """
    {person} returned to {city} after {number} years in {country}.
    The people of {region} remember {title} {family}.
    {office} denied the report in {paper}.
    Talks between {country} and {country} failed in {city}.
    {company} has closed its shop near {spot}.
    "{company} is not for sale," {family} told {paper}.
    Nurses from {country} now work at {hospital}.
    {family} of {club} was named player of the month in {month}.
    {club} has not won in {city} since 20{10..22}.
    A storm moved from {region} towards {water}.
    Visitors to {town} should see {spot}.
    {given}'s brother repairs boats on {water}.
    {person} and {person} wrote a book about {region}.
    Letters to {given} were found in {office}.
    Tickets cost {12..60} dollars, {company} said.
    Both {family} and {family} come from {city}.
    The cold came early in {country}.
    Sugar was cheaper in {month} than in {month}.
    The {kin} of the {job} kept a {animal}.
    Sorry, the {thing} is broken again.
"""

TEXT = """
    # Daily life
    My {kin} keeps a {animal} behind the house.
    The {animal} ran after the {animal} across the field.
    Every {day} we eat {food} with {food}.
    I lost my {thing} on the way to the station.
    Can you lend me your {thing} until {day}?
    It was a {adj} day, and everybody went home early.
    She put the {thing} beside the {thing} and closed the door.
    His {kin} works as a {job} in a small town.
    The {job} and the {job} shared a table at lunch.
    They cooked {food} for {number} guests.
    We waited {number} hours for the bus. Then it started to snow.
    The meeting was {adj}, but the food was good.
    If you see the {job}, tell him that the {thing} is ready.
    There were {12..90} chairs in the room and only {number} people.
    You can buy fresh {food} here in {month}.
    # Weather and nature
    After {number} days of {storm}, the river reached the bridge.
    The forecast promises {weather} in the {direction} and {weather} in the {direction}.
    It has been {climate} since the middle of {month}.
    The temperature fell to {2..12} degrees on {day} night.
    Farmers hope for {weather} before {month}.
    {region} had more {weather} this {month} than in any year since 19{50..99}.
    The hills around {town} were white on {day} morning.
    # Science, school, health
    Some children learn {skill} at the age of {number}.
    She wants to study {subject} or {subject} in {city}.
    The {job} explained {subject} with the help of a {thing}.
    A new study says that {food} may be good for the heart.
    Doctors advise people to drink more water in {month}.
    {person} wrote {number} books about {subject}.
    The library of {school} holds {2..9} million books.
    {given} failed the {subject} exam, but nobody was angry.
    {hospital} needs {12..60} more nurses. It has asked {office} for money.
    # News and business
    The trade in {wares} between {country} and {country} is growing.
    Exports of {wares} from {country} fell by {2..30} percent in {month}.
    The price of {goods} in {city} is higher than in {city}.
    {company} has apologised to its customers in {country}.
    {company} makes every {thing} by hand.
    The new bridge over {water} cost {20..90} million euros.
    Parliament will vote on the {goods} tax on {day}.
    The court in {town} heard the case of a {job} from {region}.
    {person@p} used to be a {job}. Now {p.family} leads {company}.
    "It was a {adj} year," {title} {family} said in {city}.
    A former {job} of {office} was arrested in {country} on {day}.
    {office} and {office} will work together on {subject}.
    {paper} has sold fewer copies since {month}.
    # Sport and travel
    The match between {club} and {club} ended {2..4}-{2..4}.
    {family} missed a penalty, and {club} went out of the cup.
    {given} took the night train from {town} to {town}.
    Tourists from {country} like the narrow streets of {city}.
    The hotel near {spot} has {20..90} rooms.
    It takes {number} hours to sail across {water}.
    They drove through {region} with a {animal} in the back of the van.
    {given} has never been to {country}, but {given} goes there every {month}.
    The {job} showed {given} the way to {spot}.
"""
