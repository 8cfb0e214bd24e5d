"""A seeded grammar: short English-like documents in which looking back pays.

Some names are invented from syllables, so that a name's second appearance can only be copied, syllable by syllable
(induction), and each syllable depends on the one before it (previous token). Facts are stated once and asked for later
(recall over many keys), lists are repeated, verbs and pronouns agree with subjects. The flags of some countries are always
the same, so that "The American flag is red, white, and" has an answer to know; those of places are new in each text.
Everything comes from one `random.Random`, so the text is the same on every machine.
"""

from __future__ import annotations

import random

ONSETS = ["b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "br", "tr", "dr", "st"]
VOWELS = ["a", "e", "i", "o", "u"]
CODAS = ["", "", "n", "r", "l", "s"]

COLOURS = ["red", "blue", "green", "white", "black", "yellow", "brown", "grey"]
SIZES = ["small", "big", "old", "new", "tall", "round"]
THINGS = ["ball", "box", "hat", "book", "lamp", "bell", "cup", "key", "coat", "boat", "drum", "kite"]
ANIMALS = ["bird", "dog", "cat", "fox", "horse", "duck", "frog", "mouse"]
PLURAL = {"fox": "foxes", "box": "boxes", "mouse": "mice"}
PLACES = ["park", "garden", "house", "river", "market", "forest", "school", "hill"]
ACTIONS = [("sing", "sings"), ("run", "runs"), ("sleep", "sleeps"), ("jump", "jumps"), ("wait", "waits"), ("play", "plays")]
FEELINGS = ["happy", "sad", "tired", "proud", "calm", "brave"]
NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]

NAMES = [
    "Anna", "Ben", "Carl", "Dora", "Emma", "Finn", "Greta", "Hugo", "Ida", "Jan", "Kim", "Lena", "Maria", "Noah", "Otto", "Paul",
    "Rosa", "Sam", "Tom", "Vera", "Will", "Yuki", "Zoe", "Lily", "Mia", "Leo", "Eva", "Ali", "Ravi", "Sara",
]
FLAGS = {
    "American": ("red", "white", "blue"),
    "French": ("blue", "white", "red"),
    "German": ("black", "red", "gold"),
    "Italian": ("green", "white", "red"),
    "Irish": ("green", "white", "orange"),
    "Belgian": ("black", "yellow", "red"),
    "Russian": ("white", "blue", "red"),
    "Estonian": ("blue", "black", "white"),
}
# What the night is, and what the next day is.
WEATHER = [("dark", "bright"), ("cold", "warm"), ("wet", "dry"), ("long", "short"), ("quiet", "loud")]

WORDS = COLOURS + SIZES + THINGS + ANIMALS + PLACES + FEELINGS + NUMBERS + list(FLAGS) + [word for pair in WEATHER for word in pair]


def plural(noun: str) -> str:
    return PLURAL.get(noun, noun + "s")


class Writer:
    """Writes documents. Each document has a small cast of people with names, a pronoun and belongings."""

    def __init__(self, seed: int, invented: float = 0.3) -> None:
        """`invented`: the share of names that are made of syllables."""
        self.random = random.Random(seed)
        self.invented = invented

    def pick(self, options):
        return options[self.random.randrange(len(options))]

    def name(self) -> str:
        return self.invent() if self.random.random() < self.invented else self.pick(NAMES)

    def invent(self) -> str:
        syllables = self.random.choice([2, 2, 3])
        text = "".join(self.pick(ONSETS) + self.pick(VOWELS) + (self.pick(CODAS) if i == syllables - 1 else "") for i in range(syllables))
        return text.capitalize()

    def code(self) -> str:
        return " ".join(self.pick("ABCDEFGHJKLMNPQRSTUVWXYZ") + str(self.random.randrange(10)) for _ in range(self.random.randint(4, 7)))

    def shuffled(self) -> str:
        """Words in no order: what follows what can only be copied."""
        return " ".join(self.pick(WORDS) for _ in range(self.random.randint(5, 9)))

    def person(self) -> dict:
        girl = self.random.random() < 0.5
        return {
            "name": self.name(),
            "kind": "girl" if girl else "boy",
            "he": "She" if girl else "He",
            "his": "her" if girl else "his",
            "has": (self.pick(COLOURS), self.pick(THINGS)),
            "place": self.pick(PLACES),
            "feels": self.pick(FEELINGS),
        }

    def introduce(self, p: dict) -> str:
        return self.pick([
            f"There was a {p['kind']} named {p['name']}. {p['he']} had a {p['has'][0]} {p['has'][1]}.",
            f"{p['name']} was a {p['feels']} {p['kind']}. {p['he']} lived near the {p['place']} with {p['his']} {p['has'][0]} {p['has'][1]}.",
            f"Once there lived a {p['kind']} named {p['name']}. {p['he']} was {p['feels']}.",
        ])

    def scene(self, cast: list[dict]) -> str:
        p, q = self.pick(cast), self.pick(cast)
        if p is q:
            return self.pick([
                f"{p['name']} went to the {p['place']} with {p['his']} {p['has'][1]}. {p['he']} was {p['feels']}.",
                f"\"I am {p['feels']},\" said {p['name']}. \"My {p['has'][1]} is {p['has'][0]}.\"",
                f"{p['name']} lost {p['his']} {p['has'][0]} {p['has'][1]}. {p['he']} found the {p['has'][1]} in the {p['place']}.",
            ])
        return self.pick([
            f"{p['name']} gave {p['his']} {p['has'][1]} to {q['name']}. {q['name']} gave the {p['has'][1]} back to {p['name']}.",
            f"\"Where is {q['name']}?\" said {p['name']}. \"{q['name']} is at the {q['place']},\" said {p['name']}.",
            f"{p['name']} and {q['name']} went to the {q['place']}. {p['name']} took the {p['has'][0]} {p['has'][1]} and {q['name']} took the {q['has'][0]} {q['has'][1]}.",
        ])

    def agreement(self) -> str:
        noun, (verb, verbs) = self.pick(ANIMALS), self.pick(ACTIONS)
        adjective, place = self.pick(COLOURS + SIZES), self.pick(PLACES)
        if self.random.random() < 0.5:
            return f"The {adjective} {noun} near the {plural(self.pick(THINGS))} {verbs} in the {place}. It {verbs} all day."
        return f"The {adjective} {plural(noun)} near the {self.pick(THINGS)} {verb} in the {place}. They {verb} all day."

    def counting(self) -> str:
        start = self.random.randrange(6)
        words = NUMBERS[start : start + self.random.randint(3, 5)]
        noun = plural(self.pick(ANIMALS))
        return f"Count the {noun}: {', '.join(words)}. Again: {', '.join(words)}. There are {words[-1]} {noun}."

    def flag(self) -> str:
        def colours(of) -> str:
            return f"{of[0]}, {of[1]}, and {of[2]}"

        if self.random.random() < 0.5:
            nation, other = self.random.sample(list(FLAGS), 2)
            first = f"The {nation} flag is {colours(FLAGS[nation])}."
            return self.pick([first, f"{first} The {other} flag is {colours(FLAGS[other])}."])
        place, of = self.pick(PLACES), self.random.sample(COLOURS, 3)
        return f"The {place} flag is {colours(of)}. What is on the {place} flag? It is {colours(of)}."

    def weather(self) -> str:
        night, day = self.pick(WEATHER[:1] * 3 + WEATHER)
        return self.pick([f"The night is {night}. The next day is {day}.", f"The next day is {day}."])

    def copying(self) -> str:
        if self.random.random() < 0.4:
            code = self.code()
            return f"Code: {code}. Again: {code}."
        if self.random.random() < 0.4:
            words = self.shuffled()
            return f"List: {words}. Again: {words}."
        names = " ".join(self.name() for _ in range(self.random.randint(2, 4)))
        return f"Say: {names}. Again: {names}."

    def practice(self) -> str:
        """Nothing but copies, longer ones: what the first half of training reads, so that copying is learned early."""
        parts = []
        for _ in range(5):
            kind = self.random.random()
            if kind < 0.5:
                words = " ".join(self.pick(WORDS) for _ in range(self.random.randint(6, 16)))
            else:
                words = " ".join(self.name() for _ in range(self.random.randint(2, 5)))
            # A text may begin with any word.
            bare = not parts and self.random.random() < 0.5
            parts.append(f"{words}. Again: {words}." if bare else f"{self.pick(['List', 'Say', 'Code'])}: {words}. Again: {words}.")
        return " ".join(parts)

    def register(self) -> str:
        names = {self.name() for _ in range(self.random.randint(3, 6))}
        rows = [(name, self.pick(COLOURS), self.pick(THINGS)) for name in sorted(names)]
        self.random.shuffle(rows)
        text = " ".join(f"{name}: {colour} {thing}." for name, colour, thing in rows)
        self.random.shuffle(rows)
        asked = rows[: self.random.randint(min(2, len(rows)), len(rows))]
        return text + " " + " ".join(f"Who is {name}? {colour} {thing}." for name, colour, thing in asked)

    def alone(self) -> str:
        """What needs nobody that was named before."""
        kind = self.random.random()
        if kind < 0.13:
            return self.agreement()
        if kind < 0.21:
            return self.counting()
        if kind < 0.36:
            return self.flag()
        if kind < 0.45:
            return self.weather()
        return self.copying() if kind < 0.83 else self.register()

    def document(self) -> str:
        cast = [self.person() for _ in range(self.random.randint(1, 3))]
        parts = [self.alone()] if self.random.random() < 0.6 else []
        parts += [self.introduce(p) for p in cast]
        for _ in range(self.random.randint(6, 9)):
            kind = self.random.random()
            if kind < 0.28:
                parts.append(self.scene(cast))
            elif kind < 0.39:
                p = self.pick(cast)
                parts.append(f"What did {p['name']} have? A {p['has'][0]} {p['has'][1]}.")
            else:
                parts.append(self.alone())
        text = " ".join(parts)
        return text[0].lower() + text[1:] if self.random.random() < 0.15 else text


def documents(seed: int, count: int, practice: bool = False, **how) -> list[str]:
    """`count` documents, reproducible from `seed`."""
    writer = Writer(seed, **how)
    return [writer.practice() if practice else writer.document() for _ in range(count)]


if __name__ == "__main__":
    for text in documents(1, 3):
        print(text, end="\n\n")
