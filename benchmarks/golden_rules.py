"""What a reader takes for a sentence: one case of each kind, for ``sentences``.

The kinds of the first group are those of the Golden Rules, by which sentence splitters are compared; the
second has what language models write; of the third only sense, or luck, tells the end. The words are ours,
and written for this comparison. Our own rules were made with the kinds of the first two groups in mind, as
every splitter's are with those of the first.
"""

from dataclasses import dataclass
from typing import Final

__all__ = ("GROUPS", "Rule")


@dataclass(frozen=True, slots=True)
class Rule:
    """A text, as the sentences that it consists of."""

    kind: str
    sentences: tuple[str, ...]
    #: What stands between two of them.
    joint: str = " "
    language: str = "en"

    @property
    def text(self) -> str:
        """The whole."""
        return self.joint.join(self.sentences)


def _rule(kind: str, text: str, joint: str = " ", language: str = "en") -> Rule:
    """Make a rule of a text with a bar between two sentences."""
    return Rule(kind, tuple(text.split("|")), joint, language)


_CLASSIC: Final = (
    _rule("full stop", "The ferry left at noon.|We waved from the pier."),
    _rule("question mark", "Where did you park?|I cannot see the car."),
    _rule("exclamation mark", "What a goal!|The crowd went wild."),
    _rule("initial", "The letter was signed by Harold R. Pike himself."),
    _rule("one small letter", "The footnotes start on p. 12 and fill the rest."),
    _rule("two small letters, inside", "Miller and co. have moved their office to Leeds."),
    _rule("two small letters, at the end", "The bakery belongs to Miller and co.|It opens at six."),
    _rule("abbreviated company, inside", "Hart & Co. sells lamps and chairs."),
    _rule("abbreviated company, at the end", "She used to work for Hart & Co.|The firm closed last year."),
    _rule("title before a name", "Mrs. Ortega grows tomatoes on her roof."),
    _rule("title before and behind", "You pass St. Anne's on the way to Dr. Lund Jr. and his wife."),
    _rule("possessive of an abbreviation", "Hart & Co.'s lamps are sold everywhere."),
    _rule("several full stops, inside", "An R.S.V.P. card came with the invitation."),
    _rule("several full stops, at the end", "The meeting is in Washington, D.C.|Nobody told us about it."),
    _rule("country at the end", "She grew up in the U.S.|Then her family moved to Peru."),
    _rule("country before a capital", "He joined the U.S. Navy when he was twenty."),
    _rule("country before a small letter", "They have lived in the U.S. since the war."),
    _rule("time of day, inside", "At 6 p.m. Ms. Reed closed the shop."),
    _rule("time of day, at the end", "She came back at 9 a.m.|The door was still locked."),
    _rule("number with a point", "A cup of coffee costs $2.75 at the station."),
    _rule("number at the end", "The ticket was $40.00.|You cannot return it."),
    _rule("sentence in parentheses, inside", "My aunt (She was the eldest of six.) never left the village."),
    _rule("e-mail address", "Write to ann.lee@mail.example.org if it breaks."),
    _rule("web address", "The forms are at https://www.example.org/help/index.html?lang=en.gb for now."),
    _rule("single quotes inside", "He muttered, 'This will never work.' and shut the lid."),
    _rule("double quotes inside", 'The sign said "Mind the dog." in red letters.'),
    _rule("quote at the end", 'She whispered, "They are coming."|We ran.'),
    _rule("quote, speaker, quote", '"Let us go home," he said.|"It is getting cold."'),
    _rule("!!", "We won!!|I still cannot believe it."),
    _rule("??", "You sold it??|That was a gift."),
    _rule("!?", "He said what!?|Nobody ever told me."),
    _rule("?!", "You walked the whole way?!|It takes four hours."),
    _rule("list, 1.)", "1.) Wash the rice|2.) Boil the water"),
    _rule("list, 1.) with full stops", "1.) Wash the rice.|2.) Boil the water."),
    _rule("list, 1)", "1) Wash the rice|2) Boil the water"),
    _rule("list, 1) with full stops", "1) Wash the rice.|2) Boil the water."),
    _rule("list, 1.", "1. Wash the rice|2. Boil the water"),
    _rule("list, 1. with full stops", "1. Wash the rice.|2. Boil the water."),
    _rule("list, bullets and numbers", "• 9. Wash the rice|• 10. Boil the water"),
    _rule("list, hyphen bullets and numbers", "⁃9. Wash the rice|⁃10. Boil the water"),
    _rule("list, letters", "a. Wash the rice|b. Boil the water|c. Salt it"),
    _rule("line end in a sentence", "The report was scanned, so some lines\nbreak where the page did."),
    _rule("blank and line end in a sentence", "We had to wait \nuntil the rain stopped."),
    _rule("short lines in small letters", "extras\nheated seats\nradio, clock", joint="\n"),
    _rule("number sign of a place", "The wreck lies at N°. 4711.022.318.|No diver has reached it."),
    _rule("name with an exclamation mark", "She bought Yahoo! shares in the nineties."),
    _rule("I at the end", "Nobody knew the road, neither she nor I.|Could we ask someone?"),
    _rule(
        "ellipsis at the end of a quote",
        "The poet writes that by the sea “the mind grows quiet, and the eye wide. . . .”",
    ),
    _rule(
        "ellipsis in brackets",
        '"Marsh [...] kept the drawings until 1850 and then sold them [...] to a museum" (Reed, 12).',
    ),
    _rule("ellipsis and a full stop", "He promised to pay, and to leave . . . .|None of it happened."),
    _rule("ellipsis run together", "We waited for hours....|The train never came."),
    _rule("ellipsis inside", "She was not exactly . . . well, happy ... but she, I think . . . stayed."),
    _rule(
        "ellipses inside and at the end",
        "The second cause . . . was the price of salt. . . .|The harbour never recovered. . . .",
    ),
)

_MODELS: Final = (
    _rule("bold sentence", "**Preheat the oven.**|Grease the tin."),
    _rule("bold word at the end", "Keep the dough **cold.**|It tears otherwise."),
    _rule("numbered lines", "1. Chop the onions.|2. Fry them in butter.", joint="\n"),
    _rule("numbered lines without full stops", "1. Chop the onions|2. Fry them in butter", joint="\n"),
    _rule("bulleted lines", "- Chop the onions|- Fry them in butter", joint="\n"),
    _rule("heading", "## Results|The second model is faster.", joint="\n\n"),
    _rule("version and decimals", "Python 3.12.1 is out.|Pi is about 3.14159."),
    _rule("inline code", "Call `frame.head(). Then` once.|Print what it gives."),
    _rule("file name at the end", "The port is set in config.yaml.|Restart the server."),
    _rule("for example", "A small database, e.g. SQLite, will do.|It needs no server."),
    _rule("and so on", "Bring pens, paper, etc. to the room.|We begin at ten."),
    _rule("citation marks", "Bees dance.[1]|They point at flowers.[2]"),
    _rule("colon and list", "You need three things:|- a pan|- an egg|- patience", joint="\n"),
    _rule("blank line without a full stop", "Best wishes,|Your assistant", joint="\n\n"),
    _rule("German", "Am 3. Mai kam Dr. Weiß z. B. gar nicht.|Er war krank.", language="de"),
    _rule("French", "M. Blanc arrive.|« Entrez ! » dit-elle.", language="fr"),
    _rule("Spanish", "¿Dónde está el Sr. Gil?|¡No lo sé!", language="es"),
    _rule("Chinese", "今天很热。|我们去游泳吧！|你来吗？", joint="", language="zh"),
    _rule("Japanese", "「もう行くよ。」と母が言った。|雨が降っていた。", joint="", language="ja"),
)

_SENSE: Final = tuple(
    _rule(f"sense {number}", text)
    for number, text in enumerate(
        (
            "He lives on Main St.|The house is red.",
            "She has a Ph.D.|Most people call her Ann.",
            "She holds a Ph.D. Committee members know it.",
            "We arrived at 5 p.m.|Monday was sunny.",
            "The train leaves at 5 p.m. Monday and comes back on Friday.",
            "i like it.|you like it too.",
            "it rained.|so we stayed in.",
            "Ask Prof. Lee.|He knows.",
            "They hired him at Acme Inc.|Bolt hired his sister.",
            "The shop that Mr. Lee opened with Bolt Inc. Monday sold out.",
            "I gave him a B.|Anna got an A.",
            "We need vitamin C.|Oranges have it.",
            'She said "stop!"|He did not.',
            '"Why?" asked Tom.|Nobody knew.',
            "The answer is 5.|3 is wrong.",
            "He finished no. 3 of 10.",
            "My answer is no.|3 people said yes.",
            "They met in Jan.|Everyone came.",
            "I cannot read this Fig.|It shows nothing.",
            "Go to sleep!|iPads are off.",
            "It costs approx. 5 euros.|That is cheap.",
            "He was born c. 1850 in Ghent.",
            "I love P!nk and Panic! At The Disco.",
            "Yes.|No.|Maybe.",
            "She works for the U.N.|Delegates know her.",
        ),
        1,
    )
)

GROUPS: Final = {
    "of the classic kinds": _CLASSIC,
    "of what models write": _MODELS,
    "that only sense decides": _SENSE,
}
