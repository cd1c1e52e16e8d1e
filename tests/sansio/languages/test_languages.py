"""The rule sets, by name and by example."""

import pytest

from rxstream.errors import UnknownName
from rxstream.sansio.languages import LANGUAGES, rules_for
from rxstream.sansio.sentences import Sentences


@pytest.mark.parametrize(
    ("name", "known"), [("en", "en"), ("en-GB", "en"), ("pt_BR", "pt"), ("ZH-Hant-TW", "zh"), ("De", "de")]
)
def test_a_region_may_follow_the_language(name: str, known: str) -> None:
    assert rules_for(name) is LANGUAGES[known]


def test_an_unknown_language_is_refused_with_a_list_of_the_known() -> None:
    with pytest.raises(UnknownName, match=r"de, en, es, fr, it, ja, nl, pt, zh .* got 'xx'"):
        Sentences(language="xx")
    with pytest.raises(UnknownName, match="got ''"):
        Sentences(language="")


# A text, and behind the bar its sentences, between slashes.
EXAMPLES = {
    "en": """
Dr. Lee met Mrs. Park. They talked. | Dr. Lee met Mrs. Park. / They talked.
Bring fruit, e.g. apples, i.e. Fuji. Thanks. | Bring fruit, e.g. apples, i.e. Fuji. / Thanks.
Sun vs. Moon is a game. | Sun vs. Moon is a game.
We sat. Then we left on Sat. The end. | We sat. / Then we left on Sat. / The end.
It begins on Jan. 5 at noon. | It begins on Jan. 5 at noon.
It weighs 3 lbs. The box is 2 ft. wide. | It weighs 3 lbs. / The box is 2 ft. wide.
He moved to the U.S. She stayed. | He moved to the U.S. / She stayed.
He who needs a new job left for the big U.S. I did. | He who needs a new job left for the big U.S. / I did.
The U.S. Senate met. | The U.S. Senate met.
We met at 5 p.m. The talk was short. | We met at 5 p.m. / The talk was short.
At 5 a.m. Mr. Bo woke. | At 5 a.m. Mr. Bo woke.
See No. 7. He said no. Then he left. | See No. 7. / He said no. / Then he left.
As Fig. 3 shows, it works. | As Fig. 3 shows, it works.
Acme Inc. bought Bolt Ltd. It paid cash. | Acme Inc. bought Bolt Ltd. / It paid cash.
Pi is 3.14. Version v1.2.3 is out at 10.30. OK. | Pi is 3.14. / Version v1.2.3 is out at 10.30. / OK.
J. R. R. Tolkien and J.K. Rowling wrote. | J. R. R. Tolkien and J.K. Rowling wrote.
My sister and I. Who else? | My sister and I. / Who else?
Wait... what? And... Well. | Wait... what? / And... / Well.
I mean … I think so. | I mean … I think so.
He said "Go." Then he left. | He said "Go." / Then he left.
"Go!" she said. "Now." | "Go!" she said. / "Now."
It rains. (See above.) Next one. | It rains. / (See above.) / Next one.
It was (oh my! really?) fine. | It was (oh my! really?) fine.
Ask a@b.com. Use node.js from x.org/a?b=c.d! Good. | Ask a@b.com. / Use node.js from x.org/a?b=c.d! / Good.
Is it? yes! it is. | Is it? / yes! / it is.
iOS is one. iPhone sales rose. | iOS is one. / iPhone sales rose.
Great!😀 Super! 😀 Next. | Great!😀 / Super! / 😀 Next.
It is so.[1] And so.[2][3] Or so.¹ End. | It is so.[1] / And so.[2][3] / Or so.¹ / End.
Ask at Yahoo! in town. | Ask at Yahoo! in town.
""",
    "de": """
Am 3. Oktober kam er. Es regnete. | Am 3. Oktober kam er. / Es regnete.
Das ist z. B. Obst, d. h. Äpfel, u.a. rote. Gut. | Das ist z. B. Obst, d. h. Äpfel, u.a. rote. / Gut.
Im 19. Jahrhundert lebte Dr. Ohm. Er war klug. | Im 19. Jahrhundert lebte Dr. Ohm. / Er war klug.
Er wurde 2. Die anderen kamen 1990. Peter auch. | Er wurde 2. / Die anderen kamen 1990. / Peter auch.
Ludwig XIV. König von Frankreich. | Ludwig XIV. König von Frankreich.
„Komm.“ Sie kam. „Was?“ fragte er. | „Komm.“ / Sie kam. / „Was?“ fragte er.
Siehe Nr. 5 usw. und Abb. 2. Danke. | Siehe Nr. 5 usw. und Abb. 2. / Danke.
""",
    "fr": """
M. Petit est là. Mme Roy aussi. | M. Petit est là. / Mme Roy aussi.
« Bonjour ! » dit-il. « Entrez. » Elle entra. | « Bonjour ! » dit-il. / « Entrez. » / Elle entra.
Quoi ? demanda-t-elle. Rien ! Partons. | Quoi ? demanda-t-elle. / Rien ! / Partons.
Un fruit, p. ex. Une poire. | Un fruit, p. ex. Une poire.
M. L. Roy est dans l’U.E. L’hiver vint. | M. L. Roy est dans l’U.E. / L’hiver vint.
C’était en 50 av. J.-C. Il faisait chaud. | C’était en 50 av. J.-C. / Il faisait chaud.
""",
    "es": """
¿Qué tal? ¡Hola! Bien. | ¿Qué tal? / ¡Hola! / Bien.
El Sr. Gil vive en EE. UU. desde 2010. Bien. | El Sr. Gil vive en EE. UU. desde 2010. / Bien.
¡Qué bien! —dijo. ¿Y tú? | ¡Qué bien! —dijo. / ¿Y tú?
""",
    "it": """
Il Sig. Neri lavora alla Rossi S.p.A. di Roma. Sì. | Il Sig. Neri lavora alla Rossi S.p.A. di Roma. / Sì.
Boh! disse. Perché? Mah. | Boh! disse. / Perché? / Mah.
""",
    "pt": """
O Sr. Melo e a Dra. Reis vieram. Veja a pág. 5. | O Sr. Melo e a Dra. Reis vieram. / Veja a pág. 5.
Não! disse ele. Tudo bem? Sim. | Não! disse ele. / Tudo bem? / Sim.
""",
    "nl": """
Neem bijv. Appels of o.a. Peren. Dag. | Neem bijv. Appels of o.a. Peren. / Dag.
Hij ging. ’s Avonds kwam hij. 't Is laat. | Hij ging. / ’s Avonds kwam hij. / 't Is laat.
Hij ging. ’s avonds en 'snel. | Hij ging. ’s avonds en 'snel.
""",
    "zh": """
你好。我很好！真的？！是的。 | 你好。 / 我很好！ / 真的？！ / 是的。
我看了《走吧！朋友》。好。 | 我看了《走吧！朋友》。 / 好。
他说：“好。”然后走了。价格是3.14元。 | 他说：“好。” / 然后走了。 / 价格是3.14元。
你好!我很好。约３．１４米。 | 你好! / 我很好。 / 约３．１４米。
""",
    "ja": """
「そうですか。」と彼は言った。はい。 | 「そうですか。」と彼は言った。 / はい。
「はい。」「いいえ。」終わり | 「はい。」 / 「いいえ。」 / 終わり
""",
}


@pytest.mark.parametrize(
    ("language", "line"),
    [(name, line) for name, block in EXAMPLES.items() for line in block.strip().split("\n")],
)
def test_sentences_are_told_by_the_rules_of_their_language(language: str, line: str) -> None:
    text, _, expected = line.partition(" | ")
    machine = Sentences(language=language)
    assert [*machine.feed(text), *machine.close()] == expected.split(" / ")


def test_every_language_has_examples() -> None:
    assert EXAMPLES.keys() == LANGUAGES.keys()
