"""A seeded grammar: short English-like documents in which looking back pays.

Names are invented from syllables, so that a name's second appearance can only be copied, syllable by syllable
(induction), and each syllable depends on the one before it (previous token). Facts are stated once and asked for later
(recall over many keys), lists are repeated, verbs and pronouns agree with subjects. Everything comes from one
`random.Random`, so the text is the same on every machine.
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
FEELINGS = ["happy", "sad", "tired", "proud", "afraid", "brave"]
NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]

WORDS = COLOURS + SIZES + THINGS + ANIMALS + PLACES + FEELINGS + NUMBERS


def plural(noun: str) -> str:
    return PLURAL.get(noun, noun + "s")


class Writer:
    """Writes documents. Each document has a small cast of people with names, a pronoun and belongings."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def pick(self, options):
        return options[self.random.randrange(len(options))]

    def name(self) -> str:
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
            parts.append(f"{self.pick(['List', 'Say', 'Code'])}: {words}. Again: {words}.")
        return " ".join(parts)

    def register(self) -> str:
        rows = [(self.name(), self.pick(COLOURS), self.pick(THINGS)) for _ in range(self.random.randint(3, 6))]
        text = " ".join(f"{name}: {colour} {thing}." for name, colour, thing in rows)
        self.random.shuffle(rows)
        asked = rows[: self.random.randint(2, len(rows))]
        return text + " " + " ".join(f"Who is {name}? {colour} {thing}." for name, colour, thing in asked)

    def document(self) -> str:
        cast = [self.person() for _ in range(self.random.randint(1, 3))]
        parts = [self.introduce(p) for p in cast]
        for _ in range(self.random.randint(6, 9)):
            kind = self.random.random()
            if kind < 0.30:
                parts.append(self.scene(cast))
            elif kind < 0.42:
                p = self.pick(cast)
                parts.append(f"What did {p['name']} have? A {p['has'][0]} {p['has'][1]}.")
            elif kind < 0.50:
                parts.append(self.agreement())
            elif kind < 0.55:
                parts.append(self.counting())
            elif kind < 0.88:
                parts.append(self.copying())
            else:
                parts.append(self.register())
        return " ".join(parts)


def documents(seed: int, count: int, practice: bool = False) -> list[str]:
    """`count` documents, reproducible from `seed`."""
    writer = Writer(seed)
    return [writer.practice() if practice else writer.document() for _ in range(count)]


if __name__ == "__main__":
    for text in documents(1, 3):
        print(text, end="\n\n")
