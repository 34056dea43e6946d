"""The lists of the grammar in generated_tags.py. In lists that are not `SHARED`, every third of five items is for
validation only and every fifth for test only, so these should be as common as their neighbours."""

from __future__ import annotations

# Words that are also first names, and frequent continuations as words.
THINGS = {
    "Teddy": ["bears", "pictures", "costumes", "collectors", "stickers"],
    "Rose": ["bushes", "petals", "gardens", "leaves", "thorns"],
    "Lily": ["ponds", "bulbs", "flowers", "seeds", "stalks"],
    "Amber": ["lights", "rings", "beads", "signals", "brooches"],
    "Ruby": ["rings", "stones", "earrings", "necklaces", "pendants"],
    "Olive": ["trees", "oils", "jars", "groves", "branches"],
    "Ginger": ["biscuits", "cakes", "drinks", "roots", "sweets"],
    "Pepper": ["mills", "sauces", "plants", "pots", "seeds"],
    "Hazel": ["bushes", "nuts", "hedges", "woods", "twigs"],
    "Ivy": ["leaves", "walls", "plants", "wreaths", "vines"],
    "Basil": ["plants", "leaves", "sauces", "pots", "seedlings"],
    "Daisy": ["chains", "fields", "petals", "patterns", "stalks"],
    "Violet": ["curtains", "shirts", "dresses", "candles", "cushions"],
    "Heather": ["moors", "hills", "blooms", "slopes", "tufts"],
    "Grant": ["applications", "letters", "rules", "offices", "schemes"],
    "Bill": ["payments", "collectors", "boards", "folders", "changers"],
    "Will": ["forms", "readings", "copies", "templates", "drafts"],
    "Mark": ["sheets", "tables", "schemes", "lists", "averages"],
    "Jack": ["plugs", "sockets", "knives", "stands", "screws"],
    "Summer": ["dresses", "holidays", "courses", "concerts", "festivals"],
    "Dawn": ["walks", "patrols", "flights", "choruses", "raids"],
    "Art": ["classes", "shops", "lessons", "books", "fairs"],
    "Sandy": ["beaches", "soils", "paths", "shores", "shoes"],
    "Rusty": ["nails", "gates", "pipes", "bicycles", "hinges"],
    "Rocky": ["cliffs", "slopes", "islands", "roads", "ledges"],
    "Sunny": ["rooms", "terraces", "days", "gardens", "balconies"],
    "Jasmine": ["teas", "flowers", "shrubs", "blossoms", "perfumes"],
    "Cherry": ["trees", "pies", "stones", "jams", "tarts"],
    "Robin": ["nests", "eggs", "songs", "feathers", "pictures"],
    "Drew": ["pictures", "maps", "circles", "animals", "faces"],
    "Pat": ["answers", "phrases", "replies", "excuses", "solutions"],
    "Frank": ["letters", "talks", "words", "opinions", "discussions"],
    "Crystal": ["glasses", "bowls", "lamps", "vases", "chandeliers"],
    "Brook": ["trout", "fishes", "stones", "bridges", "waters"],
}

# Most names are composed of a stem and a suffix, so that most names in new text are unseen.
STEMS = (
    "Ash Black Brad Brom Cald Clay Cran Dun East Elm Fair Farn Glen Gold Hart Hather Heath Hol Kirk Lang Lock Mar Mill "
    "Nor Oak Pem Pres Rad Red Roth Shel Stan Stock Thorn Tun Wake Whit Win Wood Brink"
).split()
OF_PEOPLE = "well man son er ley by worth field stone more brook land ridge kins".split()
OF_TOWNS = "ton ham bury port mouth chester stead burgh pool haven dale minster".split()

SHARED = {
    "sentence", "clause", "ambiguous", "town_or_person", "firm_or_person", "month_or_person", "month", "weekday",
    "title", "firm", "day", "year", "two", "pronoun",
}  # fmt: skip

GRAMMAR = {
    "sentence": [
        "{clause}.", "{clause}.", "{clause}!", "{clause} {when}.", "{opener} {clause}.", "{opener} {clause} {when}.",
        "{pronoun} said, '{clause}!'", "{pronoun} said, '{clause}.'", "{pronoun} {says}: '{clause} {when}.'",
        "'{clause},' {two} said.", "'{clause},' said [{first} {last}|person].",
        "[{first}|person] said, '{clause}!'", "{title} [{last}|person] {says}: '{clause}.'",
    ],
    "clause": [
        "[{ambiguous} {last}|person] {one_does}", "[{ambiguous} {last}|person] {one_does}",
        "{thing} {things_do}", "{thing} {things_do}", "{thing} {things_do}",
        "[{ambiguous}|person] {one_does}",
        "{to_someone} [{ambiguous} {last}|person]", "{with_things} {thing}",
        "[{town_or_person}|place] {town_is}", "[{town_or_person}|person] {one_does}",
        "{to_place} [{town_or_person}|place]", "{to_someone} [{town_or_person}|person]",
        "{title} [{town_or_person}|person] {one_does}",
        "[{firm_or_person}|organisation] {says} that it {firm_will}",
        "[{firm_or_person}|person] {says} that {two} {one_will}",
        "[{firm_or_person}|organisation] {firm_does}", "[{firm_or_person}|person] {one_does}",
        "[{month_or_person}|person] {one_does}", "{it_happens} in [{month_or_person}|date]",
        "[{month_or_person} {year}|date] {time_was}", "[{month_or_person} {last}|person] {one_does}",
        "[{first} {last}|person] {one_does}", "{title} [{last}|person] {one_does}",
        "[{first}|person] and [{first}|person] {to_go} [{city}|place]",
        "[{first} {last}|person] of [{city}|place] {one_does}",
        "[{first} {last}|person] {works_for} [{firm}|organisation]",
        "{to_place} [{city}|place]", "{to_someone} [{first} {last}|person]", "{to_someone} {title} [{last}|person]",
        "[{firm}|organisation] {firm_does}", "[{firm}|organisation] {says} that it {firm_will}",
        "{it_happens} on [{weekday}|date]", "{it_happens} on [{day} {month} {year}|date]",
        "[{last} and {last}|organisation] {firm_does}", "[{last}|person] and [{last}|person] {they_do}",
        "{nothing}", "{nothing}",
    ],
    "opener": [
        "I was told that", "They think that", "People say that", "It seems that", "We heard that",
        "According to the paper,", "Everybody knows that", "The sign says that", "Of course", "My aunt wrote that",
    ],
    "when": [
        "today", "last week", "these days", "again", "this year", "now", "at last", "this morning", "once more",
        "every spring", "for a while", "in the afternoon", "since then", "as usual", "tonight",
    ],
    "says": [
        "said", "wrote", "announced", "replied", "explained", "told us", "added", "declared", "insisted", "reported",
    ],
    "pronoun": ["He", "She", "They", "We", "I", "Somebody", "Nobody", "The teacher", "The man", "The girl"],
    "two": ["he", "she"],
    "title": ["Mr.", "Mrs.", "Dr.", "President", "Professor", "Captain", "Judge", "Senator", "Lady", "Aunt"],
    "ambiguous": list(THINGS),
    "one_does": [
        "was a great president", "is on holiday", "was a famous poet", "sold the house", "has won the race",
        "was late", "is my neighbour", "was born in a small village", "laughed", "lost the election",
        "plays the piano", "wrote a long letter", "was the first to arrive", "married a doctor", "became a judge",
        "is very tired", "taught us French", "was a good king", "has two sons", "resigned",
        "was elected by a large majority", "came home with a cold", "was asked to sing", "likes to fish",
        "was an honest man", "signed the contract", "is a nurse", "was seen at the station", "forgot the keys",
        "died at the age of eighty", "smiled at us", "cooked dinner", "was my best friend", "fell asleep",
        "was a brave soldier",
    ],
    "things_do": [
        "are on sale", "were delivered late", "are hard to find", "cost too much", "were sold out",
        "are easy to draw", "were broken", "are in the window", "come from abroad", "are too small",
        "look nice", "are not allowed here", "were found in the cellar", "need more water", "are made by hand",
        "were a great success", "are everywhere", "smell good", "were in a box", "are cheap",
        "can be seen from the road", "are kept in the shed", "were popular", "are hers", "are for children",
    ],
    "with_things": [
        "they sell", "we bought", "he never liked", "she was tired of", "the shop was full of", "I asked for",
        "we talked about", "there were no", "the room was decorated with", "nobody pays for",
    ],
    "to_someone": [
        "we met", "a speech by", "she is married to", "he wrote a book about", "I had dinner with",
        "the car belongs to", "they voted for", "he was defeated by", "she thanked", "everybody laughed at",
        "the prize went to", "a letter from", "we were invited by", "he works with", "the house was sold by",
    ],
    "to_place": [
        "they moved to", "the train to", "we live near", "he was born in", "it never snows in",
        "the road from", "she opened a shop in", "the weather in", "they flew to", "the river flows through",
        "a hotel in", "our bus left for", "the people of", "he studied in", "it rained all over",
    ],
    "town_is": [
        "is a small town", "has a fine harbour", "was flooded", "lies on a river", "is two hours away by train",
        "is known for its cheese", "has an airport", "is full of tourists", "was built on seven hills",
        "has no station", "is the capital", "is colder than here", "was bombed", "has narrow streets",
        "is the largest city of the north",
    ],
    "to_go": ["went to", "live in", "met in", "travelled to", "have a house in"],
    "works_for": ["works for", "has left", "was hired by", "is the head of", "owns a part of"],
    "firm_does": [
        "closed two plants", "raised its prices", "hired a thousand people", "sold its shares", "opened a new factory",
        "reported a loss", "makes trucks", "was bought by a bank", "cut its costs", "is for sale",
        "had a strike", "pays low wages", "was founded by two brothers", "lost its licence", "doubled its profit",
    ],
    "firm_will": [
        "would close two plants", "would raise its prices", "would hire more people", "was for sale", "would cut costs",
        "had made a loss", "would build a new factory", "expected higher sales", "would pay its debts",
        "would move its headquarters",
    ],
    "one_will": [
        "was tired", "would come home", "had lost the keys", "was getting married", "would write soon",
        "had seen a ghost", "would run for office", "was sorry", "wanted to retire", "felt better",
    ],
    "they_do": [
        "are old friends", "met at school", "both laughed", "were married in the spring", "argued all evening",
        "wrote the book together", "shared the prize", "sang a song", "are twins", "went home early",
    ],
    "it_happens": [
        "the fair opens", "she was born", "the war ended", "we will meet", "school begins",
        "the bridge was finished", "it snowed", "the election is held", "he retired", "the shop was closed",
        "they were married", "the trial began", "the results came", "prices fell", "the ship sank",
    ],
    "time_was": [
        "was a hard month", "was very wet", "was the end of it", "brought the first snow", "is too late",
        "was warmer than usual", "is the date of the trial", "was a bad time for farmers", "ended with a storm",
        "was the beginning of the war",
    ],
    "nothing": [
        "the bears like honey", "the ford across the river is deep", "the roses need water", "a grant would help us",
        "the baker opens at six", "the bill was too high", "the cook left the kitchen", "she drew a map of the island",
        "the new law helps small firms", "the king was old", "the robin sang in the garden",
        "the summer was short and wet", "they may come later", "he will mark the papers",
        "the art of cooking takes time", "the olives are ripe", "the streets are empty", "a president is elected",
        "the march was peaceful", "the judge fell asleep", "bears are dangerous", "flowers grow by the road",
        "the jack was under the car", "tickets are on sale", "the bishop spoke for an hour", "stamps cost more",
        "dinner is ready", "the lily in the pond is white", "the frank answer surprised us", "boxes were everywhere",
    ],
    "town_or_person": [
        "Lincoln", "Jordan", "Washington", "Houston", "Florence", "Victoria", "Chester", "Austin", "Madison",
        "Carlisle", "Lancaster", "Bolton", "Preston", "Kent", "Sydney", "Adelaide", "Charlotte", "Georgia", "Virginia",
        "Chelsea", "Brooklyn", "Camden", "Paris", "London", "Jackson", "Cleveland", "Columbus", "Hamilton",
        "Wellington", "Durham", "Stafford", "Lynn",
    ],
    "firm_or_person": [
        "Ford", "Morgan", "Dell", "Ferrari", "Disney", "Boeing", "Heinz", "Kellogg", "Barclay", "Hilton", "Marriott",
        "Siemens", "Philips", "Bosch", "Cadbury", "Chanel", "Armani", "Prada", "Versace", "Dyson", "Renault", "Honda",
        "Toyota", "Bentley", "Macy", "Levi", "Hertz", "Sainsbury", "Lilly", "Johnson",
    ],
    "month_or_person": ["May", "April", "June", "August"],
    "month": ["January", "February", "March", "July", "September", "October", "November", "December", "May", "June"],
    "weekday": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    "day": [str(n) for n in range(1, 29)],
    "year": [str(n) for n in range(1880, 2024, 3)],
    "first": [
        "Anna", "Peter", "Maria", "John", "Elena", "Tom", "Susan", "Igor", "Paula", "Henry", "Clara", "David", "Nina",
        "Walter", "Laura", "Simon", "Emma", "Oscar", "Helen", "George", "Julia", "Martin", "Sarah", "Victor", "Alice",
        "Thomas", "Karen", "Albert", "Diana", "Edward", "Fiona", "Philip", "Gloria", "Robert", "Hannah", "Samuel",
        "Irene", "Daniel", "Janet", "Andrew", "Marta", "Leon", "Nora", "Arthur", "Olga", "Ralph", "Rita", "Hugo",
        "Stella", "Kevin", "Teresa", "Louis", "Vera", "Max", "Wendy", "Nigel", "Yvonne", "Oliver", "Zoe", "Quentin",
    ],
    "last": [
        "Adams", "Becker", "Carter", "Dalton", "Evans", "Fischer", "Garcia", "Harris", "Ivanov", "Jensen", "Keller",
        "Larsen", "Miller", "Novak", "Olsen", "Parker", "Quinn", "Rossi", "Schmidt", "Taylor", "Ullman", "Vogel",
        "Walker", "Young", "Zimmer", "Andersen", "Brown", "Clark", "Davies", "Ellis", "Foster", "Gibson", "Hughes",
        "Irving", "James", "Kelly", "Lopez", "Martinez", "Nelson", "Owens", "Peterson", "Reed", "Sanders", "Thompson",
        "Underwood", "Vargas", "Wilson", "Yates", "Abbott", "Bennett", "Coleman", "Dixon", "Edwards", "Fletcher",
        "Graham", "Howard", "Ingram", "Jacobs", "Klein", "Lambert", "Moreau", "Norris", "Osborne", "Petrov", "Russell",
        "Shaw", "Turner", "Vance", "Watson", "Weber", "Barnes", "Chambers", "Doyle", "Everett", "Franklin", "Griffin",
        "Hoffman", "Kowalski", "Lindgren", "Marino",
        *(name for name in (stem + end for stem in STEMS for end in OF_PEOPLE) if name != "Miller"),
    ],
    "city": [
        "Berlin", "Madrid", "Oslo", "Boston", "Vienna", "Prague", "Chicago", "Dublin", "Lisbon", "Toronto", "Rome",
        "Athens", "Geneva", "Denver", "Munich", "Warsaw", "Seattle", "Cairo", "Tokyo", "Leeds", "Hamburg", "Naples",
        "Bristol", "Moscow", "Detroit", "Glasgow", "Zurich", "Mumbai", "Seville", "Portland", "Norwich", "Lagos",
        "Lima", "Krakow", "Bergen", "Malmo", "Turin", "Lyon", "Porto", "Nairobi", "Bilbao", "Graz", "Utrecht", "Cork",
        "Tampere",
        *(stem + end for stem in STEMS for end in OF_TOWNS),
    ],
    "firm": [
        "the University of {city}", "the Bank of {city}", "{last} & Sons", "{city} United", "the {city} Post",
        "the {last} Foundation", "{last} Motors", "the {city} Opera", "{last} Airlines", "the {city} Railway",
        "the {last} Institute", "{city} Steel", "the Port of {city}", "{last} Press", "the City Council of {city}",
    ],
}  # fmt: skip
